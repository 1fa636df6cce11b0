/**
 * A client of a D-Bus message bus (D-Bus Specification): one socket, method calls that are waited for,
 * signals. Every wait ends at the caller's deadline: a bus that does not answer stops nobody for ever.
 */
import { engine } from '../engine/current.ts';
import { failedWith, SystemError, throwing } from './call.ts';
import type { DbusItem } from './constants/dbus.ts';
import { errnoNumber } from './constants/errno.ts';
import {
  decodeMessage,
  ERROR,
  encodeMessage,
  type Head,
  METHOD_CALL,
  METHOD_RETURN,
  type Message,
  MOST_BYTES,
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
  /** Types of the values that are the result. */
  readonly result: string;
}

/** A signal by whom sends it, about what, and which of an interface's it is. */
export interface ExpectedSignal {
  readonly sender: string;
  readonly path: string;
  readonly interface: string;
  readonly member: string;
}

/** The result of a call, and who gave it: its unique name on the bus, where there is one. */
export interface Reply {
  readonly body: readonly DbusItem[];
  readonly sender: string | undefined;
}

/** Milliseconds of monotonicMs() at which waiting ends. */
export type Deadline = number;

/** "Authentication Protocol": no line is longer. */
const MAX_LINE_BYTES = 16_384;

/**
 * One connection; close() it. SystemError ETIMEDOUT when a deadline passes, EPIPE at end of file, EBADMSG
 * for what is no message, or no result of the type that was expected.
 */
export class DbusConnection {
  private readonly socket: Fd;
  private buffer: Uint8Array = new Uint8Array(0);
  private serial = 0;
  private readonly signals: Message[] = [];
  /** The only signal whose body is read; a peer sends all that it has. */
  private expected = '';
  readonly kind: 'bus' | 'peer';

  /**
   * Connects to the socket at a path and says who we are: `uid` as the other side's user namespace
   * numbers it. `peer` is a service without a bus: it gives nobody a name.
   */
  constructor(path: string, uid: number, kind: 'bus' | 'peer', deadline: Deadline) {
    this.kind = kind;
    this.socket = connectWithin(path, deadline);
    try {
      this.authenticate(uid, deadline);
      if (kind === 'bus') this.call({ ...BUS, member: 'Hello', result: 's' }, deadline);
    } catch (thrown) {
      this.close();
      throw thrown;
    }
  }

  close(): void {
    close(this.socket);
  }

  /** Calls a method and waits for its result; DbusError when it is an error. */
  call({ result, ...call }: Call, deadline: Deadline): Reply {
    this.serial += 1;
    const { serial } = this;
    const { signature = '', body = [] } = call;
    this.send(encodeMessage({ ...call, type: METHOD_CALL, serial, signature, body }));
    for (;;) {
      const message = this.receive(deadline);
      if (this.isExpected(message)) this.signals.push(message);
      if (message.replySerial !== serial) continue;
      if (message.type === METHOD_RETURN) return replyOf(message, result, call.member);
      if (message.type === ERROR) throw errorOf(message);
    }
  }

  /** A signal is received from now on ("Match Rules"); from a peer it is anyway. */
  expect(signal: ExpectedSignal, deadline: Deadline): void {
    this.expected = signal.member;
    if (this.kind === 'peer') return;
    const rule = ['type', 'sender', 'path', 'interface', 'member'] as const;
    const all = { type: 'signal', ...signal };
    const body = [rule.map((key) => `${key}='${all[key]}'`).join(',')];
    this.call({ ...BUS, member: 'AddMatch', signature: 's', body, result: '' }, deadline);
  }

  /**
   * The next such signal from `sender`, those that came between other messages first. On a bus anyone may
   * send us one, whatever it is called.
   */
  nextSignal(sender: string | undefined, deadline: Deadline): Message {
    for (;;) {
      const message = this.signals.shift() ?? this.receive(deadline);
      if (this.isExpected(message) && message.sender === sender) return message;
    }
  }

  private isExpected({ type, member }: Head): boolean {
    return type === SIGNAL && member === this.expected;
  }

  private send(bytes: Uint8Array): void {
    timingOut(() => send(this.socket, bytes));
  }

  /** SASL EXTERNAL ("Authentication Protocol"): the kernel tells the bus who we are. */
  private authenticate(uid: number, deadline: Deadline): void {
    const name = Array.from(String(uid), (digit) => digit.charCodeAt(0).toString(16)).join('');
    // BEGIN with it, as all clients do: who is refused has begun nothing.
    this.send(engine().encodeUtf8(`\0AUTH EXTERNAL ${name}\r\nBEGIN\r\n`));
    const answer = this.receiveLine(deadline);
    if (!answer.startsWith('OK ')) {
      throw new SystemError('dbus', errnoNumber('EACCES'), `authentication: ${answer}`);
    }
  }

  private receiveLine(deadline: Deadline): string {
    const NEWLINE = 10;
    for (;;) {
      const end = this.buffer.indexOf(NEWLINE);
      if (end >= 0)
        return engine()
          .decodeUtf8(this.take(end + 1))
          .trimEnd();
      if (this.buffer.length > MAX_LINE_BYTES) throw malformed('a line without end');
      this.fill(deadline);
    }
  }

  private receive(deadline: Deadline): Message {
    for (;;) {
      while (this.buffer.length < PREFIX_BYTES) this.fill(deadline);
      const length = wellFormed(() => messageLength(this.buffer));
      if (length > MOST_BYTES) {
        this.skip(length, deadline);
        continue;
      }
      while (this.buffer.length < length) this.fill(deadline);
      const bytes = this.take(length);
      const isRead = (head: Head) => head.type !== SIGNAL || this.isExpected(head);
      return wellFormed(() => decodeMessage(bytes, isRead));
    }
  }

  /** On a bus anyone may send us a signal of many MiB: it must not end what we do, nor take our memory. */
  private skip(length: number, deadline: Deadline): void {
    let left = length;
    for (;;) {
      left -= this.take(Math.min(left, this.buffer.length)).length;
      if (left === 0) return;
      this.fill(deadline);
    }
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

function replyOf({ signature, body, sender }: Message, result: string, member: string): Reply {
  if (signature === result) return { body, sender };
  throw malformed(`${member} answered with "${signature}" and not with "${result}"`);
}

const malformed = (what: string): SystemError =>
  new SystemError('dbus', errnoNumber('EBADMSG'), what);

function wellFormed<T>(decode: () => T): T {
  try {
    return decode();
  } catch (thrown) {
    throw thrown instanceof RangeError ? malformed(thrown.message) : thrown;
  }
}

/** With a deadline for connect(2) too, which waits when nobody accepts, and for all that is sent. */
const connectWithin = (path: string, deadline: Deadline): Fd =>
  timingOut(() => connectUnix(path, Math.max(1, Math.ceil(deadline - monotonicMs()))));

/** socket(7), SO_SNDTIMEO: EAGAIN when the time is over. */
function timingOut<T>(attempt: () => T): T {
  try {
    return attempt();
  } catch (thrown) {
    if (!failedWith(thrown, 'EAGAIN')) throw thrown;
    throw new SystemError('dbus', errnoNumber('ETIMEDOUT'));
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
  const left = Math.ceil(deadline - monotonicMs());
  // Asked first: who sends without a pause would never let poll(2) say so.
  if (left <= 0 || poll('dbus', request, 1, left) === 0) {
    throw new SystemError('dbus', errnoNumber('ETIMEDOUT'));
  }
}
