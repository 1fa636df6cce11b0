/** `kill`: sends a signal to a container's process, or to all of them. */
import { setFrozen } from '../cgroup/freezer.ts';
import { killAll, signalAll } from '../cgroup/processes.ts';
import { containerNotRunning } from '../errors.ts';
import { SIGNALS } from '../linux/constants/signals.ts';
import { signalProcess } from '../linux/pidfd.ts';
import { initOf, statusOf } from './status.ts';
import { load } from './store.ts';

/**
 * Sends a signal to init; with `all`, and for SIGKILL where init's end does not end the others (a shared
 * pid namespace), to every process of its cgroups. `container-state` when the container is stopped, but
 * with `all` that is no failure: whoever is left is signalled.
 */
export function kill(root: string, id: string, signal: number, all: boolean): void {
  const stored = load(root, id);
  const init = initOf(stored);
  const { cgroup_paths: cgroups, shares_pid_namespace: sharesPids } = stored.record;
  const isStopped = statusOf(stored) === 'stopped';
  if (isStopped && !all) throw containerNotRunning();
  const isKill = signal === SIGNALS.SIGKILL;
  if (all || (isKill && sharesPids)) {
    if (isKill) killAll(cgroups);
    else signalAll(cgroups, signal);
  }
  if (isStopped || init === undefined) return;
  if (!signalProcess(init, signal) && !all) throw containerNotRunning();
  // Only a thawed process dies.
  if (isKill) for (const directory of cgroups) setFrozen(directory, false);
}
