/** `start`: tells a created container's process to go on, and learns whether it could. */
import { engine } from '../engine/current.ts';
import { cannotStart, containerMissing, internal, type TsrunError } from '../errors.ts';
import { failedWith, unless } from '../linux/call.ts';
import { close, type Fd, readAll, unlink } from '../linux/files.ts';
import { connectUnix, send } from '../linux/sockets.ts';
import { blame } from '../wire/blame.ts';
import { decodeReport, GO } from '../wire/report.ts';
import { destroy } from './delete.ts';
import { runPoststart } from './hooks.ts';
import type { Warn } from './request.ts';
import { statusOf } from './status.ts';
import { load, lockContainer, type Stored, savedConfig, startSocketOf } from './store.ts';

/** How long another verb may take that changes the same container. */
const LOCK_PATIENCE_MS = 10_000;

/**
 * Starts a created container: returns when its program runs. `exec-missing`, `exec-denied` or
 * `step-failed` when it could not be executed; the container is then stopped. A poststart hook that
 * fails ends the container.
 */
export function start(root: string, id: string, warn: Warn): void {
  const stored = load(root, id);
  const lock = lockContainer(stored.directory, LOCK_PATIENCE_MS);
  if (lock === undefined) throw containerMissing();
  try {
    const status = statusOf(stored);
    if (status !== 'created') throw cannotStart(status);
    letGo(stored);
  } finally {
    close(lock);
  }
  try {
    runPoststart(stored, warn);
  } catch (thrown) {
    destroy(stored, warn);
    throw thrown;
  }
}

function letGo(stored: Stored): void {
  const path = startSocketOf(stored.directory);
  const connection = connectUnix(path);
  try {
    send(connection, GO);
    const answer = readAnswer(connection);
    if (answer.length > 0) throw faultOf(stored, answer);
  } finally {
    close(connection);
    unless(['ENOENT'], () => unlink(path));
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
    if (failedWith(thrown, 'ECONNRESET')) throw internal('init ended while it was started');
    throw thrown;
  }
}
