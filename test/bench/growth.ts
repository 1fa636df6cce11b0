/** How the cost grows: with mounts, rules, containers that exist, containers at the same time. */
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Config } from '../integration/config.ts';
import { args, lifeInMs, milliseconds, type Scenario, SLEEP, TRUE, wholeLife } from './verbs.ts';

const MANY = 100;

export const many: Scenario = {
  name: `${MANY} containers`,
  unit: 'ms',
  share: 0.05,
  prepare(ground, subject) {
    const bundle = ground.bundle(args(TRUE));
    const command = (): string[] =>
      ground.command(subject, 'run', '--bundle', bundle, ground.newId());
    return async () => {
      const one = ground.time(...Array.from({ length: MANY }, command));
      const pair = await ground.timeTogether([
        Array.from({ length: MANY / 2 }, command),
        Array.from({ length: MANY / 2 }, command),
      ]);
      return {
        [`${MANY} one after another`]: one.reduce((sum, { ms }) => sum + ms, 0),
        [`${MANY}, two at a time`]: pair,
      };
    };
  },
};

/** `run` with this many bind mounts more. */
export const mounts = (count: number): Scenario => ({
  name: `run with ${count} mounts`,
  unit: 'ms',
  share: count > 100 ? 0.05 : 0.2,
  prepare(ground, subject) {
    const rootfs = ground.copyRootfs();
    const source = join(rootfs, 'srv');
    const bundle = ground.bundle((config) => {
      config.process.args = [...TRUE];
      config.root = { path: rootfs };
      for (let index = 0; index < count; index += 1) {
        mkdirSync(join(rootfs, `mnt/${index}`));
        config.mounts.push({
          destination: `/mnt/${index}`,
          type: 'bind',
          source,
          options: ['bind', 'ro'],
        });
      }
    });
    return () => {
      const command = ground.command(subject, 'run', '--bundle', bundle, ground.newId());
      return { [`${count} mounts`]: milliseconds(ground.time(command)[0]) };
    };
  },
});

const RULES = 400;
const PROFILE = join(import.meta.dirname, '../fixtures/real-configs/podman-default.json');

/** `run` with a seccomp profile of 400 rules, a system call each. */
export const seccomp: Scenario = {
  name: `seccomp, ${RULES} rules`,
  unit: 'ms',
  share: 0.2,
  prepare(ground, subject) {
    const names = knownSystemCalls().slice(0, RULES);
    const bundle = ground.bundle((config) => {
      config.process.args = [...TRUE];
      config.linux.seccomp = {
        defaultAction: 'SCMP_ACT_ERRNO',
        architectures: ['SCMP_ARCH_X86_64'],
        syscalls: names.map((name) => ({ names: [name], action: 'SCMP_ACT_ALLOW' })),
      };
    });
    return () => {
      const command = ground.command(subject, 'run', '--bundle', bundle, ground.newId());
      return { [`${RULES} seccomp rules`]: milliseconds(ground.time(command)[0]) };
    };
  },
};

/** The system calls podman's profile names. */
function knownSystemCalls(): string[] {
  const config = JSON.parse(readFileSync(PROFILE, 'utf8')) as Config;
  const names = config.linux.seccomp?.syscalls?.flatMap((rule) => rule.names) ?? [];
  return [...new Set(names)];
}

/** create and delete while this many containers exist. */
export const existing = (count: number): Scenario => ({
  name: `${count} containers exist`,
  unit: 'ms',
  share: 0.2,
  prepare(ground, subject) {
    const bundle = ground.bundle(args(SLEEP));
    const ids = Array.from({ length: count }, () => ground.newId());
    ground.time(...ids.map((id) => ground.command(subject, 'create', '--bundle', bundle, id)));
    ground.atEnd(() =>
      ground.time(...ids.map((id) => ground.command(subject, 'delete', '--force', id))),
    );
    return () => {
      const measured = lifeInMs(wholeLife(ground, subject, bundle));
      return { [`create, ${count} exist`]: measured['create'] ?? Number.NaN };
    };
  },
});
