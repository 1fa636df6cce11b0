/** How a detached mount gets to its place: steps all kinds of mounts share. */

import { TARGET_DIRECTORY, TARGET_PROC } from '../../generated/ops.ts';
import { AT_RECURSIVE, O_PATH } from '../../linux/constants/file.ts';
import { MS_REC } from '../../linux/constants/mount.ts';
import type { Slot, Step } from '../../plan/step.ts';
import { isInProc } from './destination.ts';
import { initStep, MOUNT, type MountEntry, ROOT, TARGET } from './entry.ts';

/**
 * `proc` and `sysfs` want an ordinary directory: behind a symlink of the image they could be put where
 * the runtime's own later paths do not lead (CVE-2019-19921, CVE-2021-30465).
 */
const targetFlags = ({ type, destination }: MountEntry): number =>
  (type === 'proc' || type === 'sysfs' ? TARGET_DIRECTORY : 0) |
  (isInProc(destination) ? TARGET_PROC : 0);

/** Opens the destination, made like `like` where it is missing: a directory without. */
export const openTarget = (entry: MountEntry, like?: Slot): Step =>
  initStep(entry, {
    call: 'open_target',
    root: ROOT,
    path: entry.destination,
    flags: targetFlags(entry),
    like,
    out: TARGET,
  });

/** Opens what stands at the destination now: a mount, when one was made there. */
export const openDestination = (entry: MountEntry, out: Slot = MOUNT): Step =>
  initStep(entry, {
    call: 'openat2',
    root: ROOT,
    path: entry.destination,
    flags: O_PATH,
    out,
  });

const NONE: readonly Step[] = [];

/** Options `rro`, `rnosuid` and so on, in one call for the mount and all below it. */
export function setRecursiveAttributes(entry: MountEntry, fd: Slot): readonly Step[] {
  const { recursiveSet, recursiveClear } = entry.options;
  if ((recursiveSet | recursiveClear) === 0) return NONE;
  return [
    initStep(entry, {
      call: 'mount_setattr',
      fd,
      flags: AT_RECURSIVE,
      attr_set: BigInt(recursiveSet),
      attr_clr: BigInt(recursiveClear),
      propagation: 0n,
    }),
  ];
}

/** One after another and behind the attachment: what a mount is attached to can make it shared. */
export const setPropagation = (entry: MountEntry, fd: Slot): readonly Step[] =>
  entry.options.propagation.map((propagation) =>
    initStep(entry, {
      call: 'mount_setattr',
      fd,
      flags: propagation & MS_REC ? AT_RECURSIVE : 0,
      attr_set: 0n,
      attr_clr: 0n,
      propagation: BigInt(propagation & ~MS_REC),
    }),
  );

/**
 * Attaches the detached mount `fd`, given its recursive attributes, at the destination, which is made like its
 * root where it is missing.
 */
export function attach(entry: MountEntry, fd: Slot): readonly Step[] {
  const attributes = setRecursiveAttributes(entry, fd);
  const move = initStep(entry, {
    call: 'attach',
    from: fd,
    root: ROOT,
    path: entry.destination,
    flags: targetFlags(entry),
  });
  return attributes.length + entry.options.propagation.length === 0
    ? [move]
    : [...attributes, move, ...setPropagation(entry, fd)];
}
