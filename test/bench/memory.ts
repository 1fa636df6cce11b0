/** What a runtime takes of memory: while it works, beside a container, inside its cgroup. */
import { readFileSync } from 'node:fs';
import { type Ground, TRY } from './ground.ts';
import type { Scenario } from './measure.ts';
import type { Subject } from './subject.ts';
import { args, SLEEP, TRUE, wholeLife } from './verbs.ts';

export const peakMemory: Scenario = {
  name: 'peak-memory',
  unit: 'KiB',
  share: 0.2,
  prepare(ground, subject) {
    const bundle = ground.bundle(args(SLEEP));
    const short = ground.bundle(args(TRUE));
    return async () => {
      const [create, start, , , , remove] = await wholeLife(ground, subject, bundle);
      const command = ground.command(subject, 'run', '--bundle', short, ground.newId());
      const [run] = await ground.time(command);
      return {
        'peak memory of run': run?.peakKib ?? Number.NaN,
        'peak memory of create': create?.peakKib ?? Number.NaN,
        'peak memory of start': start?.peakKib ?? Number.NaN,
        'peak memory of delete': remove?.peakKib ?? Number.NaN,
      };
    };
  },
};

export const BESIDE = 'resident beside a foreground container';

export const residentMemory: Scenario = {
  name: 'resident-memory',
  unit: 'KiB',
  share: 0.1,
  prepare(ground, subject) {
    const bundle = ground.bundle(args(SLEEP));
    return async () => ({
      [BESIDE]: await besideForeground(ground, subject, bundle),
      'resident of a created container': await ofCreated(ground, subject, bundle),
    });
  },
};

/** The process that stays while a container of `run` runs. */
async function besideForeground(ground: Ground, subject: Subject, bundle: string): Promise<number> {
  const id = ground.newId();
  const runtime = ground.begin(ground.command(subject, 'run', '--bundle', bundle, id));
  let early: string | undefined;
  runtime.ended.then(
    ({ status, errors }) => {
      early = `run ended with status ${status}: ${errors}`;
    },
    (error: unknown) => {
      early = String(error);
    },
  );
  const [sleeper = 0] = await ground.waitFor(
    () => {
      if (early !== undefined) throw new Error(early);
      const programs = ground.processesOf(id).filter((pid) => nameOf(pid) === 'sleep');
      return programs.length > 0 ? programs : undefined;
    },
    () => 'run: the container does not come to run',
  );
  const resident = residentKib(runtime.pid);
  process.kill(sleeper, 'SIGKILL');
  await runtime.ended;
  await ground.time([TRY, ...ground.command(subject, 'delete', '--force', id)]);
  return resident;
}

/** What waits for `start` in a container. */
async function ofCreated(ground: Ground, subject: Subject, bundle: string): Promise<number> {
  const id = ground.newId();
  await ground.time(ground.command(subject, 'create', '--bundle', bundle, id));
  const resident = ground.processesOf(id).reduce((sum, pid) => sum + residentKib(pid), 0);
  if (resident === 0) throw new Error('create: no process is in the container');
  await ground.time(ground.command(subject, 'delete', '--force', id));
  return resident;
}

/** Resident KiB of a process (proc_pid_smaps(5)). */
const residentKib = (pid: number): number =>
  Number(/^Rss: +(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1]);

/** proc_pid_comm(5); undefined when the process has ended. */
function nameOf(pid: number): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'utf8').trim();
  } catch {
    return undefined;
  }
}

const LIMITS_KIB = [
  ...[128, 192, 256, 320, 384, 448, 512, 640, 768, 1024, 1536, 2048, 3072, 4096, 6144, 8192],
  ...[12_288, 16_384, 24_576, 32_768],
];
const STARTS = 5;
export const SMALLEST = 'smallest memory limit';

/** The smallest limit of a list under which the container starts every time. */
export const memoryLimit: Scenario = {
  name: 'memory-limit',
  unit: 'KiB',
  share: 0,
  prepare: (ground, subject) => async () => {
    for (const limitKib of LIMITS_KIB) {
      const bundle = ground.bundle((config) => {
        config.process.args = [...TRUE];
        config.linux.resources = { memory: { limit: BigInt(limitKib) * 1024n } };
      });
      if (await runsEveryTime(ground, subject, bundle)) return { [SMALLEST]: limitKib };
    }
    throw new Error(`no container starts under ${LIMITS_KIB.at(-1)} KiB`);
  },
};

async function runsEveryTime(ground: Ground, subject: Subject, bundle: string): Promise<boolean> {
  for (let start = 0; start < STARTS; start += 1) {
    const id = ground.newId();
    const [run] = await ground.time([
      TRY,
      ...ground.command(subject, 'run', '--bundle', bundle, id),
    ]);
    if (run?.status === 0) continue;
    await ground.time([TRY, ...ground.command(subject, 'delete', '--force', id)]);
    return false;
  }
  return true;
}
