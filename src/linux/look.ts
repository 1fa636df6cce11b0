/** Looking at files without touching them: what verbs that explain need beside src/linux/files.ts. */
import { engine } from '../engine/current.ts';
import { throwing } from './call.ts';
import { nativeOpenFlags, O_CLOEXEC, O_DIRECTORY, O_PATH, O_RDONLY } from './constants/file.ts';
import { closing, type Fd, fchmod, open } from './files.ts';
import { LITTLE_ENDIAN, viewOf } from './memory.ts';

const sys = {
  openat2: throwing('syscall', 'l:iispi'),
  fstat: throwing('fstat', 'i:ip'),
  fstatfs: throwing('fstatfs', 'i:ip'),
  fchown: throwing('fchown', 'i:iii'),
};

/** Gives a directory owner and mode of another one. */
export function copyOwner(from: string, to: string): void {
  const { mode, uid, gid } = closing(open(from, O_PATH | O_DIRECTORY), factsOf);
  closing(open(to, O_RDONLY | O_DIRECTORY), (fd) => {
    sys.fchown(to, fd, uid, gid);
    fchmod(fd, mode & 0o7777);
  });
}

const SYS_openat2 = 437;
const RESOLVE_IN_ROOT = 0x10;

/** openat2(2) with RESOLVE_IN_ROOT: `root` is the root directory of all of the path (Linux 5.6). */
export function openInRoot(root: Fd, path: string, flags: number): Fd {
  // struct open_how: | u64 flags | u64 mode | u64 resolve |
  const how = new Uint8Array(24);
  const view = viewOf(how);
  const native = nativeOpenFlags(engine().machine, flags | O_CLOEXEC);
  view.setBigUint64(0, BigInt(native), LITTLE_ENDIAN);
  view.setBigUint64(16, BigInt(RESOLVE_IN_ROOT), LITTLE_ENDIAN);
  return sys.openat2(path, SYS_openat2, root, path, how, how.length);
}

export interface FileFacts {
  /** Of stat(2): type and permissions. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly inode: bigint;
  readonly isNoexec: boolean;
}

const ST_NOEXEC = 8n;

/** fstat(2) and fstatfs(2). */
export function factsOf(fd: Fd): FileFacts {
  const stat = new Uint8Array(256);
  const statfs = new Uint8Array(256);
  sys.fstat(fd, fd, stat);
  sys.fstatfs(fd, fd, statfs);
  const view = viewOf(stat);
  // struct stat: x86-64 has the number of links before the mode, arm64 behind it.
  const mode = engine().machine === 'x86_64' ? 24 : 16;
  const uid = engine().machine === 'x86_64' ? 28 : 24;
  return {
    mode: view.getUint32(mode, LITTLE_ENDIAN),
    uid: view.getUint32(uid, LITTLE_ENDIAN),
    gid: view.getUint32(uid + 4, LITTLE_ENDIAN),
    inode: view.getBigUint64(8, LITTLE_ENDIAN),
    isNoexec: (viewOf(statfs).getBigUint64(80, LITTLE_ENDIAN) & ST_NOEXEC) !== 0n,
  };
}
