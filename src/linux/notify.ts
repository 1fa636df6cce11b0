/** Waiting for the kernel to say that something happened: poll(2), inotify(7), eventfd(2). */
import { throwing } from './call.ts';
import { type Fd, read } from './files.ts';
import { LITTLE_ENDIAN, viewOf } from './memory.ts';

const sys = {
  poll: throwing('poll', 'i:pii'),
  eventfd: throwing('eventfd', 'i:ii'),
  inotify_init1: throwing('inotify_init1', 'i:i'),
  inotify_add_watch: throwing('inotify_add_watch', 'i:isi'),
};

const POLLIN = 1;
const POLLHUP = 0x10;
const POLLFD_BYTES = 8;
// EFD_ and IN_ flags are those of O_, alike on x86-64 and arm64.
const CLOEXEC = 0o2000000;
const NONBLOCK = 0o4000;
const IN_MODIFY = 2;
/** Room for many struct inotify_event; none carries a name, for files are watched, not directories. */
const EVENT_BYTES = 4096;

/** Waits until one of the descriptors has something to read, or has ended; those that do. */
export function waitForAny(fds: readonly Fd[], timeoutMs: number): readonly Fd[] {
  const happened = pollAll(fds, Math.max(0, Math.ceil(timeoutMs)));
  return fds.filter((_, i) => happened[i]?.isQuiet === false);
}

/** What poll(2) says of a descriptor; one that has ended may still have something to read. */
export interface Polled {
  readonly isReadable: boolean;
  /** Nobody is at the other end any more. */
  readonly hasEnded: boolean;
  readonly isQuiet: boolean;
}

/** Waits until something has happened to one of the descriptors, without end for a timeout of -1. */
export function pollAll(fds: readonly Fd[], timeoutMs: number): readonly Polled[] {
  // struct pollfd: | i32 descriptor | i16 events | i16 what happened |
  const table = new Uint8Array(POLLFD_BYTES * fds.length);
  const view = viewOf(table);
  fds.forEach((fd, i) => {
    view.setInt32(POLLFD_BYTES * i, fd, LITTLE_ENDIAN);
    view.setInt16(POLLFD_BYTES * i + 4, POLLIN, LITTLE_ENDIAN);
  });
  sys.poll('', table, fds.length, timeoutMs);
  return fds.map((_, i) => {
    const events = view.getInt16(POLLFD_BYTES * i + 6, LITTLE_ENDIAN);
    return {
      isReadable: (events & POLLIN) !== 0,
      hasEnded: (events & POLLHUP) !== 0,
      isQuiet: events === 0,
    };
  });
}

/** A counter the kernel adds to; read with `drain`. */
export const eventCounter = (): Fd => sys.eventfd('', 0, CLOEXEC | NONBLOCK);

/** A descriptor that can be read when a file was modified: for files of cgroups that is a notification. */
export function watchFile(path: string): Fd {
  const fd = sys.inotify_init1('', CLOEXEC | NONBLOCK);
  sys.inotify_add_watch(path, fd, path, IN_MODIFY);
  return fd;
}

/** Takes what an event counter or a watched file has to say; it must have something. */
export const drain = (fd: Fd): void => {
  read(fd, new Uint8Array(EVENT_BYTES));
};
