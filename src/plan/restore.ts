/** What is made for a container whose processes CRIU makes: the runtime's part, and places for mounts. */
import {
  bindSource,
  isBind,
  isRemount,
  mountEntries,
  ROOT,
  TARGET,
} from '../config/mounts/entry.ts';
import { planNotifyDirectory } from '../config/notifySocket.ts';
import { O_DIRECTORY, O_PATH } from '../linux/constants/file.ts';
import { CLONE_NEWNS } from '../linux/constants/process.ts';
import type { PlanContext } from './context.ts';
import { type Plan, type Step, step } from './step.ts';

const LIKE = 'like';

/**
 * Makes the mount points that are missing in the root file system, where the images of CRIU have mounts: an
 * engine may restore onto a fresh copy of the image. In a mount namespace of its own, inside the root
 * whatever symlinks that holds; empty without such mounts.
 */
export function planMountPoints(context: PlanContext): Plan {
  const entries = mountEntries(context).filter((entry) => !isRemount(entry));
  const points = entries.filter(
    ({ destination }, index) =>
      !entries.slice(0, index).some((other) => destination.startsWith(`${other.destination}/`)),
  );
  if (points.length === 0) return { steps: [] };
  const open = (path: string, flags: number, out: string): Step =>
    step('outer', '', { call: 'openat', path, flags, mode: 0, out });
  return {
    steps: [
      ...planNotifyDirectory(context), // the source of a mount
      open(context.options.rootfs, O_PATH | O_DIRECTORY, ROOT),
      ...points.flatMap((entry) =>
        isBind(entry) ? [open(bindSource(context, entry), O_PATH, `${LIKE}:${entry.index}`)] : [],
      ),
      step('outer', '', { call: 'clone3', flags: BigInt(CLONE_NEWNS) }),
      ...points.map((entry) =>
        step('init', entry.origin, {
          call: 'open_target',
          root: ROOT,
          path: entry.destination,
          flags: 0,
          ...(isBind(entry) ? { like: `${LIKE}:${entry.index}` } : {}),
          out: TARGET,
        }),
      ),
    ],
  };
}
