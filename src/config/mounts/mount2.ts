/**
 * Mounts by mount(2): on kernels without the mount calls of Linux 5.12, for `remount`, and for what
 * fsconfig(2) cannot say. A descriptor stands for its /proc/self/fd path.
 */

import { O_PATH } from '../../linux/constants/file.ts';
import {
  MS_BIND,
  MS_NOATIME,
  MS_REC,
  MS_RELATIME,
  MS_REMOUNT,
  MS_STRICTATIME,
} from '../../linux/constants/mount.ts';
import type { PlanContext } from '../../plan/context.ts';
import type { Slot, Step } from '../../plan/step.ts';
import { mountLabel } from '../linux/mountLabel.ts';
import { openDestination, openTarget, setRecursiveAttributes } from './attach.ts';
import { bindAttributes, IGNORED_ON_BIND } from './attributes.ts';
import { bindSource, initialFlags, initStep, MOUNT, type MountEntry, TARGET } from './entry.ts';
import { planQueueLabel } from './queueLabel.ts';
import { coveredSlot, openCovered, planCopyUp, takesCoveredMode } from './tmpfs.ts';

/** A new file system. */
export const planMount2 = (context: PlanContext, entry: MountEntry): readonly Step[] => [
  ...openCovered(entry),
  openTarget(entry),
  initStep(entry, {
    call: 'mount',
    source: entry.source,
    target_fd: TARGET,
    fstype: entry.type,
    flags: BigInt(initialFlags(entry)),
    ...dataOf(entry, mountLabel(context, entry.type)),
    ...(takesCoveredMode(entry) ? { mode_of: coveredSlot(entry) } : {}),
  }),
  openDestination(entry),
  ...planQueueLabel(context, entry),
  ...planCopyUp(entry),
  ...setRecursiveAttributes(entry, MOUNT),
  ...setPropagation(entry, MOUNT),
];

/** A bind mount, whose flags take a second call. */
export const planBindMount2 = (context: PlanContext, entry: MountEntry): readonly Step[] => [
  initStep(entry, {
    call: 'openat',
    path: bindSource(context, entry),
    flags: O_PATH,
    mode: 0,
    out: MOUNT,
  }),
  openTarget(entry, MOUNT),
  initStep(entry, {
    call: 'mount',
    source_fd: MOUNT,
    target_fd: TARGET,
    flags: BigInt(entry.options.flags & (MS_BIND | MS_REC)),
  }),
  openDestination(entry),
  ...planBindFlags(entry, MOUNT),
  ...setRecursiveAttributes(entry, MOUNT),
  ...setPropagation(entry, MOUNT),
];

/** `remount` of what stands at the destination: the file system's own options, or with `bind` the mount's. */
export const planRemount = (entry: MountEntry): readonly Step[] => [
  openDestination(entry, TARGET),
  ...(entry.options.flags & MS_BIND
    ? planBindFlags(entry, TARGET)
    : [
        initStep(entry, {
          call: 'mount',
          source: entry.source,
          target_fd: TARGET,
          flags: BigInt(entry.options.flags),
          ...dataOf(entry),
        }),
      ]),
  ...setRecursiveAttributes(entry, TARGET),
  ...setPropagation(entry, TARGET),
];

/** `mount -o remount,bind`, only when an option asks for it. */
function planBindFlags(entry: MountEntry, fd: Slot): readonly Step[] {
  const { flags, cleared } = entry.options;
  if (bindAttributes(entry.options, true) === undefined) return [];
  // mount(2) keeps the atime flags when it is given none: `atime` has to be said as relatime.
  const mentionsNoAtime = (flags & (MS_NOATIME | MS_STRICTATIME | MS_RELATIME)) === 0;
  const relatime = mentionsNoAtime && cleared & MS_NOATIME ? MS_RELATIME : 0;
  const own = flags & ~(IGNORED_ON_BIND | MS_BIND | MS_REC | MS_REMOUNT);
  return [
    initStep(entry, {
      call: 'remount_bind',
      fd,
      flags: BigInt(own | relatime),
      cleared: BigInt(cleared),
    }),
  ];
}

/** `ro` of a mount that stands already at the slot mount, its other flags said again. */
export const planRemountReadonly = (entry: MountEntry): Step =>
  initStep(entry, {
    call: 'remount_bind',
    fd: MOUNT,
    flags: BigInt(entry.options.flags & ~(IGNORED_ON_BIND | MS_BIND | MS_REC)),
    cleared: 0n,
  });

const setPropagation = (entry: MountEntry, fd: Slot): readonly Step[] =>
  entry.options.propagation.map((propagation) =>
    initStep(entry, { call: 'mount', target_fd: fd, flags: BigInt(propagation) }),
  );

/** The label in quotes, for it may hold commas (mount(8)). */
function dataOf({ options }: MountEntry, label?: string): { data?: string } {
  const data = [...options.data, ...(label === undefined ? [] : [`context="${label}"`])];
  return data.length === 0 ? {} : { data: data.join(',') };
}
