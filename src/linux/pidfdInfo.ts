/** How a process ended, asked of a pidfd: who is not its parent can know too, also after it was reaped. */
import { throwing, unless } from './call.ts';
import { AT_EMPTY_PATH, AT_FDCWD, O_RDONLY } from './constants/file.ts';
import { OPEN_TREE_CLONE } from './constants/mount.ts';
import { close, closing, type Fd, open, readTextIfExists } from './files.ts';
import { LITTLE_ENDIAN, viewOf } from './memory.ts';
import { moveMount, openTree } from './mounts.ts';
import type { Ending, Pid } from './processes.ts';

const sys = {
  ioctl: throwing('ioctl', 'i:iip'),
  poll: throwing('poll', 'i:pii'),
};

// struct pidfd_info: | u64 mask | u64 cgroup | u32 pid … | i32 exit code, at 60 |; linux/pidfd.h.
const INFO_BYTES = 64;
const EXIT_CODE = 60;
const PIDFD_GET_INFO = 0xc040_ff0b;
const PIDFD_INFO_EXIT = 0x8n;

/** Undefined while it runs or waits to be reaped, and before Linux 6.15. */
export function endingOfPidfd(pidfd: Fd): Ending | undefined {
  const info = new Uint8Array(INFO_BYTES);
  const view = viewOf(info);
  view.setBigUint64(0, PIDFD_INFO_EXIT, LITTLE_ENDIAN);
  const known = unless(['ENOTTY', 'EINVAL', 'ESRCH'], () =>
    sys.ioctl('PIDFD_GET_INFO', pidfd, PIDFD_GET_INFO, info),
  );
  if (known === undefined || (view.getBigUint64(0, LITTLE_ENDIAN) & PIDFD_INFO_EXIT) === 0n) {
    return undefined;
  }
  return decodeWaitStatus(view.getInt32(EXIT_CODE, LITTLE_ENDIAN));
}

/** wait(2)'s word: the signal in the low 7 bits, else the status in the next byte. */
export const decodeWaitStatus = (word: number): Ending =>
  (word & 0x7f) === 0 ? { status: (word >> 8) & 0xff } : { signal: word & 0x7f };

/** Of a process that has ended and was not reaped yet: the last field of /proc/PID/stat. */
export function endingOfZombie(pid: Pid): Ending | undefined {
  const text = readTextIfExists(`/proc/${pid}/stat`) ?? '';
  const fields = text
    .slice(text.lastIndexOf(')') + 2)
    .trim()
    .split(' ');
  return fields[0] === 'Z' ? decodeWaitStatus(Number(fields.at(-1))) : undefined;
}

/** Waits until the process has ended, and when `isReaped` until it was reaped; false after `timeoutMs`. */
export function waitForPidfd(pidfd: Fd, isReaped: boolean, timeoutMs: number): boolean {
  // struct pollfd: | i32 descriptor | i16 events | i16 what happened |; POLLHUP is always among them.
  const poll = new Uint8Array(8);
  viewOf(poll).setInt32(0, pidfd, LITTLE_ENDIAN);
  viewOf(poll).setInt16(4, isReaped ? 0 : POLLIN, LITTLE_ENDIAN);
  return sys.poll('pidfd', poll, 1, timeoutMs) > 0;
}

const POLLIN = 1;

/**
 * Mounts a pidfd over a file: as long as it is mounted, the kernel keeps how the process ended, and no
 * process is needed for that (Linux 6.14; the status since 6.15). SystemError when it cannot be.
 */
export function mountPidfd(pidfd: Fd, path: string): void {
  const tree = openTree(pidfd, '', OPEN_TREE_CLONE | AT_EMPTY_PATH);
  try {
    moveMount(tree, AT_FDCWD, path);
  } finally {
    close(tree);
  }
}

/** How the process ended whose pidfd is mounted at a path. */
export const endingAt = (path: string): Ending | undefined =>
  unless(['ENOENT', 'EACCES'], () => closing(open(path, O_RDONLY), endingOfPidfd));
