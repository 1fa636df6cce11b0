/** statx(2): what a file is, and which mount it is seen through. */
import { engine } from '../engine/current.ts';
import { throwing } from './call.ts';
import { AT_EMPTY_PATH } from './constants/file.ts';
import type { Fd } from './files.ts';
import { LITTLE_ENDIAN, viewOf } from './memory.ts';

const sys = { statx: throwing('syscall', 'l:iisiip') };

/** An old call, numbered by each architecture on its own; musl has no function for it. */
const SYS_statx = { x86_64: 332, aarch64: 291 } as const;

const STATX_INO = 0x100;
const STATX_MNT_ID_UNIQUE = 0x4000;

/** struct statx: stx_mask, stx_ino, stx_mnt_id. */
const LAYOUT = { bytes: 256, mask: 0, inode: 32, mountId: 144 } as const;

function statx(fd: Fd, mask: number): DataView {
  const buffer = new Uint8Array(LAYOUT.bytes);
  sys.statx(`${fd}`, SYS_statx[engine().machine], fd, '', AT_EMPTY_PATH, mask, buffer);
  return viewOf(buffer);
}

export const inodeOf = (fd: Fd): bigint =>
  statx(fd, STATX_INO).getBigUint64(LAYOUT.inode, LITTLE_ENDIAN);

/** The id of the mount that no other has had since the boot; undefined before Linux 6.8. */
export function uniqueMountId(fd: Fd): bigint | undefined {
  const view = statx(fd, STATX_MNT_ID_UNIQUE);
  return view.getUint32(LAYOUT.mask, LITTLE_ENDIAN) & STATX_MNT_ID_UNIQUE
    ? view.getBigUint64(LAYOUT.mountId, LITTLE_ENDIAN)
    : undefined;
}
