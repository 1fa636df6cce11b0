/** What a container is doing: asked of the machine each time, never remembered. */
import { isFrozen } from '../cgroup/freezer.ts';
import { unless } from '../linux/call.ts';
import { F_OK } from '../linux/constants/file.ts';
import { access, readlink } from '../linux/files.ts';
import type { ProcessIdentity } from '../linux/pidfd.ts';
import { type Pid, readProcess } from '../linux/processes.ts';
import { EXECUTOR_NAME } from './executor.ts';
import { isLocked, type Stored, startSocketOf } from './store.ts';

export type Status = 'creating' | 'created' | 'running' | 'paused' | 'stopped';

/** Init of a container, undefined until it exists. */
export function initOf({ record }: Stored): ProcessIdentity | undefined {
  if (record.init_process_pid === 0) return undefined;
  return { pid: record.init_process_pid, startTime: record.init_process_start };
}

/**
 * `stopped` when init has ended: its number and start time are no process's, or a zombie's. `created`
 * while the start socket is there and init is still the executor, for a `start` may have been killed
 * before it removed the socket. A `create` that was killed left `creating` behind, without its lock.
 */
export function statusOf(stored: Stored): Status {
  const { record, directory } = stored;
  if (record.status === 'creating') return isLocked(directory) ? 'creating' : 'stopped';
  const init = initOf(stored);
  const facts = init === undefined ? undefined : readProcess(init.pid);
  if (facts === undefined || facts.startTime !== init?.startTime) return 'stopped';
  if (facts.state === 'Z' || facts.state === 'X') return 'stopped';
  if (record.freezer !== undefined && isFrozen(record.freezer)) return 'paused';
  const waits = access(startSocketOf(directory), F_OK) && isExecutor(init.pid);
  return waits ? 'created' : 'running';
}

/** Whether a process still runs the executor's sealed copy; one that may not be looked at is taken for it. */
function isExecutor(pid: Pid): boolean {
  const program = unless(['EACCES', 'EPERM', 'ENOENT'], () => readlink(`/proc/${pid}/exe`));
  return program === undefined || program.startsWith(`/memfd:${EXECUTOR_NAME}`);
}
