/** Making and removing a container's cgroup directories. */
import { cgroupFrozen, cgroupNotEmpty } from '../errors.ts';
import { failedWith, SystemError, unless } from '../linux/call.ts';
import { errnoNumber } from '../linux/constants/errno.ts';
import { F_OK } from '../linux/constants/file.ts';
import { access, mkdir, readTextIfExists, rmdir, writeExisting } from '../linux/files.ts';
import type { Pid } from '../linux/processes.ts';
import { monotonicMs, sleepMs } from '../linux/time.ts';
import { isFrozen } from './freezer.ts';
import { killAll, processesIn, subgroups } from './processes.ts';

/**
 * Makes `path` below the mount point of a hierarchy of v1 or v2, every missing directory of it. v2: each ancestor
 * hands on the controllers its parent gave it (cgroup.subtree_control), those that can be. v1 cpuset: a new group has
 * no CPUs and no memory nodes and takes its parent's. Below a threaded group of v2 it becomes threaded, or
 * nothing could enter it. `container-state` when the group has processes
 * besides `member`, or is frozen.
 */
export function createCgroup(
  mountpoint: string,
  path: string,
  version: number,
  controllers: readonly string[],
  member?: Pid,
): void {
  const isUnified = version === 2;
  const isCpuset = !isUnified && controllers.includes('cpuset');
  const names = path.split('/').filter((part) => part !== '');
  // Mostly the last one alone is missing, and those above need nothing of v1.
  const leaf = [mountpoint, ...names].join('/');
  if (!isUnified && !isCpuset && unless(['ENOENT'], () => makeGroup(leaf)) === true) return;
  // systemd has made it, for `member`, and mostly with all that there is to hand on.
  if (isUnified && member !== undefined && hasAllControllers(leaf, mountpoint)) {
    refuseInUse(leaf, member);
    return;
  }
  let directory = mountpoint;
  let isNew = false;
  for (const name of names) {
    if (isUnified) delegate(directory);
    const parent = directory;
    directory = `${directory}/${name}`;
    isNew = makeGroup(directory);
    if (isNew && isUnified) joinThreadedDomain(directory);
    if (isCpuset) inheritCpuset(parent, directory, isNew);
  }
  if (!isNew) refuseInUse(directory, member);
}

function hasAllControllers(directory: string, mountpoint: string): boolean {
  const own = readTextIfExists(`${directory}/cgroup.controllers`);
  return own !== undefined && own === readTextIfExists(`${mountpoint}/cgroup.controllers`);
}

/** False when it was there. */
function makeGroup(directory: string): boolean {
  try {
    mkdir(directory, 0o755);
    return true;
  } catch (thrown) {
    if (failedWith(thrown, 'EEXIST')) return false;
    throw thrown;
  }
}

/**
 * Throws `container-state` when a cgroup has processes besides `member` (a container's limits would become theirs, and so
 * would its end) or is frozen, for nothing would run in it. Asked before state.json names the cgroup as
 * the container's own.
 */
export function refuseInUse(directory: string, member?: Pid): void {
  // Mostly there is none: one question, where looking for processes is many.
  if (!access(directory, F_OK)) return;
  const { length } = processesIn(directory).filter((pid) => pid !== member);
  if (length > 0) throw cgroupNotEmpty(directory, length);
  if (isFrozen(directory)) throw cgroupFrozen(directory);
}

/** cgroup-v2.rst "Threads": a group below a threaded one can be nothing else, and is nothing till then. */
function joinThreadedDomain(directory: string): void {
  const type = `${directory}/cgroup.type`;
  if (readTextIfExists(type)?.trim() === 'domain invalid') writeExisting(type, 'threaded');
}

/** What cannot be handed on (a threaded group, a controller in use by v1) is reported where it is set. */
function delegate(directory: string): void {
  const available = readTextIfExists(`${directory}/cgroup.controllers`)?.trim();
  if (available === undefined || available === '') return;
  const given = readTextIfExists(`${directory}/cgroup.subtree_control`)?.trim().split(' ') ?? [];
  for (const controller of available.split(' ').filter((name) => !given.includes(name))) {
    unless(['EBUSY', 'ENOENT', 'EOPNOTSUPP', 'EINVAL', 'EACCES', 'EPERM'], () =>
      writeExisting(`${directory}/cgroup.subtree_control`, `+${controller}`),
    );
  }
}

/**
 * cpusets(7): cpus and mems must be filled before a process may enter. What is new has none, or with
 * cgroup.clone_children its parent's, which it is given here.
 */
function inheritCpuset(parent: string, directory: string, isNew: boolean): void {
  for (const file of ['cpuset.cpus', 'cpuset.mems']) {
    if (!isNew && readTextIfExists(`${directory}/${file}`)?.trim() !== '') continue;
    const inherited = readTextIfExists(`${parent}/${file}`)?.trim() ?? '';
    if (inherited !== '') writeExisting(`${directory}/${file}`, inherited);
  }
}

const REMOVAL_PATIENCE_MS = 10_000;
const FIRST_PAUSE_MS = 1;
const LONGEST_PAUSE_MS = 100;

/**
 * Removes a container's cgroups with all below them and all processes in them. A process that ends
 * keeps its group busy for a moment; after ten seconds EBUSY is thrown.
 */
export function removeCgroups(directories: readonly string[]): void {
  const deadline = monotonicMs() + REMOVAL_PATIENCE_MS;
  let left = directories;
  for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(2 * pause, LONGEST_PAUSE_MS)) {
    left = left.filter((directory) => !removeTree(directory));
    if (left.length === 0) return;
    if (monotonicMs() > deadline) {
      throw new SystemError('rmdir', errnoNumber('EBUSY'), left.join(' '));
    }
    killAll(left);
    sleepMs(pause);
  }
}

/** True when the group is gone. */
function removeTree(directory: string): boolean {
  if (removeGroup(directory)) return true;
  for (const group of subgroups(directory)) removeGroup(group);
  return removeGroup(directory);
}

function removeGroup(directory: string): boolean {
  try {
    rmdir(directory);
    return true;
  } catch (thrown) {
    if (failedWith(thrown, 'ENOENT')) return true;
    if (failedWith(thrown, 'EBUSY', 'ENOTEMPTY')) return false;
    throw thrown;
  }
}
