/** `pause` and `resume`: stop all processes of a container, and let them go on. */
import { freezerOf, settleFrozen } from '../cgroup/freezer.ts';
import { containerNotPaused, containerNotRunning, freezerMissing } from '../errors.ts';
import { statusOf } from './status.ts';
import { withLocked } from './store.ts';

/**
 * Stops every process of a created or running container; returns when all have stopped.
 * `container-state` in any other status.
 */
export const pause = (root: string, id: string): void =>
  withLocked(root, id, (stored) => {
    const status = statusOf(stored);
    if (status !== 'running' && status !== 'created') throw containerNotRunning();
    settle(stored.record.cgroup_paths, true);
  });

/** Lets a paused container go on; `container-state` when it is not paused. */
export const resume = (root: string, id: string): void =>
  withLocked(root, id, (stored) => {
    if (statusOf(stored) !== 'paused') throw containerNotPaused();
    settle(stored.record.cgroup_paths, false);
  });

function settle(cgroups: readonly string[], frozen: boolean): void {
  const freezer = freezerOf(cgroups);
  if (freezer === undefined) throw freezerMissing();
  settleFrozen(freezer, frozen);
}
