/** `events`: tells what happens to a container and what it uses. */
import { probeCgroupLayout } from '../cgroup/layout.ts';
import { type OomWatch, watchOom } from '../cgroup/oom.ts';
import type { Statistics } from '../cgroup/stats/statistics.ts';
import { readStatistics } from '../cgroup/stats.ts';
import { eventsNotRunning } from '../errors.ts';
import { F_OK } from '../linux/constants/file.ts';
import { access, type Fd, release } from '../linux/files.ts';
import { waitForAny } from '../linux/notify.ts';
import { isAlive, type ProcessIdentity, pidfdOf } from '../linux/pidfd.ts';
import { monotonicMs } from '../linux/time.ts';
import { initOf, statusOf } from './status.ts';
import { load, type Stored } from './store.ts';

/** In the order it is printed. Intel RDT and network devices of the host are not counted. */
export type ContainerEvent =
  | { readonly type: 'oom'; readonly id: string }
  | {
      readonly type: 'stats';
      readonly id: string;
      readonly data: Statistics & {
        readonly intel_rdt: Readonly<Record<string, never>>;
        readonly network_interfaces: null;
      };
    };

/** What a container uses now; `container-state` when it has stopped. */
export const readStats = (root: string, id: string): ContainerEvent =>
  statsOf(loadRunning(root, id));

/**
 * Tells `emit` of each time the container runs out of memory, and every `intervalMs` what it uses;
 * returns when its process has ended or its cgroup is gone. `container-state` when it has stopped.
 */
export function followEvents(
  root: string,
  id: string,
  intervalMs: number,
  emit: (event: ContainerEvent) => void,
): void {
  const stored = loadRunning(root, id);
  const init = initOf(stored);
  const pidfd = init === undefined ? undefined : pidfdOf(init);
  const oom = watchOom(stored.record.cgroup_paths);
  try {
    follow(stored, { init, pidfd, oom }, intervalMs, emit);
  } finally {
    oom?.close();
    if (pidfd !== undefined) release(pidfd);
  }
}

/** Before Linux 5.3 there is no pidfd to wait on: how often the process is looked for. */
const LOOK_MS = 200;

interface Watches {
  readonly init: ProcessIdentity | undefined;
  readonly pidfd: Fd | undefined;
  readonly oom: OomWatch | undefined;
}

function follow(
  stored: Stored,
  { init, pidfd, oom }: Watches,
  intervalMs: number,
  emit: (event: ContainerEvent) => void,
): void {
  const fds = [pidfd, oom?.fd].filter((fd) => fd !== undefined);
  const longestMs = pidfd === undefined ? LOOK_MS : Number.POSITIVE_INFINITY;
  for (let next = monotonicMs() + intervalMs; ; ) {
    const ready = waitForAny(fds, Math.min(next - monotonicMs(), longestMs));
    if (oom !== undefined && ready.includes(oom.fd)) {
      const news = oom.take();
      if (news === 'gone') return;
      if (news === 'oom') emit({ type: 'oom', id: stored.record.id });
    }
    // What killed the last process was told just now, for that came first.
    if (pidfd !== undefined && ready.includes(pidfd)) return;
    if (pidfd === undefined && init !== undefined && !isAlive(init)) return;
    if (monotonicMs() < next) continue;
    if (!stored.record.cgroup_paths.every((path) => access(path, F_OK))) return;
    emit(statsOf(stored));
    next += intervalMs;
  }
}

function loadRunning(root: string, id: string): Stored {
  const stored = load(root, id);
  const status = statusOf(stored);
  if (status === 'stopped' || status === 'creating') throw eventsNotRunning(id);
  return stored;
}

function statsOf({ record }: Stored): ContainerEvent {
  const { cpu, cpuset, memory, pids, blkio, hugetlb } = readStatistics(
    probeCgroupLayout(false),
    record.cgroup_paths,
  );
  const data = { cpu, cpuset, memory, pids, blkio, hugetlb, intel_rdt: {} };
  return { type: 'stats', id: record.id, data: { ...data, network_interfaces: null } };
}
