/** Calls on mounts, in this process's own mount namespace. */
import { throwing, unless } from './call.ts';
import { O_RDONLY } from './constants/file.ts';
import {
  MNT_DETACH,
  MOVE_MOUNT_F_EMPTY_PATH,
  MOVE_MOUNT_T_EMPTY_PATH,
  MS_BIND,
  MS_PRIVATE,
  MS_REC,
  OPEN_TREE_CLOEXEC,
} from './constants/mount.ts';
import { CLONE_NEWNS } from './constants/process.ts';
import { close, closing, type Fd, open, openPath, readText, readTextIfExists } from './files.ts';
import { inodeOf, uniqueMountId } from './statx.ts';

const sys = {
  open_tree: throwing('syscall', 'l:iisi'),
  move_mount: throwing('syscall', 'l:iisisi'),
  mount: throwing('mount', 'i:sssip'),
  umount2: throwing('umount2', 'i:si'),
  unshare: throwing('unshare', 'i:i'),
  setns: throwing('setns', 'i:ii'),
};

// Numbered alike on every architecture (424 and up).
const SYS_open_tree = 428;
const SYS_move_mount = 429;

/** A descriptor as a path: it leads to what the descriptor is of, whatever has been mounted over that. */
const pathOf = (fd: Fd): string => `/proc/self/fd/${fd}`;

/** open_tree(2), OPEN_TREE_CLOEXEC added. */
export const openTree = (dirfd: Fd, path: string, flags: number): Fd =>
  sys.open_tree(path, SYS_open_tree, dirfd, path, flags | OPEN_TREE_CLOEXEC);

/** move_mount(2) of a detached mount onto a path below `dirfd`; onto `dirfd` itself without one. */
export function moveMount(from: Fd, dirfd: Fd, path = ''): void {
  const flags = MOVE_MOUNT_F_EMPTY_PATH | (path === '' ? MOVE_MOUNT_T_EMPTY_PATH : 0);
  sys.move_mount(path, SYS_move_mount, from, '', dirfd, path, flags);
}

/** mount(2) of a mount that is there: its propagation (mount_namespaces(7)). */
export function changePropagation(mount: Fd, flags: number): void {
  sys.mount(pathOf(mount), null, pathOf(mount), null, flags, null);
}

/** umount2(2) with MNT_DETACH of the mount that `fd` is of, with all that is mounted below it. */
export function detachMount(fd: Fd): void {
  sys.umount2(pathOf(fd), pathOf(fd), MNT_DETACH);
}

/**
 * Runs `use` in a mount namespace that begins as a private copy of this one, and comes back; the working
 * directory is `/` then. What is started in it stays.
 */
export function inPrivateMounts<T>(use: () => T): T {
  const own = open('/proc/self/ns/mnt', O_RDONLY);
  try {
    sys.unshare('CLONE_NEWNS', CLONE_NEWNS);
    try {
      sys.mount('/', null, '/', null, MS_REC | MS_PRIVATE, null);
      return use();
    } finally {
      sys.setns('mnt', own, CLONE_NEWNS);
    }
  } finally {
    close(own);
  }
}

/** Binds a directory with all that is mounted below it. */
export function bindRecursively(from: string, to: string): void {
  sys.mount(to, from, to, null, MS_BIND | MS_REC, null);
}

/** Whether a path leads to the mount namespace this process is in; false where it leads nowhere. */
export function isOwnMountNamespace(path: string): boolean {
  const inode = (one: string) => closing(openPath(one), inodeOf);
  const theirs = unless(['ENOENT', 'ENOTDIR', 'EACCES', 'ELOOP'], () => inode(path));
  return theirs !== undefined && theirs === inode('/proc/self/ns/mnt');
}

/** What names one mount. */
export interface MountIdentity {
  /** Of this boot and, since Linux 6.8, no other mount's ever; before, another may get it when this is gone. */
  readonly id: string;
  /** As /proc/self/mountinfo numbers it. */
  readonly number: number;
}

/** The mount that a descriptor is of; a detached one too, which keeps its name when it is attached. */
export function identifyMount(fd: Fd): MountIdentity {
  const boot = readTextIfExists('/proc/sys/kernel/random/boot_id')?.trim() ?? '';
  const [, number = '0'] = /^mnt_id:\s*(\d+)$/m.exec(readText(`/proc/self/fdinfo/${fd}`)) ?? [];
  return { id: `${boot}/${uniqueMountId(fd) ?? number}`, number: Number(number) };
}

/** Whether a mount of this number stands at this path, in sight or covered by others: proc_pid_mountinfo(5). */
export function isMountedAt({ number }: MountIdentity, path: string): boolean {
  const lines = readText('/proc/self/mountinfo').split('\n');
  const own = lines.find((line) => line.startsWith(`${number} `));
  return own?.split(' ')[4] === escapeMountPath(path);
}

/** As mountinfo writes it: blanks, tabs, newlines and backslashes in octal. */
const escapeMountPath = (path: string): string =>
  path.replace(/[ \t\n\\]/g, (one) => `\\${one.charCodeAt(0).toString(8).padStart(3, '0')}`);
