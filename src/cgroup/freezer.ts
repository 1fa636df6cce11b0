/** Whether a cgroup's processes are stopped: cgroup.freeze of v2, the freezer controller of v1. */

import { SystemError, unless } from '../linux/call.ts';
import { errnoNumber } from '../linux/constants/errno.ts';
import { readTextIfExists, writeExisting } from '../linux/files.ts';
import { monotonicMs, sleepMs } from '../linux/time.ts';

/** Whether a cgroup directory is frozen; false for a hierarchy without a freezer. */
export function isFrozen(directory: string): boolean {
  const v1 = readTextIfExists(`${directory}/freezer.state`);
  if (v1 !== undefined) return v1.trim() !== 'THAWED';
  return readTextIfExists(`${directory}/cgroup.freeze`)?.trim() === '1';
}

/** Freezes or thaws a cgroup directory; nothing in a hierarchy without a freezer, or when it is gone. */
export function setFrozen(directory: string, frozen: boolean): void {
  const v1 = unless(['ENOENT'], () => {
    writeExisting(`${directory}/freezer.state`, frozen ? 'FROZEN' : 'THAWED');
    return true;
  });
  if (v1 !== undefined) return;
  unless(['ENOENT'], () => writeExisting(`${directory}/cgroup.freeze`, frozen ? '1' : '0'));
}

const PATIENCE_MS = 10_000;
const FIRST_PAUSE_MS = 0.05;
const LONGEST_PAUSE_MS = 20;

/**
 * Freezes or thaws a cgroup directory and waits until all its processes have stopped, or run. ETIMEDOUT
 * when one does not within ten seconds: it sits in the kernel, or a group above is frozen. What was to be
 * frozen runs on then.
 */
export function settleFrozen(directory: string, frozen: boolean): void {
  const deadline = monotonicMs() + PATIENCE_MS;
  for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(2 * pause, LONGEST_PAUSE_MS)) {
    // Written each time: v1 leaves a process forked meanwhile behind (freezer-subsystem.rst, FREEZING).
    setFrozen(directory, frozen);
    if (isSettled(directory, frozen)) return;
    if (monotonicMs() > deadline) {
      if (frozen) setFrozen(directory, false);
      throw new SystemError(frozen ? 'freeze' : 'thaw', errnoNumber('ETIMEDOUT'), directory);
    }
    sleepMs(pause);
  }
}

/** v1 says it in the file that was written; v2 in cgroup.events, `frozen 1` when all have stopped. */
function isSettled(directory: string, frozen: boolean): boolean {
  const v1 = readTextIfExists(`${directory}/freezer.state`);
  if (v1 !== undefined) return v1.trim() === (frozen ? 'FROZEN' : 'THAWED');
  const events = readTextIfExists(`${directory}/cgroup.events`) ?? '';
  return events.split('\n').includes(`frozen ${frozen ? 1 : 0}`);
}
