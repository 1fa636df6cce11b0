/** `run`: create and start; in the foreground this program then makes way for the supervisor. */

import { engine } from '../engine/current.ts';
import { becomeSubreaper, blockSignals } from '../linux/processes.ts';
import { INIT } from '../plan/step.ts';
import { createContainer } from './create.ts';
import { deleteContainer } from './delete.ts';
import { receiveMaster, supervise } from './foreground.ts';
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
  supervise(slots.get(INIT), master, deletion(request));
}

function startOrDelete({ root, id, warn }: RunRequest): void {
  try {
    start(root, id, warn);
  } catch (thrown) {
    deleteContainer(root, id, true, warn);
    throw thrown;
  }
}

/** What the supervisor runs at the end. */
const deletion = ({ root, id, keep }: RunRequest): readonly string[] =>
  keep ? [] : [...engine().self, '--root', root, 'delete', '--force', id];
