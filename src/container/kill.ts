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
  const isKill = signal === SIGNALS.SIGKILL;
  // Before the others: that it ends with them must not be taken for that it had ended.
  const isSent = !isStopped && init !== undefined && signalProcess(init, signal);
  if (!isSent && !all) throw containerNotRunning();
  if (isKill && (all || sharesPids)) killAll(cgroups);
  else if (all) signalAll(cgroups, signal, isSent ? init.pid : undefined);
  // Only a thawed process dies.
  if (isSent && isKill) for (const directory of cgroups) setFrozen(directory, false);
}
