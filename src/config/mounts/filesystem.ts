/** Mounts of a new file system: proc, sysfs, tmpfs, devpts, mqueue, overlay and any other type. */

import { MS_RDONLY } from '../../linux/constants/mount.ts';
import type { PlanContext } from '../../plan/context.ts';
import type { Step } from '../../plan/step.ts';
import { mountLabel } from '../linux/mountLabel.ts';
import { attach } from './attach.ts';
import {
  mountAttributes,
  ONLY_MOUNT_2,
  SUPERBLOCK_FLAGS,
  SUPERBLOCK_OPTIONS,
} from './attributes.ts';
import { hasMountApi, initialFlags, initStep, MOUNT, type MountEntry } from './entry.ts';
import { planMount2 } from './mount2.ts';
import { splitData } from './options.ts';
import { planQueueLabel } from './queueLabel.ts';
import { coveredSlot, openCovered, planCopyUp, takesCoveredMode } from './tmpfs.ts';

export function planFilesystem(context: PlanContext, entry: MountEntry): readonly Step[] {
  if (!hasMountApi(context) || needsMount2(entry)) return planMount2(context, entry);
  const mount = initStep(entry, {
    call: 'fsmount',
    fstype: entry.type,
    source: entry.source,
    options: filesystemOptions(context, entry),
    attributes: mountAttributes(initialFlags(entry)),
    mode_of: takesCoveredMode(entry) ? coveredSlot(entry) : undefined,
    out: MOUNT,
  });
  const attached = attach(entry, MOUNT);
  if (entry.type === 'tmpfs')
    return [...openCovered(entry), mount, ...planCopyUp(entry), ...attached];
  return [mount, ...planQueueLabel(context, entry), ...attached];
}

function filesystemOptions(context: PlanContext, entry: MountEntry): readonly string[] {
  const label = mountLabel(context, entry.type);
  const ofSuperblock = superblockOptions(entry);
  const data = splitData(entry.options.data);
  if (ofSuperblock.length === 0 && label === undefined) return data;
  return [...ofSuperblock, ...data, ...(label === undefined ? [] : [`context=${label}`])];
}

/**
 * A cgroup file system's superblock is the host's own, so it is the mount alone that is read-only there.
 */
function superblockOptions(entry: MountEntry): readonly string[] {
  const kept = entry.type.startsWith('cgroup') ? ~MS_RDONLY : ~0;
  const flags = initialFlags(entry) & kept & SUPERBLOCK_FLAGS;
  if (flags === 0) return NONE;
  return SUPERBLOCK_OPTIONS.flatMap(([flag, option]) => (flags & flag ? option : []));
}

const NONE: readonly string[] = [];

/** strndup_user's limit for a key, a value and a source in fsconfig(2), without the NUL. */
const FSCONFIG_MAX_BYTES = 255;

/**
 * What fsconfig(2) cannot say and mount(2) can: two flags, long values (the layers of an overlay), and
 * overlay's own escapes of commas.
 */
const needsMount2 = ({ type, source, options }: MountEntry): boolean =>
  (options.flags & ONLY_MOUNT_2) !== 0 ||
  isTooLong(source ?? '') ||
  options.data.some(isTooLong) ||
  (type === 'overlay' && options.data.some((option) => option.includes('\\')));

/** A UTF-16 unit is at most three bytes of UTF-8. */
const isTooLong = (text: string): boolean =>
  text.length * 3 > FSCONFIG_MAX_BYTES &&
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the test is for characters beyond ASCII
  text.length * (/^[\x00-\x7f]*$/.test(text) ? 1 : 3) > FSCONFIG_MAX_BYTES;
