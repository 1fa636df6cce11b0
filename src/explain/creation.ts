/** `create`, `run` and `start` with flags that explain. */
import { creationOf, pathOf } from '../cli/creation.ts';
import { type Invocation, idOf } from '../cli/invocation.ts';
import { runRequestOf } from '../cli/run.ts';
import { hasNamespace } from '../config/linux/namespaces.ts';
import { hasMountApi } from '../config/mounts/entry.ts';
import { createContainer } from '../container/create.ts';
import { deleteContainer } from '../container/delete.ts';
import { PIDFD_FILE } from '../container/ending.ts';
import { DETACHED, prepareCreate } from '../container/prepare.ts';
import { probeHost } from '../container/probe.ts';
import type { CreateRequest, RunRequest } from '../container/request.ts';
import { run as runContainer } from '../container/run.ts';
import { start as startContainer } from '../container/start.ts';
import { directoryOf, load } from '../container/store.ts';
import { statusNotKept, usage } from '../errors.ts';
import { SystemError } from '../linux/call.ts';
import { type Fd, writeFile } from '../linux/files.ts';
import { mountPidfd } from '../linux/pidfdInfo.ts';
import { PIDFD } from '../plan/step.ts';
import { overlayOf } from './bundle.ts';
import { watchOf } from './seccompWatch.ts';
import { openTrace, type TraceFile } from './trace.ts';

export function create(invocation: Invocation): void {
  const request = { ...creationOf(invocation), ...overlayOf(invocation) };
  checkOverlay(request);
  const trace = traceOf(invocation);
  tracing(trace, () => {
    const { slots } = createContainer({ ...request, ...(trace && { trace: trace.of }) }, DETACHED);
    createdOf(invocation)?.(slots);
    slots.closeAll();
  });
}

export function run(invocation: Invocation): void {
  const request = { ...runRequestOf(invocation), ...overlayOf(invocation) };
  checkOverlay(request);
  const watch = watchOf(invocation, request);
  const trace = traceOf(invocation);
  const created = createdOf(invocation);
  try {
    tracing(trace, () =>
      runContainer({
        ...request,
        ...(trace && { trace: trace.of, started: trace.write }),
        ...(created && { created }),
        ...watch?.request,
      }),
    );
  } catch (thrown) {
    watch?.dismiss();
    throw thrown;
  }
}

/** An overlay is mounted for the container alone, by the calls of Linux 5.12. */
function checkOverlay(request: CreateRequest): void {
  if (request.overlay === undefined) return;
  const { context } = prepareCreate({ ...request, warn: () => {} }, probeHost(), DETACHED);
  if (!hasNamespace(context.spec, 'mount')) {
    throw usage('--overlay takes a container with a mount namespace of its own');
  }
  if (!hasMountApi(context)) throw usage('--overlay takes Linux 5.12');
}

/** What is done when the container is there; it goes when that fails. */
function createdOf(invocation: Invocation): RunRequest['created'] {
  const { verb, values, globals, log } = invocation;
  const id = idOf(invocation);
  // Of a container that goes with its run, nothing is left to be asked.
  const isAskedLater = verb === 'create' || values.isSet('keep') || values.isSet('detach');
  if (!values.isSet('keep-status') || !isAskedLater) return undefined;
  return (slots) => {
    try {
      keepStatus(slots.get(PIDFD), directoryOf(globals.root, id));
    } catch (thrown) {
      slots.closeAll();
      deleteContainer(globals.root, id, true, log.warning);
      throw thrown;
    }
  };
}

/** The kernel keeps how init ended as long as its pidfd is mounted: `delete` takes that away. */
function keepStatus(pidfd: Fd, directory: string): void {
  const path = `${directory}/${PIDFD_FILE}`;
  writeFile(path, new Uint8Array(), 0o600);
  try {
    mountPidfd(pidfd, path);
  } catch (thrown) {
    throw thrown instanceof SystemError ? statusNotKept(thrown.message) : thrown;
  }
}

export function start(invocation: Invocation): void {
  const { globals, log } = invocation;
  const id = idOf(invocation);
  const trace = traceOf(invocation);
  const { record } = load(globals.root, id);
  tracing(trace, () => {
    const { first, steps } = record.behind_accept;
    trace?.resume(first, steps);
    startContainer(globals.root, id, log.warning, trace?.of, trace?.write);
  });
}

/** The container's directory keeps the memory of the trace, so that `start` finds it. */
function traceOf(invocation: Invocation): TraceFile | undefined {
  const path = pathOf(invocation, 'trace');
  const memory = `${directoryOf(invocation.globals.root, idOf(invocation))}/trace`;
  return path === undefined ? undefined : openTrace(path, memory);
}

/** What was performed is written whether all went well or not. */
function tracing(trace: TraceFile | undefined, perform: () => void): void {
  try {
    perform();
  } finally {
    trace?.write();
  }
}
