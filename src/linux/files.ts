/** Calls on files and directories. Every descriptor made here is close-on-exec. */
import { engine } from '../engine/current.ts';
import { answering, failedWith, SystemError, throwing, unless } from './call.ts';
import { errnoNumber } from './constants/errno.ts';
import {
  AT_EMPTY_PATH,
  AT_FDCWD,
  AT_REMOVEDIR,
  AT_SYMLINK_NOFOLLOW,
  nativeOpenFlags,
  O_CLOEXEC,
  O_CREAT,
  O_DIRECTORY,
  O_EXCL,
  O_PATH,
  O_RDONLY,
  O_TRUNC,
  O_WRONLY,
} from './constants/file.ts';
import { concatenate, LITTLE_ENDIAN, textUntilNul, viewOf } from './memory.ts';

/** An open descriptor of this process. */
export type Fd = number;

const sys = {
  openat: throwing('openat', 'i:isii'),
  close: throwing('close', 'i:i'),
  read: throwing('read', 'l:ipi'),
  write: throwing('write', 'l:ipi'),
  mkdirat: throwing('mkdirat', 'i:isi'),
  renameat: throwing('renameat', 'i:isis'),
  unlinkat: throwing('unlinkat', 'i:isi'),
  readlinkat: throwing('readlinkat', 'l:ispi'),
  faccessat: answering('faccessat', 'i:isii'),
  fchmod: throwing('fchmod', 'i:ii'),
  fchownat: throwing('fchownat', 'i:isiii'),
  chdir: throwing('chdir', 'i:s'),
  statfs: throwing('statfs', 'i:sp'),
  statx: throwing('statx', 'i:isiip'),
  getdents64: throwing('getdents64', 'l:ipi'),
  flock: throwing('flock', 'i:ii'),
};

/** openat(2), O_CLOEXEC added; flags as asm-generic numbers them. */
export const openat = (dirfd: Fd, path: string, flags: number, mode = 0): Fd =>
  sys.openat(path, dirfd, path, nativeOpenFlags(engine().machine, flags | O_CLOEXEC), mode);

export const open = (path: string, flags: number, mode = 0): Fd =>
  openat(AT_FDCWD, path, flags, mode);

/** close(2). Here and below `detail` is what a failure names: the path, where it is known. */
export const close = (fd: Fd, detail: string | number = fd): void => {
  sys.close(detail, fd);
};

/**
 * close(2) of what is done with: a lock, a socket, a pidfd. It is closed whatever the call returns, nothing
 * that was written can be lost, and what has succeeded has not failed for it.
 */
export function release(fd: Fd): void {
  try {
    close(fd);
  } catch (thrown) {
    if (!(thrown instanceof SystemError)) throw thrown;
  }
}

/** Runs `use` with a descriptor and closes it, whatever happens. */
export function closing<T>(fd: Fd, use: (fd: Fd) => T, detail: string | number = fd): T {
  try {
    return use(fd);
  } finally {
    close(fd, detail);
  }
}

/** One read(2) into `buffer`: how many bytes came, 0 at the end. */
export const read = (fd: Fd, buffer: Uint8Array, detail: string | number = fd): number =>
  sys.read(detail, fd, buffer, buffer.length);

const CHUNK_BYTES = 16_384;
/** Used again and again: nearly all files are shorter, and nothing else runs meanwhile. */
const CHUNK = new Uint8Array(CHUNK_BYTES);

/** Everything from a descriptor's position to its end. */
export function readAll(fd: Fd, detail: string | number = fd): Uint8Array {
  const parts: Uint8Array[] = [];
  for (;;) {
    const length = read(fd, CHUNK, detail);
    const [part] = parts;
    if (length === 0) return parts.length === 1 && part ? part : concatenate(parts);
    parts.push(CHUNK.slice(0, length));
  }
}

/** A whole file; ENOENT and the like are thrown. */
export const readFile = (path: string, dirfd: Fd = AT_FDCWD): Uint8Array =>
  closing(openat(dirfd, path, O_RDONLY), (fd) => readAll(fd, path), path);

/** A whole file as text. */
export function readText(path: string, dirfd: Fd = AT_FDCWD): string {
  const text = engine().readText(dirfd, path);
  if (typeof text === 'string') return text;
  throw new SystemError(text.call, text.errno, path);
}

/** A whole file as text, undefined when it is not there (also: no longer, as files of /proc vanish). */
export function readTextIfExists(path: string, dirfd: Fd = AT_FDCWD): string | undefined {
  const text = engine().readText(dirfd, path);
  if (typeof text === 'string') return text;
  if (MISSING.has(text.errno)) return undefined;
  throw new SystemError(text.call, text.errno, path);
}

const MISSING: ReadonlySet<number> = new Set(
  (['ENOENT', 'ENOTDIR', 'ENODEV', 'ESRCH'] as const).map(errnoNumber),
);

/**
 * Writes `data`, or its first `length` bytes, in one write(2) where the kernel takes it at once, as it does
 * for its own files.
 */
export function writeAll(
  fd: Fd,
  data: Uint8Array,
  detail: string | number = fd,
  length = data.length,
): void {
  let offset = sys.write(detail, fd, data, length);
  while (offset < length) {
    offset += sys.write(detail, fd, data.subarray(offset, length), length - offset);
  }
}

/** Writes to a file that exists (a file of /proc or of a cgroup): no O_CREAT, one write(2). */
export function writeExisting(path: string, data: string, dirfd: Fd = AT_FDCWD): void {
  const fd = openat(dirfd, path, O_WRONLY);
  try {
    const length = engine().encodeInto(data, CHUNK, 0);
    if (length < 0) writeAll(fd, engine().encodeUtf8(data), path);
    else writeAll(fd, CHUNK, path, length);
  } finally {
    close(fd, path);
  }
}

/** Makes or truncates a file and writes it. */
export const writeFile = (path: string, data: Uint8Array, mode: number, dirfd: Fd = AT_FDCWD) =>
  closing(
    openat(dirfd, path, O_WRONLY | O_CREAT | O_TRUNC, mode),
    (fd) => writeAll(fd, data, path),
    path,
  );

/**
 * Makes a file of a directory and writes it: EEXIST where there is one. Of a failed write no file is left.
 * `path` is what failures name.
 */
export function writeNewFile(dirfd: Fd, name: string, data: Uint8Array, path: string): void {
  const flags = nativeOpenFlags(engine().machine, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC);
  const fd = sys.openat(path, dirfd, name, flags, 0o600);
  try {
    closing(fd, () => writeAll(fd, data, path), path);
  } catch (thrown) {
    unlink(name, dirfd);
    throw thrown;
  }
}

/**
 * Opens a new file. What is there already goes: another user's symlink, in a directory both may write to, would
 * have us write to what it leads to; a file is what was left by one of us that was killed.
 */
function openNew(path: string, mode: number, dirfd: Fd): Fd {
  const flags = O_WRONLY | O_CREAT | O_EXCL;
  const fd = unless(['EEXIST'], () => openat(dirfd, path, flags, mode));
  if (fd !== undefined) return fd;
  unlink(path, dirfd);
  return openat(dirfd, path, flags, mode);
}

/**
 * Replaces a file at once: a reader sees the old or the new text, never a part (rename(2)). The temporary
 * one is gone when that fails.
 */
export function replaceFile(
  path: string,
  temporary: string,
  data: Uint8Array,
  mode: number,
  dirfd: Fd = AT_FDCWD,
): void {
  try {
    const fd = openNew(temporary, mode, dirfd);
    closing(fd, () => writeAll(fd, data, temporary), temporary);
    rename(temporary, path, dirfd);
  } catch (thrown) {
    unless(['ENOENT', 'EROFS'], () => unlink(temporary, dirfd));
    throw thrown;
  }
}

/** renameat(2), which replaces what is there. */
export const rename = (from: string, to: string, dirfd: Fd = AT_FDCWD): void => {
  sys.renameat(to, dirfd, from, dirfd, to);
};

/** mkdirat(2). */
export const mkdir = (path: string, mode: number, dirfd: Fd = AT_FDCWD): void => {
  sys.mkdirat(path, dirfd, path, mode);
};

/** Makes a directory and its missing parents; one that exists is left as it is. */
export function mkdirAll(path: string, mode: number): void {
  try {
    mkdir(path, mode);
  } catch (thrown) {
    if (failedWith(thrown, 'EEXIST')) return;
    const parent = path.slice(0, path.lastIndexOf('/'));
    if (!failedWith(thrown, 'ENOENT') || parent === '') throw thrown;
    mkdirAll(parent, mode);
    mkdirAll(path, mode);
  }
}

/** unlinkat(2) of anything but a directory. */
export const unlink = (path: string, dirfd: Fd = AT_FDCWD): void => {
  sys.unlinkat(path, dirfd, path, 0);
};

/** unlinkat(2) of an empty directory. */
export const rmdir = (path: string, dirfd: Fd = AT_FDCWD): void => {
  sys.unlinkat(path, dirfd, path, AT_REMOVEDIR);
};

/** unlink, rmdir: no failure when it is not there. True when something was removed. */
export function removeIfExists(remove: (path: string) => void, path: string): boolean {
  try {
    remove(path);
    return true;
  } catch (thrown) {
    if (failedWith(thrown, 'ENOENT')) return false;
    throw thrown;
  }
}

/** readlinkat(2). */
export function readlink(path: string, dirfd: Fd = AT_FDCWD): string {
  const buffer = new Uint8Array(4096);
  const length = sys.readlinkat(path, dirfd, path, buffer, buffer.length);
  return engine().decodeUtf8(buffer, 0, length);
}

/** Whether a path may be reached as `mode` asks (constants F_OK, X_OK, …) by the real user. */
export function access(path: string, mode: number, dirfd: Fd = AT_FDCWD): boolean {
  const answer = sys.faccessat(dirfd, path, mode, 0);
  if (answer === 0) return true;
  if (OUT_OF_REACH.has(-answer)) return false;
  throw new SystemError('faccessat', -answer, path);
}

const OUT_OF_REACH: ReadonlySet<number> = new Set(
  (['ENOENT', 'ENOTDIR', 'EACCES', 'ELOOP', 'EROFS'] as const).map(errnoNumber),
);

export const fchmod = (fd: Fd, mode: number, detail: string | number = fd): void => {
  sys.fchmod(detail, fd, mode);
};

/** Changes who owns a path; its group stays. A symlink itself, not what it leads to. */
export const chown = (path: string, uid: number): void => {
  const same = -1;
  sys.fchownat(path, AT_FDCWD, path, uid, same, AT_SYMLINK_NOFOLLOW);
};

export const chdir = (path: string): void => {
  sys.chdir(path, path);
};

/** `f_type` of statfs(2): the file system's magic number. */
export function filesystemType(path: string): number {
  const buffer = new Uint8Array(120);
  sys.statfs(path, path, buffer);
  return viewOf(buffer).getUint32(0, LITTLE_ENDIAN);
}

/** Owner and mode of an open file, as st_mode has them: statx(2), whose structure no architecture changes. */
export function ownerOf(fd: Fd): { readonly uid: number; readonly mode: number } {
  const buffer = new Uint8Array(256);
  sys.statx(fd, fd, '', AT_EMPTY_PATH, STATX_TYPE | STATX_MODE | STATX_UID, buffer);
  // | u32 mask | u32 | u64 attributes | u32 links | u32 uid | u32 gid | u16 mode |
  const view = viewOf(buffer);
  return { uid: view.getUint32(20, LITTLE_ENDIAN), mode: view.getUint16(28, LITTLE_ENDIAN) };
}

const STATX_TYPE = 0x1;
const STATX_MODE = 0x2;
const STATX_UID = 0x8;

/** A directory's descriptor, for the *at calls. */
export const openDirectory = (path: string, dirfd: Fd = AT_FDCWD): Fd =>
  openat(dirfd, path, O_RDONLY | O_DIRECTORY);

export const openPath = (path: string, dirfd: Fd = AT_FDCWD): Fd => openat(dirfd, path, O_PATH);

export interface DirectoryEntry {
  readonly name: string;
  /** getdents64(2) d_type: 4 is a directory. */
  readonly type: number;
}

export const DT_DIR = 4;

/** The entries of an open directory but `.` and `..`, in the order the kernel gives them. */
export function readDirectory(fd: Fd, detail: string | number = fd): readonly DirectoryEntry[] {
  const entries: DirectoryEntry[] = [];
  const buffer = new Uint8Array(32_768);
  const view = viewOf(buffer);
  for (;;) {
    const length = sys.getdents64(detail, fd, buffer, buffer.length);
    if (length === 0) return entries;
    // | u64 inode | i64 offset | u16 length of this entry | u8 type | name NUL |
    for (let offset = 0; offset < length; offset += view.getUint16(offset + 16, LITTLE_ENDIAN)) {
      const name = textUntilNul(buffer, offset + 19);
      if (name !== '.' && name !== '..') entries.push({ name, type: view.getUint8(offset + 18) });
    }
  }
}

/** The entries of a directory, none when it is not there. */
export function listDirectory(path: string): readonly DirectoryEntry[] {
  try {
    return closing(openDirectory(path), (fd) => readDirectory(fd, path), path);
  } catch (thrown) {
    if (failedWith(thrown, 'ENOENT')) return [];
    throw thrown;
  }
}

/** flock(2). False when LOCK_NB was given and another process has the lock. */
export function flock(fd: Fd, operation: number, detail: string | number = fd): boolean {
  try {
    sys.flock(detail, fd, operation);
    return true;
  } catch (thrown) {
    if (failedWith(thrown, 'EAGAIN')) return false;
    throw thrown;
  }
}
