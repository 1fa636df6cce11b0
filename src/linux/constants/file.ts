/** Constants of calls on files. */

/**
 * Flags of open(2) as asm-generic (x86-64) numbers them. The same on arm64 but for four, which
 * `nativeOpenFlags` translates where a call is made or a plan is encoded: so plans are alike everywhere.
 */
export const O_RDONLY = 0x0;
export const O_WRONLY = 0x1;
export const O_RDWR = 0x2;
export const O_ACCMODE = 0x3;
export const O_CREAT = 0x40;
export const O_EXCL = 0x80;
export const O_NOCTTY = 0x100;
export const O_TRUNC = 0x200;
export const O_APPEND = 0x400;
export const O_NONBLOCK = 0x800;
export const O_DSYNC = 0x1000;
export const O_DIRECT = 0x4000;
export const O_LARGEFILE = 0x8000;
export const O_DIRECTORY = 0x10000;
export const O_NOFOLLOW = 0x20000;
export const O_NOATIME = 0x40000;
export const O_CLOEXEC = 0x80000;
export const O_SYNC = 0x101000;
export const O_PATH = 0x200000;
export const O_TMPFILE = 0x410000;

/** asm-generic → arm64 (arch/arm64/include/uapi/asm/fcntl.h). */
const ARM64_OPEN_FLAGS: readonly (readonly [number, number])[] = [
  [O_DIRECTORY, 0x4000],
  [O_NOFOLLOW, 0x8000],
  [O_DIRECT, 0x10000],
  [O_LARGEFILE, 0x20000],
];

/** The flags of open(2) as this machine's kernel numbers them. */
export function nativeOpenFlags(machine: 'x86_64' | 'aarch64', flags: number): number {
  if (machine === 'x86_64') return flags;
  let native = flags;
  for (const [generic] of ARM64_OPEN_FLAGS) native &= ~generic;
  for (const [generic, arm64] of ARM64_OPEN_FLAGS) if (flags & generic) native |= arm64;
  return native;
}

// The *at calls.
export const AT_FDCWD = -100;
export const AT_SYMLINK_NOFOLLOW = 0x100;
export const AT_REMOVEDIR = 0x200;
export const AT_SYMLINK_FOLLOW = 0x400;
export const AT_NO_AUTOMOUNT = 0x800;
export const AT_EMPTY_PATH = 0x1000;
export const AT_RECURSIVE = 0x8000;

// openat2(2)
export const RESOLVE_NO_XDEV = 0x1;
export const RESOLVE_NO_MAGICLINKS = 0x2;
export const RESOLVE_NO_SYMLINKS = 0x4;
export const RESOLVE_BENEATH = 0x8;
export const RESOLVE_IN_ROOT = 0x10;

// st_mode, mknod(2)
export const S_IFMT = 0o170000;
export const S_IFSOCK = 0o140000;
export const S_IFLNK = 0o120000;
export const S_IFREG = 0o100000;
export const S_IFBLK = 0o060000;
export const S_IFDIR = 0o040000;
export const S_IFCHR = 0o020000;
export const S_IFIFO = 0o010000;

// access(2)
export const F_OK = 0;
export const X_OK = 1;
export const W_OK = 2;
export const R_OK = 4;

// flock(2)
export const LOCK_SH = 1;
export const LOCK_EX = 2;
export const LOCK_NB = 4;
export const LOCK_UN = 8;
