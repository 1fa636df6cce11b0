/** Mounts of a new file system: proc, sysfs, tmpfs, devpts, mqueue, overlay and any other type. */

import type { PlanContext } from '../../plan/context.ts';
import type { Step } from '../../plan/step.ts';
import { mountLabel } from '../linux/mountLabel.ts';
import { attach } from './attach.ts';
import { mountAttributes, ONLY_MOUNT_2, SUPERBLOCK_OPTIONS } from './attributes.ts';
import { hasMountApi, initialFlags, initStep, MOUNT, type MountEntry } from './entry.ts';
import { planMount2 } from './mount2.ts';
import { splitData } from './options.ts';
import { planQueueLabel } from './queueLabel.ts';
import { coveredSlot, openCovered, planCopyUp, takesCoveredMode } from './tmpfs.ts';

export function planFilesystem(context: PlanContext, entry: MountEntry): readonly Step[] {
  if (!hasMountApi(context) || needsMount2(entry)) return planMount2(context, entry);
  const label = mountLabel(context, entry.type);
  return [
    ...openCovered(entry),
    initStep(entry, {
      call: 'fsmount',
      fstype: entry.type,
      ...(entry.source === undefined ? {} : { source: entry.source }),
      options: [
        ...superblockOptions(entry),
        ...splitData(entry.options.data),
        ...(label === undefined ? [] : [`context=${label}`]),
      ],
      attributes: mountAttributes(initialFlags(entry)),
      ...(takesCoveredMode(entry) ? { mode_of: coveredSlot(entry) } : {}),
      out: MOUNT,
    }),
    ...planQueueLabel(context, entry),
    ...planCopyUp(entry),
    ...attach(entry, MOUNT),
  ];
}

/**
 * A cgroup file system's superblock is the host's own, so it is the mount alone that is read-only there.
 */
const superblockOptions = (entry: MountEntry): readonly string[] =>
  SUPERBLOCK_OPTIONS.filter(([flag]) => initialFlags(entry) & flag)
    .map(([, option]) => option)
    .filter((option) => option !== 'ro' || !entry.type.startsWith('cgroup'));

/** strndup_user's limit for a key, a value and a source in fsconfig(2), without the NUL. */
const FSCONFIG_MAX_BYTES = 255;

/**
 * What fsconfig(2) cannot say and mount(2) can: two flags, long values (the layers of an overlay), and
 * overlay's own escapes of commas.
 */
const needsMount2 = ({ type, source, options }: MountEntry): boolean =>
  (options.flags & ONLY_MOUNT_2) !== 0 ||
  [source ?? '', ...options.data].some(isTooLong) ||
  (type === 'overlay' && options.data.some((option) => option.includes('\\')));

/** A UTF-16 unit is at most three bytes of UTF-8. */
const isTooLong = (text: string): boolean =>
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the test is for characters beyond ASCII
  text.length * (/^[\x00-\x7f]*$/.test(text) ? 1 : 3) > FSCONFIG_MAX_BYTES;
