/** What a runtime takes of memory: while it works, beside a container, inside its cgroup. */
import { execFileSync, spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Ground, residentKib, type Subject } from './subject.ts';
import { args, type Scenario, SLEEP, TRUE, wholeLife } from './verbs.ts';

export const peakMemory: Scenario = {
  name: 'peak memory',
  unit: 'KiB',
  share: 0.1,
  prepare(ground, subject) {
    const bundle = ground.bundle(args(SLEEP));
    return () => {
      const [create, start] = wholeLife(ground, subject, bundle);
      return {
        'peak of create': create?.peakKib ?? Number.NaN,
        'peak of start': start?.peakKib ?? Number.NaN,
      };
    };
  },
};

export const residentMemory: Scenario = {
  name: 'resident memory',
  unit: 'KiB',
  share: 0.1,
  prepare(ground, subject) {
    const bundle = ground.bundle(args(SLEEP));
    return async () => {
      const [name, ...rest] = ground.command(subject, 'run', '--bundle', bundle);
      const foreground = ground.newId();
      const child = spawn(name ?? '', [...rest, foreground], { stdio: 'ignore' });
      while (statusOf(ground, subject, foreground) !== 'running') await sleep(20);
      const beside = residentKib(child.pid ?? 0);
      ground.time(ground.command(subject, 'delete', '--force', foreground));

      const created = ground.newId();
      ground.time(ground.command(subject, 'create', '--bundle', bundle, created));
      const waiting = residentKib(pidOf(ground, subject, created));
      ground.time(ground.command(subject, 'delete', '--force', created));
      return { 'beside a foreground container': beside, 'a created container': waiting };
    };
  },
};

function stateOf(ground: Ground, subject: Subject, id: string): { status?: string; pid?: number } {
  const [name, ...rest] = ground.command(subject, 'state', id);
  try {
    return JSON.parse(
      execFileSync(name ?? '', rest, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }),
    ) as { status?: string; pid?: number };
  } catch {
    return {}; // it does not exist yet
  }
}

const statusOf = (ground: Ground, subject: Subject, id: string): string | undefined =>
  stateOf(ground, subject, id).status;

const pidOf = (ground: Ground, subject: Subject, id: string): number =>
  stateOf(ground, subject, id).pid ?? 0;

const LIMITS_KIB = [
  ...[128, 192, 256, 320, 384, 448, 512, 640, 768, 1024, 1536, 2048, 3072, 4096, 6144, 8192],
  ...[12_288, 16_384, 24_576, 32_768],
];
const STARTS = 5;

/** The smallest limit of a list under which the container starts every time. */
export const memoryLimit: Scenario = {
  name: 'smallest memory limit',
  unit: 'KiB',
  share: 0,
  prepare(ground, subject) {
    return () => {
      const smallest = LIMITS_KIB.find((limitKib) => {
        const bundle = ground.bundle((config) => {
          config.process.args = [...TRUE];
          config.linux.resources = { memory: { limit: BigInt(limitKib) * 1024n } };
        });
        return Array.from({ length: STARTS }).every(() => runs(ground, subject, bundle));
      });
      return { 'smallest memory limit': smallest ?? Number.NaN };
    };
  },
};

function runs(ground: Ground, subject: Subject, bundle: string): boolean {
  const id = ground.newId();
  const [name, ...rest] = ground.command(subject, 'run', '--bundle', bundle, id);
  try {
    execFileSync(name ?? '', rest, { stdio: 'ignore' });
    return true;
  } catch {
    const [program, ...remove] = ground.command(subject, 'delete', '--force', id);
    try {
      execFileSync(program ?? '', remove, { stdio: 'ignore' });
    } catch {
      // run has removed it already
    }
    return false;
  }
}
