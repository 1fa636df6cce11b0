/** Whether a cgroup's processes are stopped: cgroup.freeze of v2, the freezer controller of v1. */

import { unless } from '../linux/call.ts';
import { readTextIfExists, writeExisting } from '../linux/files.ts';

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
