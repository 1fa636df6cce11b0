/** `run`: create and start; in the foreground this program then makes way for the supervisor. */

import { engine } from '../engine/current.ts';
import { clearCloseOnExec } from '../linux/descriptors.ts';
import { close, type Fd } from '../linux/files.ts';
import { becomeSubreaper, blockSignals, execve } from '../linux/processes.ts';
import { receive } from '../linux/sockets.ts';
import { copyWindowSize } from '../linux/terminal.ts';
import { CONSOLE_PEER } from '../plan/lifecycle.ts';
import { INIT } from '../plan/step.ts';
import { createContainer } from './create.ts';
import { deleteContainer } from './delete.ts';
import { EXECUTOR_NAME, executorProgram, pathOf } from './executor.ts';
import type { Slots } from './perform.ts';
import type { RunRequest } from './request.ts';
import { start } from './start.ts';

/**
 * Runs a container. Detached it returns when the program runs. In the foreground it does not return:
 * the process becomes the executor's supervisor, which waits for the container, exits with its status
 * (128+N for signal N), and has it deleted unless it is to be kept. Of a run that fails nothing is left.
 */
export function run(request: RunRequest): void {
  if (request.detach) {
    createContainer(request, 'detached').closeAll();
    startOrDelete(request);
    return;
  }
  // Before anything is made: a signal that comes now is the supervisor's to forward.
  blockSignals();
  if (!request.noSubreaper) becomeSubreaper();
  const slots = createContainer(request, 'foreground');
  const master = receiveMaster(slots);
  startOrDelete(request);
  supervise(request, slots.get(INIT), master);
}

function startOrDelete({ root, id, warn }: RunRequest): void {
  try {
    start(root, id, warn);
  } catch (thrown) {
    deleteContainer(root, id, true, warn);
    throw thrown;
  }
}

const STANDARD_STREAMS: readonly Fd[] = [0, 1, 2];

/**
 * The terminal's master, which init has sent before it was created. It takes the size of the caller's
 * terminal now: the program may ask for it at once, before there is a supervisor.
 */
function receiveMaster(slots: Slots): Fd | undefined {
  if (!slots.has(CONSOLE_PEER)) return undefined;
  // Init has the other end; were ours open too, its death could not be told from silence.
  const end = slots.take('console-socket');
  if (end !== undefined) close(end);
  const [master] = receive(slots.get(CONSOLE_PEER), 256).fds;
  if (master !== undefined) STANDARD_STREAMS.some((fd) => copyWindowSize(fd, master));
  return master;
}

function supervise({ root, id, keep }: RunRequest, init: number, master: Fd | undefined): never {
  // Node marks the descriptors it was given, the standard streams too.
  for (const fd of STANDARD_STREAMS) clearCloseOnExec(fd);
  if (master !== undefined) clearCloseOnExec(master);
  const cleanUp = keep ? [] : ['--', ...engine().self, '--root', root, 'delete', '--force', id];
  const args = [EXECUTOR_NAME, 'supervise', String(init), String(master ?? -1), ...cleanUp];
  execve(pathOf(executorProgram()), args, engine().environ);
}
