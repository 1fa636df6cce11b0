/** `tsrun checkpoint`. */
import {
  type CheckpointRequest,
  checkpoint as checkpointContainer,
} from '../container/checkpoint.ts';
import { usage } from '../errors.ts';
import { criuRequestOf } from './criuFlags.ts';
import { type Invocation, idOf } from './invocation.ts';

export function checkpoint(invocation: Invocation): void {
  const { values, globals, log } = invocation;
  const parentPath = values.text('parent-path') || undefined;
  // CRIU follows it from the images' directory, wherever that is moved to.
  if (parentPath?.startsWith('/')) throw usage('--parent-path must be relative', 'checkpoint');
  checkpointContainer({
    ...criuRequestOf(invocation),
    root: globals.root,
    id: idOf(invocation),
    leaveRunning: values.isSet('leave-running'),
    preDump: values.isSet('pre-dump'),
    ...(parentPath === undefined ? {} : { parentPath }),
    tcpSkipInFlight: values.isSet('tcp-skip-in-flight'),
    ...pageServerOf(values.text('page-server')),
    ...statusFdOf(invocation),
    warn: log.warning,
  });
}

function pageServerOf(text: string | undefined): Pick<CheckpointRequest, 'pageServer'> {
  if (!text) return {};
  const [, address = '', port = ''] = /^(.+):(\d{1,5})$/.exec(text) ?? [];
  if (address === '')
    throw usage('Use --page-server ADDRESS:PORT to specify page server', 'checkpoint');
  return { pageServer: { address, port: Number(port) } };
}

/** runc's default, -1, is none. */
function statusFdOf({ values }: Invocation): Pick<CheckpointRequest, 'statusFd'> {
  const statusFd = values.isGiven('status-fd') ? values.int('status-fd') : -1;
  return statusFd < 0 ? {} : { statusFd };
}
