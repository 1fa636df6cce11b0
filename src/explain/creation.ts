/** `create`, `run` and `start` with flags that explain. */
import { creationOf, pathOf } from '../cli/creation.ts';
import { type Invocation, idOf } from '../cli/invocation.ts';
import { runRequestOf } from '../cli/run.ts';
import { create as createContainer } from '../container/create.ts';
import { run as runContainer } from '../container/run.ts';
import { start as startContainer } from '../container/start.ts';
import { directoryOf, load } from '../container/store.ts';
import { openTrace, type TraceFile } from './trace.ts';

export function create(invocation: Invocation): void {
  const request = creationOf(invocation);
  const trace = traceOf(invocation);
  tracing(trace, () => createContainer({ ...request, ...(trace && { trace: trace.of }) }));
}

export function run(invocation: Invocation): void {
  const request = runRequestOf(invocation);
  const trace = traceOf(invocation);
  tracing(trace, () =>
    runContainer({ ...request, ...(trace && { trace: trace.of, started: trace.write }) }),
  );
}

export function start(invocation: Invocation): void {
  const { globals, log } = invocation;
  const id = idOf(invocation);
  const trace = traceOf(invocation);
  const { record } = load(globals.root, id);
  tracing(trace, () => {
    const { first, steps } = record.behind_accept;
    trace?.resume(first, steps);
    startContainer(globals.root, id, log.warning, trace?.of);
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
