/** How the cost grows: with mounts, rules, containers that exist, containers at the same time. */
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Config } from '../integration/config.ts';
import type { Ground } from './ground.ts';
import type { Scenario } from './measure.ts';
import type { Subject } from './subject.ts';
import { args, lifeInMs, milliseconds, SLEEP, TRUE, wholeLife } from './verbs.ts';

const MANY = 100;

export const many: Scenario = {
  name: 'many',
  unit: 'ms',
  share: 0.1,
  prepare(ground, subject) {
    const bundle = ground.bundle(args(TRUE));
    const commands = (count: number): string[][] =>
      Array.from({ length: count }, () =>
        ground.command(subject, 'run', '--bundle', bundle, ground.newId()),
      );
    return async () => ({
      [`${MANY} runs, one after another`]: await ground.timeTogether(commands(MANY)),
      [`${MANY} runs, two at a time`]: await ground.timeTogether(
        commands(MANY / 2),
        commands(MANY / 2),
      ),
    });
  },
};

export const MOUNTS = [10, 100, 1000] as const;
export const SLOPE = 'run, each 100 mounts more';
export const withMounts = (count: number): string => `run, ${count} mounts`;

/** `run` with these many bind mounts more, and what the difference comes to. */
export const mounts: Scenario = {
  name: 'mounts',
  unit: 'ms',
  share: 1,
  prepare(ground, subject) {
    const bundles = MOUNTS.map((count) => bundleWithMounts(ground, count));
    const [few, , most] = MOUNTS;
    return async () => {
      const samples = await ground.time(
        ...bundles.map((bundle) =>
          ground.command(subject, 'run', '--bundle', bundle, ground.newId()),
        ),
      );
      const [least = Number.NaN, , longest = Number.NaN] = samples.map(milliseconds);
      return {
        ...Object.fromEntries(
          MOUNTS.map((count, index) => [withMounts(count), milliseconds(samples[index])]),
        ),
        [SLOPE]: ((longest - least) / (most - few)) * 100,
      };
    };
  },
};

function bundleWithMounts(ground: Ground, count: number): string {
  const rootfs = ground.copyRootfs();
  return ground.bundle((config) => {
    config.process.args = [...TRUE];
    config.root = { path: rootfs };
    for (let index = 0; index < count; index += 1) {
      mkdirSync(join(rootfs, `mnt/${index}`));
      config.mounts.push({
        destination: `/mnt/${index}`,
        type: 'bind',
        source: join(rootfs, 'srv'),
        options: ['bind', 'ro'],
      });
    }
  });
}

const RULES = 400;
const PROFILE = join(import.meta.dirname, '../fixtures/real-configs/podman-default.json');

/** `run` with a seccomp profile of 400 rules, a system call each. */
export const seccomp: Scenario = {
  name: 'seccomp',
  unit: 'ms',
  share: 0.4,
  prepare(ground, subject) {
    const names = knownSystemCalls().slice(0, RULES);
    if (names.length < RULES) throw new Error(`${PROFILE} names ${names.length} system calls`);
    const bundle = ground.bundle((config) => {
      config.process.args = [...TRUE];
      config.linux.seccomp = {
        defaultAction: 'SCMP_ACT_ERRNO',
        syscalls: names.map((name) => ({ names: [name], action: 'SCMP_ACT_ALLOW' })),
      };
    });
    return async () => {
      const command = ground.command(subject, 'run', '--bundle', bundle, ground.newId());
      const [sample] = await ground.time(command);
      return { [`run, ${RULES} seccomp rules`]: milliseconds(sample) };
    };
  },
};

/** The system calls podman's profile names; those of 32-bit processors, which nothing here makes, last. */
function knownSystemCalls(): string[] {
  const config = JSON.parse(readFileSync(PROFILE, 'utf8')) as Config;
  const names = config.linux.seccomp?.syscalls?.flatMap((rule) => rule.names) ?? [];
  const isOf32Bits = (name: string): boolean => /(32|_time64)$/.test(name);
  return [...new Set(names)].sort((one, other) => +isOf32Bits(one) - +isOf32Bits(other));
}

export const EXISTING = [0, 100, 1000] as const;
export const whileExist = (count: number): string => `create, ${count} containers exist`;

export const runWhileExist = (count: number): string => `run, ${count} containers exist`;

/**
 * create and the rest while this many containers exist, all of the runtime that is measured. The kernel's own
 * part grows with the cgroups and namespaces there are: so the floor is measured beside them.
 */
export const existing = (count: number): Scenario => ({
  name: `existing-${count}`,
  unit: 'ms',
  share: 1,
  alone: true,
  async prepare(ground, subject) {
    const bundle = ground.bundle(args(SLEEP));
    const short = ground.bundle(args(TRUE));
    await createMany(ground, subject, bundle, count);
    return async () => {
      const measured = lifeInMs(await wholeLife(ground, subject, bundle));
      const command = ground.command(subject, 'run', '--bundle', short, ground.newId());
      return {
        [runWhileExist(count)]: milliseconds((await ground.time(command))[0]),
        [whileExist(count)]: measured['create'] ?? Number.NaN,
        [`create + start + delete, ${count} containers exist`]:
          measured['create + start + delete'] ?? Number.NaN,
      };
    };
  },
  floor: (ground) => async () => ({
    [runWhileExist(count)]: milliseconds((await ground.time(ground.floor(...TRUE)))[0]),
  }),
});

/** Two at a time, as many processors as there are at least. */
async function createMany(ground: Ground, subject: Subject, bundle: string, count: number) {
  const commands = Array.from({ length: count }, () =>
    ground.command(subject, 'create', '--bundle', bundle, ground.newId()),
  );
  const half = Math.ceil(count / 2);
  const lists = [commands.slice(0, half), commands.slice(half)].filter((list) => list.length > 0);
  if (lists.length > 0) await ground.timeTogether(...lists);
}
