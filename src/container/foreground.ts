/** What the foreground of `run` and `exec` shares: this program makes way for the executor's supervisor. */
import { engine } from '../engine/current.ts';
import { clearCloseOnExec } from '../linux/descriptors.ts';
import { type Fd, release } from '../linux/files.ts';
import { execve, type Pid } from '../linux/processes.ts';
import { receive } from '../linux/sockets.ts';
import { copyWindowSize, windowSize } from '../linux/terminal.ts';
import { CONSOLE_PEER } from '../plan/lifecycle.ts';
import { EXECUTOR_NAME, executorProgram, pathOf } from './executor.ts';
import type { NotifyRelay } from './notifyRelay.ts';
import type { Slots } from './perform.ts';

const STANDARD_STREAMS: readonly Fd[] = [0, 1, 2];

/** The size of the terminal the caller is on; undefined when it is on none. */
export function callersWindowSize(): ReturnType<typeof windowSize> {
  for (const fd of STANDARD_STREAMS) {
    const size = windowSize(fd);
    if (size !== undefined) return size;
  }
  return undefined;
}

/**
 * The terminal's master, which init has sent by now. It takes the size of the caller's terminal: a
 * program that waits for `start` may ask for it before there is a supervisor.
 */
export function receiveMaster(slots: Slots): Fd | undefined {
  if (!slots.has(CONSOLE_PEER)) return undefined;
  // Init has the other end; were ours open too, its death could not be told from silence.
  const end = slots.take('console-socket');
  if (end !== undefined) release(end);
  const [master] = receive(slots.get(CONSOLE_PEER), 256).fds;
  if (master !== undefined) STANDARD_STREAMS.some((fd) => copyWindowSize(fd, master));
  return master;
}

/** What the supervisor does once the container has ended. */
export interface Ending {
  /** The program that removes the container; empty when it is kept. */
  readonly command: readonly string[];
  /** The socket of a seccomp agent, which is asked for its report first. */
  readonly agent?: Fd;
  /** Who is told when the container is ready. */
  readonly notify?: NotifyRelay;
  /**
   * All that is left of it: its directory, open, and its cgroups. The supervisor removes them itself, and
   * runs the command only when something stands in the way. Absent where `delete` has more to do.
   */
  readonly remains?: {
    readonly fd: Fd;
    readonly directory: string;
    readonly cgroups: readonly string[];
  };
}

/**
 * Becomes the supervisor of a child, which ends as the child does (128+N for signal N) once the container
 * is removed. All signals must be blocked, so that none is lost in between.
 */
export function supervise(child: Pid, master: Fd | undefined, ending: Ending): never {
  const { command, agent, notify, remains } = ending;
  const args = ['supervise', String(child), String(master ?? -1)];
  const kept: Fd[] = [];
  if (master !== undefined) kept.push(master);
  if (agent !== undefined) {
    kept.push(agent);
    args.push('agent', String(agent));
  }
  if (notify !== undefined) {
    kept.push(notify.socket, notify.host);
    args.push('notify', String(notify.socket), String(notify.host));
  }
  if (remains !== undefined) {
    kept.push(remains.fd);
    args.push('remove', String(remains.fd), remains.directory, ...remains.cgroups);
  }
  if (command.length > 0) args.push('--', ...command);
  becomeExecutor(args, kept);
}

/** Makes way for the executor's program, which is handed these descriptors and the standard streams. */
export function becomeExecutor(args: readonly string[], kept: readonly Fd[]): never {
  // Node marks the descriptors it was given, the standard streams too.
  for (const fd of [...STANDARD_STREAMS, ...kept]) clearCloseOnExec(fd);
  execve(pathOf(executorProgram()), [EXECUTOR_NAME, ...args], engine().environ);
}
