/** The processes of a cgroup and of those below it. */
import { unless } from '../linux/call.ts';
import { SIGNALS } from '../linux/constants/signals.ts';
import { DT_DIR, listDirectory, readTextIfExists, writeExisting } from '../linux/files.ts';
import { kill, type Pid } from '../linux/processes.ts';
import { isFrozen, setFrozen } from './freezer.ts';

const { SIGKILL } = SIGNALS;
/** What a file says that its user may not write to. */
const NOT_OURS = ['EACCES', 'EPERM', 'EROFS'] as const;

/** Cgroup directories below one, the deepest first. */
export const subgroups = (directory: string): readonly string[] =>
  listDirectory(directory)
    .filter(({ type }) => type === DT_DIR)
    .flatMap(({ name }) => [...subgroups(`${directory}/${name}`), `${directory}/${name}`]);

/** Every process in a cgroup directory or below, once, as this pid namespace numbers them. */
export const processesIn = (directory: string): readonly Pid[] => [
  ...new Set([directory, ...subgroups(directory)].flatMap(membersOf)),
];

/** A threaded cgroup of v2 does not list its processes, which are its domain's (EOPNOTSUPP), only threads. */
function membersOf(group: string): readonly Pid[] {
  const processes = unless(['EOPNOTSUPP'], () => readTextIfExists(`${group}/cgroup.procs`) ?? '');
  if (processes !== undefined) return numbersOf(processes);
  const threads = numbersOf(readTextIfExists(`${group}/cgroup.threads`) ?? '');
  return threads.flatMap((thread) => {
    const status = readTextIfExists(`/proc/${thread}/status`) ?? '';
    const [, process] = /^Tgid:\s*(\d+)$/m.exec(status) ?? [];
    return process === undefined ? [] : [Number(process)];
  });
}

/** One number a line; 0 stands for a process that this pid namespace does not see. */
const numbersOf = (text: string): readonly number[] =>
  text
    .split('\n')
    .filter((line) => line !== '' && line !== '0')
    .map(Number);

/**
 * Sends a signal to all processes of a container's cgroups. They are frozen meanwhile, so that none is
 * forked behind the list that was read; where nothing can be frozen the list is read until it stays
 * empty of new ones. `signalled` has got it already.
 */
export function signalAll(directories: readonly string[], signal: number, signalled?: Pid): void {
  const seen = new Set<Pid>(signalled === undefined ? [] : [signalled]);
  // Who was frozen before stays so, but must be thawed to die.
  const thawn = directories.filter((directory) => signal === SIGKILL || !isFrozen(directory));
  const freeze = (frozen: boolean) => {
    for (const directory of thawn) unless(NOT_OURS, () => setFrozen(directory, frozen));
  };
  freeze(true);
  try {
    for (;;) {
      const fresh = new Set(directories.flatMap(processesIn).filter((pid) => !seen.has(pid)));
      if (fresh.size === 0) return;
      for (const pid of fresh) {
        kill(pid, signal);
        seen.add(pid);
      }
    }
  } finally {
    freeze(false);
  }
}

/** SIGKILL to all processes of a container's cgroups: by the kernel's own means, or each. */
export function killAll(directories: readonly string[]): void {
  const [directory, ...more] = directories;
  // Several are v1's, which has nothing like it.
  if (directory !== undefined && more.length === 0 && killByKernel(directory)) return;
  if (directories.some((each) => processesIn(each).length > 0)) signalAll(directories, SIGKILL);
}

/**
 * Whether cgroup.kill has done it. Absent before Linux 5.14, refused by a threaded cgroup, and not the
 * user's in one that was given to him by its list (/sys/kernel/cgroup/delegate).
 */
const killByKernel = (directory: string): boolean =>
  unless(['ENOENT', 'ENODEV', 'EOPNOTSUPP', ...NOT_OURS], () => {
    writeExisting(`${directory}/cgroup.kill`, '1');
    return true;
  }) ?? false;
