/** What a tmpfs takes from the directory it covers: its mode, and with tmpcopyup all that is in it. */

import { O_DIRECTORY, O_PATH } from '../../linux/constants/file.ts';
import { type Slot, type Step, step } from '../../plan/step.ts';
import { initStep, MOUNT, type MountEntry, ROOT } from './entry.ts';
import { splitData } from './options.ts';

/** A tmpfs without `mode=` takes over the mode of the directory it covers, when there is one. */
export const takesCoveredMode = ({ type, options }: MountEntry): boolean =>
  type === 'tmpfs' && !splitData(options.data).some((option) => option.startsWith('mode='));

export const copiesUp = ({ type, options }: MountEntry): boolean =>
  type === 'tmpfs' && options.copyUp;

export const coveredSlot = ({ index }: MountEntry): Slot => `covered:${index}`;

/** Opens the directory that will be covered, before it is made by open_target: it may be missing. */
export const openCovered = (entry: MountEntry): readonly Step[] =>
  takesCoveredMode(entry) || copiesUp(entry)
    ? [
        step(
          'init',
          entry.origin,
          {
            call: 'openat2',
            root: ROOT,
            path: entry.destination,
            flags: O_PATH | O_DIRECTORY,
            out: coveredSlot(entry),
          },
          { ignore: ['ENOENT'] },
        ),
      ]
    : [];

/** tmpcopyup; nothing to copy where nothing was. */
export const planCopyUp = (entry: MountEntry): readonly Step[] =>
  copiesUp(entry)
    ? [initStep(entry, { call: 'copy_up', from: coveredSlot(entry), to: MOUNT })]
    : [];
