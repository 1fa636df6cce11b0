/** `pause` and `resume`: stop all processes of a container, and let them go on. */
import { settleFrozen } from '../cgroup/freezer.ts';
import { containerNotPaused, containerNotRunning, freezerMissing } from '../errors.ts';
import { statusOf } from './status.ts';
import { type Stored, withLocked } from './store.ts';

/**
 * Stops every process of a created or running container; returns when all have stopped.
 * `container-state` in any other status.
 */
export const pause = (root: string, id: string): void =>
  withLocked(root, id, (stored) => {
    const status = statusOf(stored);
    if (status !== 'running' && status !== 'created') throw containerNotRunning();
    settle(stored, true);
  });

/** Lets a paused container go on; `container-state` when it is not paused. */
export const resume = (root: string, id: string): void =>
  withLocked(root, id, (stored) => {
    if (statusOf(stored) !== 'paused') throw containerNotPaused();
    settle(stored, false);
  });

function settle({ record }: Stored, frozen: boolean): void {
  if (record.freezer === undefined) throw freezerMissing();
  settleFrozen(record.freezer, frozen);
}
