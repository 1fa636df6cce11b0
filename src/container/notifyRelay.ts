/** Passes on that the container is ready, to whoever set NOTIFY_SOCKET for tsrun: sd_notify(3). */
import { notifyDirectoryOf, notifySocketOf } from '../config/notifySocket.ts';
import { createdUnnotified } from '../errors.ts';
import { unless } from '../linux/call.ts';
import { F_OK } from '../linux/constants/file.ts';
import { access, type Fd, unlink } from '../linux/files.ts';
import { openProcess } from '../linux/pidfd.ts';
import { getenv } from '../linux/processes.ts';
import { bindDatagram, connectDatagram } from '../linux/sockets.ts';
import { becomeExecutor } from './foreground.ts';
import type { Stored } from './store.ts';

/** Whom to tell; undefined when nobody asked. */
export const notifyAddress = (): string | undefined => getenv('NOTIFY_SOCKET') || undefined;

export interface NotifyRelay {
  /** Where the container sends to. */
  readonly socket: Fd;
  /** Connected to who is to be told. */
  readonly host: Fd;
}

/**
 * Binds the socket of a container that has not been started; undefined when nobody asked. SystemError when
 * there is nobody at the address, `container-state` when the container was created for nobody to be told.
 */
export function openNotifyRelay({ directory }: Stored): NotifyRelay | undefined {
  const address = notifyAddress();
  if (address === undefined) return undefined;
  if (!access(notifyDirectoryOf(directory), F_OK)) throw createdUnnotified();
  const host = connectDatagram(address);
  const path = notifySocketOf(directory);
  // Of a `start` that was killed.
  unless(['ENOENT'], () => unlink(path));
  return { host, socket: bindDatagram(path) };
}

/** A created container's init, before it can have ended by itself; undefined when it has ended all the same. */
export const pidfdOf = ({ record }: Stored): Fd | undefined =>
  unless(
    ['ESRCH'],
    () =>
      openProcess(
        { pid: record.init_process_pid, startTime: record.init_process_start },
        { pidfd: true, directory: false },
      ).pidfd,
  );

/** This process becomes the relay, and ends when the container is ready, or has ended. */
export const relayUntilReady = (
  { socket, host }: NotifyRelay,
  pidfd: Fd,
  { record }: Stored,
): never =>
  becomeExecutor(
    ['notify', ...[pidfd, socket, host, record.init_process_pid].map(String)],
    [pidfd, socket, host],
  );
