/**
 * A client of a D-Bus message bus (D-Bus Specification): one socket, method calls that are waited for,
 * signals. Every wait ends at the caller's deadline: a bus that does not answer stops nobody for ever.
 */
import { engine } from '../engine/current.ts';
import { SystemError, throwing } from './call.ts';
import type { DbusItem } from './constants/dbus.ts';
import { errnoNumber } from './constants/errno.ts';
import {
  decodeMessage,
  ERROR,
  encodeMessage,
  METHOD_CALL,
  METHOD_RETURN,
  type Message,
  messageLength,
  PREFIX_BYTES,
  SIGNAL,
} from './dbusMessage.ts';
import { close, type Fd, read } from './files.ts';
import { concatenate, LITTLE_ENDIAN, viewOf } from './memory.ts';
import { connectUnix, send } from './sockets.ts';
import { monotonicMs } from './time.ts';

const poll = throwing('poll', 'i:pii');
const POLLIN = 1;

const BUS = {
  destination: 'org.freedesktop.DBus',
  path: '/org/freedesktop/DBus',
  interface: 'org.freedesktop.DBus',
} as const;

/** What the other side answered instead of a result. */
export class DbusError extends Error {
  override readonly name = 'DbusError';
  /** As `org.freedesktop.systemd1.UnitExists`. */
  readonly errorName: string;

  constructor(errorName: string, message: string) {
    super(message);
    this.errorName = errorName;
  }
}

export interface Call {
  readonly destination: string;
  readonly path: string;
  readonly interface: string;
  readonly member: string;
  readonly signature?: string;
  readonly body?: readonly DbusItem[];
}

/** Milliseconds of monotonicMs() at which waiting ends. */
export type Deadline = number;

/** One connection; close() it. SystemError ETIMEDOUT when a deadline passes, EPIPE at end of file. */
export class DbusConnection {
  private readonly socket: Fd;
  private buffer: Uint8Array = new Uint8Array(0);
  private serial = 0;
  private readonly signals: Message[] = [];

  /**
   * Connects to the socket at a path and says who we are: `uid` as the other side's user namespace
   * numbers it. `peer` is a service without a bus: it gives nobody a name.
   */
  constructor(path: string, uid: number, kind: 'bus' | 'peer', deadline: Deadline) {
    this.socket = connectUnix(path);
    try {
      this.authenticate(uid, deadline);
      if (kind === 'bus') this.call({ ...BUS, member: 'Hello' }, deadline);
    } catch (thrown) {
      this.close();
      throw thrown;
    }
  }

  close(): void {
    close(this.socket);
  }

  /** Calls a method and waits for its result; DbusError when it is an error. */
  call(call: Call, deadline: Deadline): readonly DbusItem[] {
    this.serial += 1;
    const { serial } = this;
    const { signature = '', body = [] } = call;
    send(this.socket, encodeMessage({ ...call, type: METHOD_CALL, serial, signature, body }));
    for (;;) {
      const message = this.receive(deadline);
      if (message.type === SIGNAL) this.signals.push(message);
      if (message.replySerial !== serial) continue;
      if (message.type === METHOD_RETURN) return message.body;
      if (message.type === ERROR) throw errorOf(message);
    }
  }

  /** Signals that match a rule are received from now on ("Match Rules"). */
  match(rule: string, deadline: Deadline): void {
    this.call({ ...BUS, member: 'AddMatch', signature: 's', body: [rule] }, deadline);
  }

  /** The next signal, those that came between other messages first. */
  nextSignal(deadline: Deadline): Message {
    for (;;) {
      const message = this.signals.shift() ?? this.receive(deadline);
      if (message.type === SIGNAL) return message;
    }
  }

  /** SASL EXTERNAL ("Authentication Protocol"): the kernel tells the bus who we are. */
  private authenticate(uid: number, deadline: Deadline): void {
    const name = Array.from(String(uid), (digit) => digit.charCodeAt(0).toString(16)).join('');
    send(this.socket, engine().encodeUtf8(`\0AUTH EXTERNAL ${name}\r\n`));
    const answer = this.receiveLine(deadline);
    if (!answer.startsWith('OK ')) {
      throw new SystemError('dbus', errnoNumber('EACCES'), `authentication: ${answer}`);
    }
    send(this.socket, engine().encodeUtf8('BEGIN\r\n'));
  }

  private receiveLine(deadline: Deadline): string {
    const NEWLINE = 10;
    for (;;) {
      const end = this.buffer.indexOf(NEWLINE);
      if (end >= 0)
        return engine()
          .decodeUtf8(this.take(end + 1))
          .trimEnd();
      this.fill(deadline);
    }
  }

  private receive(deadline: Deadline): Message {
    while (this.buffer.length < PREFIX_BYTES) this.fill(deadline);
    const length = messageLength(this.buffer);
    while (this.buffer.length < length) this.fill(deadline);
    return decodeMessage(this.take(length));
  }

  private take(length: number): Uint8Array {
    // A copy: alignment is counted from a message's first byte.
    const taken = this.buffer.slice(0, length);
    this.buffer = this.buffer.slice(length);
    return taken;
  }

  private fill(deadline: Deadline): void {
    waitReadable(this.socket, deadline);
    const chunk = new Uint8Array(4096);
    const length = read(this.socket, chunk);
    if (length === 0) throw new SystemError('dbus', errnoNumber('EPIPE'), 'the bus hung up');
    this.buffer = concatenate([this.buffer, chunk.subarray(0, length)]);
  }
}

function errorOf({ errorName = '', body }: Message): DbusError {
  const [text] = body;
  return new DbusError(errorName, typeof text === 'string' ? text : errorName);
}

function waitReadable(fd: Fd, deadline: Deadline): void {
  // struct pollfd: | i32 descriptor | i16 events | i16 what happened |
  const request = new Uint8Array(8);
  viewOf(request).setInt32(0, fd, LITTLE_ENDIAN);
  viewOf(request).setInt16(4, POLLIN, LITTLE_ENDIAN);
  const left = Math.max(0, Math.ceil(deadline - monotonicMs()));
  if (poll('dbus', request, 1, left) === 0) {
    throw new SystemError('dbus', errnoNumber('ETIMEDOUT'));
  }
}
