/** `run`: create and start; in the foreground this program then makes way for the supervisor. */

import { engine } from '../engine/current.ts';
import { SystemError } from '../linux/call.ts';
import { openDirectory, release } from '../linux/files.ts';
import { becomeSubreaper, blockSignals } from '../linux/processes.ts';
import { INIT } from '../plan/step.ts';
import { type Created, createContainer } from './create.ts';
import { deleteContainer } from './delete.ts';
import { type Ending, receiveMaster, supervise } from './foreground.ts';
import {
  type NotifyRelay,
  notifyAddress,
  openNotifyRelay,
  pidfdOf,
  relayUntilReady,
} from './notifyRelay.ts';
import type { Attachment } from './prepare.ts';
import type { StateRecord } from './record.ts';
import type { RunRequest } from './request.ts';
import { startCreated, startedByItself } from './start.ts';
import type { Stored } from './store.ts';

/**
 * Runs a container. Detached it returns when the program runs. In the foreground it does not return:
 * the process becomes the executor's supervisor, which waits for the container, exits with its status
 * (128+N for signal N), and has it deleted unless it is to be kept. Of a run that fails nothing is left.
 */
export function run(request: RunRequest): void {
  if (request.detach) {
    const created = createContainer(request, attachmentOf(request, false));
    const { slots, stored } = created;
    request.created?.(slots);
    slots.closeAll();
    const notify = notifyRelayOf(request, stored);
    const pidfd = notify && pidfdOf(stored);
    startOrDelete(request, created);
    if (notify === undefined || pidfd === undefined) return;
    request.started?.();
    relayUntilReady(notify, pidfd, stored);
  }
  // Before anything is made: a signal that comes now is the supervisor's to forward.
  blockSignals();
  if (!request.noSubreaper) becomeSubreaper();
  const created = createContainer(request, attachmentOf(request, true));
  const { slots, stored } = created;
  request.created?.(slots);
  const master = receiveMaster(slots);
  // Init has the socket that `start` connects to: were it open here too, an init that was killed before it
  // could accept would be waited for without end.
  const listening = slots.take('start');
  if (listening !== undefined) release(listening);
  const notify = notifyRelayOf(request, stored);
  startOrDelete(request, created);
  request.started?.();
  const agent = request.agent?.();
  supervise(slots.get(INIT), master, {
    ...endingOf(request, stored),
    ...(agent === undefined ? {} : { agent }),
    ...(notify === undefined ? {} : { notify }),
  });
}

/** Nobody at the address of NOTIFY_SOCKET does not keep a container from being run; so it is with runc. */
function notifyRelayOf({ warn }: RunRequest, stored: Stored): NotifyRelay | undefined {
  try {
    return openNotifyRelay(stored);
  } catch (thrown) {
    if (!(thrown instanceof SystemError)) throw thrown;
    warn(`NOTIFY_SOCKET: ${thrown.message}`);
    return undefined;
  }
}

/** Who is to be told before the program runs, or answers its filter from the first call on, has it wait. */
const attachmentOf = (request: RunRequest, foreground: boolean): Attachment =>
  request.created === undefined &&
  request.watchSeccomp === undefined &&
  notifyAddress() === undefined
    ? { foreground, goesOn: true }
    : { foreground };

function startOrDelete({ root, id, warn, trace }: RunRequest, created: Created): void {
  try {
    if (created.waits) startCreated(created.stored, warn, trace);
    else startedByItself(created.stored, warn, trace);
  } catch (thrown) {
    deleteContainer(root, id, true, warn);
    throw thrown;
  }
}

/** What the supervisor does at the end. */
function endingOf({ root, id, keep }: RunRequest, { directory, record }: Stored): Ending {
  if (keep) return { command: [] };
  const command = [...engine().self, '--root', root, 'delete', '--force', id];
  if (notifyAddress() !== undefined || !leavesFilesAlone(record)) return { command };
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
