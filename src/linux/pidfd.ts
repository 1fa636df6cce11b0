/**
 * Signals to a process that may have ended, without hitting one that took its number since: a pidfd is
 * opened, the identity checked, and the signal sent through the pidfd. Calls above 424 have one number
 * on every architecture, so they go through syscall(2).
 */
import { failedWith, SystemError, throwing, unless } from './call.ts';
import { errnoNumber } from './constants/errno.ts';
import { O_DIRECTORY, O_PATH } from './constants/file.ts';
import { close, type Fd, open, readTextIfExists } from './files.ts';
import { LITTLE_ENDIAN, viewOf } from './memory.ts';
import { kill, type Pid, type ProcessFacts, parseStat, readProcess } from './processes.ts';

const sys = {
  syscall: throwing('syscall', 'l:iiiii'),
  poll: throwing('poll', 'i:pii'),
};

const SYS_pidfd_send_signal = 424;
const SYS_pidfd_open = 434;
const SYS_pidfd_getfd = 438;
const POLLIN = 1;

/** What names one process for ever: its number and when it began (/proc/PID/stat, clock ticks). */
export interface ProcessIdentity {
  readonly pid: Pid;
  readonly startTime: number;
}

/** Whether that process lives; one that has ended and waits to be reaped does not. */
export function isAlive(process: ProcessIdentity): boolean {
  const facts = readProcess(process.pid);
  return facts !== undefined && lives(facts, process);
}

const lives = (facts: ProcessFacts, { startTime }: ProcessIdentity): boolean =>
  facts.startTime === startTime && facts.state !== 'Z' && facts.state !== 'X';

/** Descriptors of a process: its pidfd, and its directory in /proc (O_PATH). */
export interface OpenProcess {
  readonly pidfd?: Fd;
  readonly directory?: Fd;
}

/** Opens that process and no other that took its number since; ESRCH when it has ended. */
export function openProcess(
  process: ProcessIdentity,
  wanted: { readonly pidfd: boolean; readonly directory: boolean },
): OpenProcess {
  const directory = wanted.directory ? openDirectoryOf(process) : undefined;
  try {
    const pidfd = wanted.pidfd
      ? sys.syscall('pidfd_open', SYS_pidfd_open, process.pid, 0, 0, 0)
      : undefined;
    if (pidfd !== undefined && !isAlive(process)) {
      close(pidfd);
      throw ended(process);
    }
    return {
      ...(pidfd === undefined ? {} : { pidfd }),
      ...(directory === undefined ? {} : { directory }),
    };
  } catch (thrown) {
    if (directory !== undefined) close(directory);
    throw thrown;
  }
}

function openDirectoryOf(process: ProcessIdentity): Fd {
  const directory = unless(['ENOENT'], () => open(`/proc/${process.pid}`, O_PATH | O_DIRECTORY));
  if (directory === undefined) throw ended(process);
  // Of this very process, whoever has its number now.
  const stat = readTextIfExists('stat', directory);
  if (stat !== undefined && lives(parseStat(stat), process)) return directory;
  close(directory);
  throw ended(process);
}

const ended = ({ pid }: ProcessIdentity) =>
  new SystemError('open_process', errnoNumber('ESRCH'), `${pid}`);

/** A copy of a descriptor of another process, close-on-exec (Linux 5.6). */
export const takeDescriptor = (pidfd: Fd, theirs: number): Fd =>
  sys.syscall('pidfd_getfd', SYS_pidfd_getfd, pidfd, theirs, 0, 0);

/** Sends a signal to that process; false when it has ended. */
export function signalProcess(process: ProcessIdentity, signal: number): boolean {
  const pidfd = openPidfd(process);
  if (pidfd === 'ended') return false;
  if (pidfd === 'unknown call') return isAlive(process) && kill(process.pid, signal);
  try {
    const sent = unless(['ESRCH'], () =>
      sys.syscall('pidfd_send_signal', SYS_pidfd_send_signal, pidfd, signal, 0, 0),
    );
    return sent !== undefined;
  } finally {
    close(pidfd);
  }
}

/** Waits until that process has ended; false when it lives on after `timeoutMs`. */
export function waitUntilEnded(process: ProcessIdentity, timeoutMs: number): boolean {
  const pidfd = openPidfd(process);
  if (pidfd === 'ended') return true;
  if (pidfd === 'unknown call') return watchUntilEnded(process, timeoutMs);
  try {
    // struct pollfd: | i32 descriptor | i16 events | i16 what happened |
    const poll = new Uint8Array(8);
    viewOf(poll).setInt32(0, pidfd, LITTLE_ENDIAN);
    viewOf(poll).setInt16(4, POLLIN, LITTLE_ENDIAN);
    return sys.poll('pidfd', poll, 1, timeoutMs) > 0;
  } finally {
    close(pidfd);
  }
}

/** Before Linux 5.3: looks every 5 ms. */
function watchUntilEnded(process: ProcessIdentity, timeoutMs: number): boolean {
  for (let left = timeoutMs; isAlive(process); left -= 5) {
    if (left <= 0) return false;
    sys.poll('wait', null, 0, Math.min(left, 5));
  }
  return true;
}

/** A pidfd of that process, the caller's to close; undefined when it has ended, or before Linux 5.3. */
export function pidfdOf(process: ProcessIdentity): Fd | undefined {
  const pidfd = openPidfd(process);
  return typeof pidfd === 'number' ? pidfd : undefined;
}

function openPidfd(process: ProcessIdentity): Fd | 'ended' | 'unknown call' {
  try {
    const pidfd = sys.syscall('pidfd_open', SYS_pidfd_open, process.pid, 0, 0, 0);
    if (isAlive(process)) return pidfd;
    close(pidfd);
    return 'ended';
  } catch (thrown) {
    if (failedWith(thrown, 'ESRCH', 'EINVAL')) return 'ended';
    // Before Linux 5.3.
    if (failedWith(thrown, 'ENOSYS')) return 'unknown call';
    throw thrown;
  }
}
