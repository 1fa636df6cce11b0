/** The mounts that a container without a mount namespace has on the host: config/root.ts, planHostRootfs. */
import { ROOTFS_MOUNTS } from '../config/root.ts';
import { SystemError, unless } from '../linux/call.ts';
import { errnoNumber } from '../linux/constants/errno.ts';
import { O_DIRECTORY, O_PATH } from '../linux/constants/file.ts';
import { closing, type Fd, open, readlink } from '../linux/files.ts';
import { detachMount, identifyMount, isMountedAt } from '../linux/mounts.ts';
import type { Slots } from './perform.ts';
import type { StateRecord } from './record.ts';
import type { Warn } from './request.ts';

/** Which they are, once they are made: they have their names before they are attached. */
export function rootfsMountsOf(slots: Slots): Pick<StateRecord, 'rootfs_mounts'> {
  const made = ROOTFS_MOUNTS.filter((slot) => slots.has(slot));
  if (made.length === 0) return {};
  return { rootfs_mounts: made.map((slot) => identifyMount(slots.get(slot))) };
}

/**
 * Takes the mounts away, and with them all that is mounted below. No other is touched, whatever the path
 * leads to by now: what is found there must be what was made. It may never have been attached, or be
 * gone. EBUSY when another mount covers it: once that is gone, `delete` succeeds.
 */
export function unmountRootfs(record: StateRecord, warn: Warn): void {
  const { rootfs, rootfs_mounts: own } = record;
  if (own === undefined) return;
  const isOwn = (fd: Fd) => own.some(({ id }) => id === identifyMount(fd).id);
  let detached = 0;
  for (;;) {
    const fd = unless(['ENOENT', 'ENOTDIR', 'ELOOP'], () => open(rootfs, O_PATH | O_DIRECTORY));
    if (fd === undefined) return;
    const isDone = closing(fd, () => {
      if (isOwn(fd)) {
        detachMount(fd);
        detached += 1;
        return false;
      }
      const path = readlink(`/proc/self/fd/${fd}`);
      if (!own.some((mount) => isMountedAt(mount, path))) return true;
      throw new SystemError('umount2', errnoNumber('EBUSY'), rootfs);
    });
    if (isDone) break;
  }
  if (detached === 0 && record.status === 'created')
    warn(`${rootfs}: the mounts made there are gone or moved away, and are left alone`);
}
