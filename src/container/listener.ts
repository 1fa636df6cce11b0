/** linux.seccomp.listenerPath: hands the listener of a filter to the agent. config-linux.md "Seccomp". */
import type { ContainerProcessState } from '../config/linux/seccomp.ts';
import { engine } from '../engine/current.ts';
import { failedWith, unless } from '../linux/call.ts';
import { type Fd, release } from '../linux/files.ts';
import { waitForAny } from '../linux/notify.ts';
import { takeDescriptor } from '../linux/pidfd.ts';
import { connectUnix, send } from '../linux/sockets.ts';
import type { Op } from '../plan/step.ts';
import { GO } from '../wire/report.ts';

/** The process whose filter it is, and its descriptor there. */
export interface Listener {
  readonly pid: number;
  readonly pidfd: Fd;
  readonly fd: number;
}

/**
 * Sends the listener with the state to the agent that a step names, and tells the process, which waits, to go
 * on; SystemError when it cannot.
 */
export function handOverListener(op: Op, from: Listener, control: Fd): void {
  if (op.call === 'announce_listener') {
    // Only then does it load the filter.
    letGo(control);
    const listener = awaitDescriptor(from, control);
    if (listener !== undefined) sendTo(op.agent, withPid(op.state, from.pid), listener);
    return;
  }
  if (op.call !== 'seccomp' || op.agent === undefined || op.state === undefined) {
    throw new RangeError(`a listener of ${op.call} that nobody asked for`);
  }
  sendTo(op.agent, withPid(op.state, from.pid), takeDescriptor(from.pidfd, from.fd));
  letGo(control);
}

/** A process that has ended instead is found out by who listens to it. */
function letGo(control: Fd): void {
  unless(['EPIPE', 'ECONNRESET'], () => send(control, GO));
}

/** Between two looks at another process, which is about to make one system call. */
const LOOK_MS = 1;

/** A descriptor that is not there yet; undefined when the process has something else to say, or is gone. */
function awaitDescriptor({ pidfd, fd }: Listener, control: Fd): Fd | undefined {
  for (;;) {
    try {
      return takeDescriptor(pidfd, fd);
    } catch (thrown) {
      if (!failedWith(thrown, 'EBADF', 'ESRCH')) throw thrown;
    }
    if (waitForAny([control], LOOK_MS).length > 0) return undefined;
  }
}

function sendTo(agent: string, text: string, listener: Fd): void {
  try {
    const connection = connectUnix(agent);
    try {
      send(connection, engine().encodeUtf8(text), [listener]);
    } finally {
      release(connection);
    }
  } finally {
    release(listener);
  }
}

/** Pids of 0 are of the process itself; the state's is the container's own where `exec` knows it. */
function withPid(text: string, pid: number): string {
  const planned: ContainerProcessState = JSON.parse(text);
  const state = { ...planned.state, pid: planned.state.pid || pid };
  return JSON.stringify({ ...planned, pid, state });
}
