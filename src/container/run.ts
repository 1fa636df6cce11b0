/** `run`: create and start; in the foreground this program then makes way for the supervisor. */

import { engine } from '../engine/current.ts';
import { openDirectory, release } from '../linux/files.ts';
import { becomeSubreaper, blockSignals } from '../linux/processes.ts';
import { INIT } from '../plan/step.ts';
import { createContainer } from './create.ts';
import { deleteContainer } from './delete.ts';
import { type Ending, receiveMaster, supervise } from './foreground.ts';
import type { StateRecord } from './record.ts';
import type { RunRequest } from './request.ts';
import { startCreated } from './start.ts';
import type { Stored } from './store.ts';

/**
 * Runs a container. Detached it returns when the program runs. In the foreground it does not return:
 * the process becomes the executor's supervisor, which waits for the container, exits with its status
 * (128+N for signal N), and has it deleted unless it is to be kept. Of a run that fails nothing is left.
 */
export function run(request: RunRequest): void {
  if (request.detach) {
    const { slots, stored } = createContainer(request, 'detached');
    request.created?.(slots);
    slots.closeAll();
    startOrDelete(request, stored);
    return;
  }
  // Before anything is made: a signal that comes now is the supervisor's to forward.
  blockSignals();
  if (!request.noSubreaper) becomeSubreaper();
  const { slots, stored } = createContainer(request, 'foreground');
  request.created?.(slots);
  const master = receiveMaster(slots);
  // Init has the socket that `start` connects to: were it open here too, an init that was killed before it
  // could accept would be waited for without end.
  const listening = slots.take('start');
  if (listening !== undefined) release(listening);
  startOrDelete(request, stored);
  request.started?.();
  const agent = request.agent?.();
  const ending = endingOf(request, stored);
  supervise(slots.get(INIT), master, agent === undefined ? ending : { ...ending, agent });
}

function startOrDelete({ root, id, warn, trace }: RunRequest, created: Stored): void {
  try {
    startCreated(created, warn, trace);
  } catch (thrown) {
    deleteContainer(root, id, true, warn);
    throw thrown;
  }
}

/** What the supervisor does at the end. */
function endingOf({ root, id, keep }: RunRequest, { directory, record }: Stored): Ending {
  if (keep) return { command: [] };
  const command = [...engine().self, '--root', root, 'delete', '--force', id];
  if (!leavesFilesAlone(record)) return { command };
  const fd = openDirectory(directory);
  return { command, remains: { fd, directory, cgroups: record.cgroup_paths } };
}

/** All its processes end with init, and nothing but cgroups and files was made for it: no hook follows. */
const leavesFilesAlone = (record: StateRecord): boolean =>
  !record.shares_pid_namespace &&
  record.systemd_unit === undefined &&
  record.resctrl_groups === undefined &&
  record.rootfs_mounts === undefined &&
  record.poststop.length === 0;
