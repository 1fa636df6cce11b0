/** linux.seccomp.listenerPath: hands the listener of a filter to the agent. config-linux.md "Seccomp". */
import type { ContainerProcessState } from '../config/linux/seccomp.ts';
import { engine } from '../engine/current.ts';
import { type Fd, release } from '../linux/files.ts';
import { takeDescriptor } from '../linux/pidfd.ts';
import { connectUnix, send } from '../linux/sockets.ts';
import type { Op } from '../plan/step.ts';

/** The process whose filter it is, and its descriptor there. */
export interface Listener {
  readonly pid: number;
  readonly pidfd: Fd;
  readonly fd: number;
}

/** Sends the listener with the state to the agent that the seccomp step names; SystemError when it cannot. */
export function handOverListener(op: Op, { pid, pidfd, fd }: Listener): void {
  if (op.call !== 'seccomp' || op.agent === undefined || op.state === undefined) {
    throw new RangeError(`a listener of ${op.call} that nobody asked for`);
  }
  const text = withPid(op.state, pid);
  const listener = takeDescriptor(pidfd, fd);
  try {
    const agent = connectUnix(op.agent);
    try {
      send(agent, engine().encodeUtf8(text), [listener]);
    } finally {
      release(agent);
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
