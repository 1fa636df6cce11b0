/** `start`: tells a created container's process to go on, and learns whether it could. */
import { engine } from '../engine/current.ts';
import { cannotStart, containerMissing, internal, type TsrunError } from '../errors.ts';
import { failedWith, SystemError, unless } from '../linux/call.ts';
import { closing, type Fd, readAll, release, unlink } from '../linux/files.ts';
import { openProcess } from '../linux/pidfd.ts';
import { connectUnix, receive, send } from '../linux/sockets.ts';
import { blame } from '../wire/blame.ts';
import { decodeReport, GO, REPORT_BYTES } from '../wire/report.ts';
import { destroy } from './delete.ts';
import { announcePoststart, runPoststart } from './hooks.ts';
import { handOverListener } from './listener.ts';
import { type NotifyRelay, openNotifyRelay, pidfdOf, relayUntilReady } from './notifyRelay.ts';
import type { Trace, Warn } from './request.ts';
import { statusOf } from './status.ts';
import { load, lockContainer, type Stored, savedConfig, startSocketOf } from './store.ts';

/** How long another verb may take that changes the same container. */
const LOCK_PATIENCE_MS = 10_000;

/**
 * Starts a created container: returns when its program runs. `exec-missing`, `exec-denied` or
 * `step-failed` when it could not be executed; the container is then stopped. A poststart hook that
 * fails ends the container. With NOTIFY_SOCKET it does not return: what `started` has to do comes before.
 */
export function start(
  root: string,
  id: string,
  warn: Warn,
  trace?: Trace,
  started?: () => void,
): void {
  let relay: NotifyRelay | undefined;
  let pidfd: Fd | undefined;
  const go = (stored: Stored) => {
    const status = statusOf(stored);
    if (status !== 'created') throw cannotStart(status);
    relay = openNotifyRelay(stored);
    pidfd = relay && pidfdOf(stored);
    letGo(stored);
  };
  const stored = load(root, id);
  startStored(stored, warn, go, trace);
  if (relay === undefined || pidfd === undefined) return;
  started?.();
  relayUntilReady(relay, pidfd, stored);
}

/** The same for the process that has just created the container: it need not ask what is known. */
export function startCreated(created: Stored, warn: Warn, trace?: Trace): void {
  const go = (stored: Stored) => {
    try {
      letGo(stored);
    } catch (thrown) {
      // Somebody else was faster, or init has ended and is not quite gone yet.
      if (failedWith(thrown, 'ENOENT', 'ECONNREFUSED')) {
        throw cannotStart(statusOf(stored) === 'running' ? 'running' : 'stopped');
      }
      throw thrown;
    }
  };
  startStored(created, warn, go, trace);
}

/** What is left of `start` for a container that has gone on by itself and runs. */
export function startedByItself(stored: Stored, warn: Warn, trace?: Trace): void {
  if (stored.record.poststart.length > 0) startStored(stored, warn, () => undefined, trace);
}

function startStored(
  stored: Stored,
  warn: Warn,
  go: (stored: Stored) => void,
  trace?: Trace,
): void {
  const lock = lockContainer(stored.directory, LOCK_PATIENCE_MS);
  if (lock === undefined) throw containerMissing();
  let announced: Fd | undefined;
  try {
    go(stored);
    announced = announcePoststart(stored);
  } finally {
    release(lock);
  }
  try {
    runPoststart(stored, warn, trace);
  } catch (thrown) {
    destroy(stored, warn);
    throw thrown;
  } finally {
    if (announced !== undefined) release(announced);
  }
}

function letGo(stored: Stored): void {
  const path = startSocketOf(stored.directory);
  const connection = connectUnix(path);
  try {
    send(connection, GO);
    const answer = answerOf(stored, connection);
    // Not before: while init waits, whoever comes next must find it.
    unless(['ENOENT'], () => unlink(path));
    if (answer.length > 0) throw faultOf(stored, answer);
  } finally {
    release(connection);
  }
}

/** What init says to the end, a filter's listener handed over in between. */
function answerOf(stored: Stored, connection: Fd): Uint8Array {
  const { steps } = stored.record.behind_accept;
  if (!steps.some(({ op }) => 'agent' in op && op.agent !== undefined)) {
    return readAnswer(connection);
  }
  const { data } = receive(connection, REPORT_BYTES);
  if (data.length === 0) return data;
  const report = decodeReport(data);
  if (report.type !== 'listener') return data;
  const fault = handOver(stored, connection, report.step, report.fd);
  if (fault !== undefined) throw fault;
  return readAnswer(connection);
}

/** undefined when it was handed over, and init told to go on; it ends when it is not. */
function handOver(
  { record, directory }: Stored,
  connection: Fd,
  index: number,
  fd: number,
): TsrunError | undefined {
  const { first, steps } = record.behind_accept;
  const [step, pid] = [index - first, record.init_process_pid];
  const op = steps[step]?.op;
  if (op === undefined) return internal(`init has no step ${index}`);
  const identity = { pid, startTime: record.init_process_start };
  try {
    const { pidfd } = openProcess(identity, { pidfd: true, directory: false });
    if (pidfd === undefined) return internal('no pidfd');
    closing(pidfd, () => handOverListener(op, { pid, pidfd, fd }, connection));
    return undefined;
  } catch (thrown) {
    if (!(thrown instanceof SystemError)) throw thrown;
    const fault = { step, errno: thrown.errno, detail: `${thrown.call} ${thrown.detail}` };
    return blame({ steps }, fault, JSON.parse(savedConfig(directory)));
  }
}

/** The steps behind accept are in the record: the plan itself ended with `create`. */
function faultOf({ record, directory }: Stored, answer: Uint8Array): TsrunError {
  const report = decodeReport(answer);
  if (report.type !== 'fault') return internal(`init said ${report.type} to start`);
  const { first, steps } = record.behind_accept;
  const detail = engine().decodeUtf8(report.detail);
  const fault = { step: report.step - first, errno: report.errno, detail };
  return blame({ steps }, fault, JSON.parse(savedConfig(directory)));
}

/** Nothing when execve succeeded, for the connection is close-on-exec; else a report. */
function readAnswer(connection: Fd): Uint8Array {
  try {
    return readAll(connection);
  } catch (thrown) {
    if (failedWith(thrown, 'ECONNRESET'))
      throw internal('init gave no answer: it has ended, or could not read that it may go');
    throw thrown;
  }
}
