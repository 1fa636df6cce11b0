/** `delete`: removes a container with everything that was made for it. */

import { removeCgroups } from '../cgroup/directory.ts';
import { killAll } from '../cgroup/processes.ts';
import { stopUnit } from '../cgroup/systemd.ts';
import { cannotDelete, containerMissing, stateUnreadable, stillAlive } from '../errors.ts';
import { SystemError, unless } from '../linux/call.ts';
import { F_OK } from '../linux/constants/file.ts';
import { SIGNALS } from '../linux/constants/signals.ts';
import { access, release, removeIfExists, rmdir } from '../linux/files.ts';
import { signalProcess, waitUntilEnded } from '../linux/pidfd.ts';
import { endPoststart, runPoststop } from './hooks.ts';
import type { StateRecord } from './record.ts';
import type { Warn } from './request.ts';
import { unmountRootfs } from './rootfsMounts.ts';
import { initOf, statusOf } from './status.ts';
import {
  checkId,
  directoryOf,
  hasState,
  loadIfReadable,
  lockContainer,
  removeDirectory,
  type Stored,
} from './store.ts';
import { recordOfConfig } from './unreadable.ts';

/** How long a `create` or `start` of the container may take to end, and init to die. */
const PATIENCE_MS = 10_000;

/**
 * Deletes a stopped or created container; with `force` one in any state, and it is no failure when there
 * is none. Otherwise `container-missing` (what is left of a directory is removed all the same) and
 * `container-state`.
 */
export function deleteContainer(root: string, id: string, force: boolean, warn: Warn): void {
  checkId(id);
  const directory = directoryOf(root, id);
  const found = access(directory, F_OK) && deleteStored(root, id, force, warn);
  if (!found && !force) throw containerMissing();
}

/** False when there was no container in the directory; the directory is gone. */
function deleteStored(root: string, id: string, force: boolean, warn: Warn): boolean {
  const directory = directoryOf(root, id);
  const before = loadIfReadable(root, id);
  // A `create` that is under way ends when its init does; then its lock is free.
  if (force && before !== undefined && statusOf(before) === 'creating') killInit(before);
  const lock = lockContainer(directory, PATIENCE_MS, force);
  if (lock === undefined) {
    // Of a `create` that was killed at once; not empty: another's, who has just begun.
    unless(['ENOENT', 'ENOTEMPTY'], () => rmdir(directory));
    return false;
  }
  try {
    const stored = loadIfReadable(root, id);
    if (stored === undefined) {
      if (hasState(directory)) removeUnreadable(root, id, force, warn);
      removeDirectory(directory);
      return false;
    }
    const status = statusOf(stored);
    // This process holds the lock, so nobody is creating it any more.
    const isDeletable = status === 'stopped' || status === 'created' || status === 'creating';
    if (!force && !isDeletable) throw cannotDelete(id, status);
    if (force) endPoststart(stored, PATIENCE_MS);
    destroy(stored, warn);
    return true;
  } finally {
    release(lock);
  }
}

/**
 * Nothing tells its init, nor what it mounted, but its config tells its cgroup. Without `force` nothing is
 * done: it may well be running.
 */
function removeUnreadable(root: string, id: string, force: boolean, warn: Warn): void {
  if (!force) throw stateUnreadable();
  const record = recordOfConfig(root, id, warn);
  if (record === undefined) return;
  killAll(record.cgroup_paths);
  removeCgroupsOf(record, warn);
}

/**
 * Ends what runs of a container and removes its cgroups, its mounts on the host and its directory, then
 * runs its poststop hooks. The directory goes last of all that it describes: killed in between, `delete` can
 * be repeated.
 */
export function destroy(stored: Stored, warn: Warn): void {
  killInit(stored);
  killAll(stored.record.cgroup_paths);
  removeCgroupsOf(stored.record, warn);
  unmountRootfs(stored.record, warn);
  removeDirectory(stored.directory);
  runPoststop(stored, warn);
}

/**
 * Has systemd stop the container's unit, then removes what is left of its cgroups. A systemd that does
 * not answer is told of: once the cgroup is gone, it forgets the unit by itself.
 */
export function removeCgroupsOf(record: StateRecord, warn: Warn): void {
  const { systemd_unit: unit, cgroup_paths: directories } = record;
  if (unit !== undefined) {
    // A process that SIGTERM does not end would keep systemd waiting.
    killAll(directories);
    try {
      stopUnit(unit);
    } catch (thrown) {
      if (!(thrown instanceof SystemError)) throw thrown;
      warn(`unit ${unit.name}: ${thrown.message}`);
    }
  }
  removeCgroups(directories);
  // The monitoring group lies in its class.
  for (const group of [...(record.resctrl_groups ?? [])].reverse()) removeIfExists(rmdir, group);
}

function killInit(stored: Stored): void {
  const init = initOf(stored);
  if (init === undefined || !signalProcess(init, SIGNALS.SIGKILL)) return;
  // A frozen process dies when it is thawed; killAll does that for all of the cgroup.
  killAll(stored.record.cgroup_paths);
  if (!waitUntilEnded(init, PATIENCE_MS)) throw stillAlive(init.pid);
}
