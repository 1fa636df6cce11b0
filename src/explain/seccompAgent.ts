/**
 * The agent of `run --seccomp-report` and `--seccomp-learn`: decides on every call it is asked about as the
 * profile would have, and notes it. It ends, and writes what it noted, when the supervisor asks for it; where
 * that was killed, when nothing runs with the filter any more. seccomp_unotify(2).
 */
import { ACTIONS } from '../config/linux/seccomp.ts';
import { engine } from '../engine/current.ts';
import { SystemError } from '../linux/call.ts';
import { errnoName } from '../linux/constants/errno.ts';
import {
  SECCOMP_RET_ALLOW,
  SECCOMP_RET_ERRNO,
  SECCOMP_RET_LOG,
  SECCOMP_RET_TRACE,
  SECCOMP_RET_TRAP,
} from '../linux/constants/seccomp.ts';
import { SIGNALS } from '../linux/constants/signals.ts';
import { type Fd, readAll, readTextIfExists, release, unlink, writeAll } from '../linux/files.ts';
import { LITTLE_ENDIAN } from '../linux/memory.ts';
import { pollAll } from '../linux/notify.ts';
import { kill, killThread, leaveSession, type Pid } from '../linux/processes.ts';
import {
  isWaiting,
  letPass,
  type Notification,
  receiveNotification,
  refuse,
} from '../linux/seccompNotifications.ts';
import { actionOf, dataOf, decide, isMarker } from '../linux/seccompProgram.ts';
import { accept, receive } from '../linux/sockets.ts';
import { formatJson } from '../spec/formatJson.ts';
import { formatReport, type NumberedCall, nameCall, profileOf, type Row } from './seccompReport.ts';
import type { AgentOrder } from './seccompWatch.ts';

const STDERR = 2;
const ENOSYS = 38;
/** The kernel's MAX_ERRNO. */
const MAX_ERRNO = 4095;
/** A container that forks and is denied without end must not fill the memory. */
const MOST_ROWS = 10_000;
/** The longest message of a listener's sender, a state with annotations. */
const STATE_BYTES = 262_144;

/** Does what `order`, an AgentOrder as JSON, asks for. */
export function seccompAgent(text: string): void {
  const order: AgentOrder = JSON.parse(text);
  // ^C is for the container, which the supervisor passes it on to.
  leaveSession();
  const listener = awaitListener(order);
  if (listener === undefined) return;
  const agent = new Agent(order, listener, readAll(order.program));
  attend(order.control, listener, agent);
  agent.write();
}

/** undefined when `run` has failed before there was a filter. */
function awaitListener({ listening, control, socket }: AgentOrder): Fd | undefined {
  const [incoming] = pollAll([listening, control], -1);
  if (incoming?.isReadable !== true) return undefined;
  const connection = accept(listening);
  const { fds } = receive(connection, STATE_BYTES);
  release(connection);
  release(listening);
  unlink(socket);
  return fds[0];
}

/**
 * Until a byte comes; where the supervisor is gone without, until nobody has the filter any more: whoever is
 * denied waits for its answer.
 */
function attend(control: Fd, listener: Fd, agent: Agent): void {
  let watched: readonly Fd[] = [listener, control];
  while (watched.length > 0) {
    const polled = pollAll(watched, -1);
    const happened = (fd: Fd) => polled[watched.indexOf(fd)];
    if (happened(listener)?.isReadable === true) {
      agent.answerNext();
      continue;
    }
    const hasCalls = happened(listener)?.isQuiet === true;
    const isSupervised = happened(control)?.isQuiet === true;
    if (happened(control)?.isReadable === true && receive(control, 1).data.length > 0) return;
    watched = [...(hasCalls ? [listener] : []), ...(isSupervised ? [control] : [])];
  }
}

/** What /proc says of a thread that waits. */
interface Caller {
  readonly pid: Pid;
  readonly pidInside: number;
  readonly comm: string;
  /** It has a handler for SIGSYS that can be called. */
  readonly handlesTrap: boolean;
}

const NOBODY: Caller = { pid: 0, pidInside: 0, comm: '', handlesTrap: false };

class Agent {
  readonly #order: AgentOrder;
  readonly #listener: Fd;
  readonly #program: Uint8Array;
  readonly #denied = new Map<string, Row>();
  readonly #logged = new Map<string, Row>();
  readonly #made = new Map<string, NumberedCall>();
  #omitted = 0;
  #isMarked = false;

  constructor(order: AgentOrder, listener: Fd, program: Uint8Array) {
    this.#order = order;
    this.#listener = listener;
    this.#program = program;
  }

  answerNext(): void {
    const notification = receiveNotification(this.#listener);
    if (notification === undefined) return;
    const { id, data } = notification;
    if (!this.#isMarked && isMarker(data, this.#order.seccompNumber)) {
      this.#isMarked = true;
      refuse(this.#listener, id, 0);
      return;
    }
    const decision = decide(this.#program, data);
    const action = actionOf(decision);
    if (action === SECCOMP_RET_ALLOW) this.#pass(notification);
    else if (action === SECCOMP_RET_LOG) {
      this.#note(this.#logged, notification, action, undefined);
      this.#pass(notification);
    } else this.#deny(notification, action, decision);
  }

  #pass({ id, data }: Notification): void {
    const call = callOf(data);
    if (this.#order.learn !== undefined) {
      this.#made.set(`${call.architecture}/${call.number}`, call);
    }
    letPass(this.#listener, id);
  }

  /** The kernel alone can raise SIGSYS as a filter does: it is answered by what comes nearest. */
  #deny(notification: Notification, action: number, decision: number): void {
    const { id, thread } = notification;
    const errno = errnoOf(action, decision);
    const caller = this.#note(this.#denied, notification, action, errno);
    if (errno !== undefined) {
      refuse(this.#listener, id, errno);
    } else if (action === SECCOMP_RET_TRAP && caller.handlesTrap) {
      killThread(caller.pid, thread, SIGNALS.SIGSYS);
      refuse(this.#listener, id, ENOSYS);
    } else if (caller.pid !== 0) {
      kill(thread, SIGNALS.SIGKILL);
    }
  }

  #note(
    rows: Map<string, Row>,
    { id, thread, data }: Notification,
    action: number,
    errno: number | undefined,
  ): Caller {
    const seen = callerOf(thread);
    // Its number may be another's by now.
    const caller = isWaiting(this.#listener, id) ? seen : NOBODY;
    const { number, architecture } = callOf(data);
    const { pid, pidInside, comm } = caller;
    const key = [number, architecture, action, errno, pid, comm].join(' ');
    const row = rows.get(key);
    if (row !== undefined) rows.set(key, { ...row, count: row.count + 1 });
    else if (rows.size >= MOST_ROWS) this.#omitted += 1;
    else {
      const named = nameCall({ number, architecture });
      rows.set(key, {
        syscall: named.name ?? String(number),
        number,
        architecture: named.architecture ?? `0x${architecture.toString(16)}`,
        action: nameOf(action),
        ...(errno === undefined ? {} : { errno: errno === 0 ? '0' : errnoName(errno) }),
        pid,
        pidInside,
        comm,
        count: 1,
      });
    }
    return caller;
  }

  write(): void {
    const { id, report, learn, flags } = this.#order;
    if (report !== undefined) {
      const [denied, logged] = [[...this.#denied.values()], [...this.#logged.values()]];
      const filter = { id, filter: true, denied, logged, omitted: this.#omitted };
      writeTo(report, '--seccomp-report', formatReport(filter));
    }
    if (learn === undefined) return;
    const { profile, unnamed } = profileOf([...this.#made.values()], flags);
    writeTo(learn, '--seccomp-learn', `${formatJson(profile, '  ')}\n`);
    for (const number of unnamed) {
      say(`--seccomp-learn: system call ${number} has no name in libseccomp, and is left out`);
    }
  }
}

/** undefined for what ends the caller. */
function errnoOf(action: number, decision: number): number | undefined {
  if (action === SECCOMP_RET_ERRNO) return Math.min(dataOf(decision), MAX_ERRNO);
  // Without a tracer.
  return action === SECCOMP_RET_TRACE ? ENOSYS : undefined;
}

const callOf = (data: DataView): NumberedCall => ({
  number: data.getUint32(0, LITTLE_ENDIAN),
  architecture: data.getUint32(4, LITTLE_ENDIAN),
});

const SIGSYS_BIT = 1n << BigInt(SIGNALS.SIGSYS - 1);

function callerOf(thread: Pid): Caller {
  const text = readTextIfExists(`/proc/${thread}/status`);
  if (text === undefined) return NOBODY;
  const field = (name: string): string =>
    new RegExp(`^${name}:\\s*(.*)$`, 'm').exec(text)?.[1] ?? '';
  const signals = (name: string): bigint => BigInt(`0x${field(name) || '0'}`);
  return {
    pid: Number(field('Tgid')),
    pidInside: Number(field('NStgid').split(/\s+/).at(-1)),
    comm: field('Name'),
    handlesTrap: (signals('SigCgt') & ~signals('SigBlk') & SIGSYS_BIT) !== 0n,
  };
}

const nameOf = (action: number): string =>
  Object.entries(ACTIONS).findLast(([, known]) => known === action)?.[0] ??
  `0x${action.toString(16)}`;

/** The container has ended with the status it has: what cannot be written is told. */
function writeTo(fd: Fd, flag: string, text: string): void {
  try {
    writeAll(fd, engine().encodeUtf8(text), flag);
  } catch (thrown) {
    if (!(thrown instanceof SystemError)) throw thrown;
    say(thrown.message);
  }
}

function say(message: string): void {
  writeAll(STDERR, engine().encodeUtf8(`tsrun: ${message}\n`), 'standard error');
}
