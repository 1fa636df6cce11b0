/**
 * rtnetlink(7): a socket of a network namespace, requests that are answered. Messages are
 *
 *     | u32 length | u16 type | u16 flags | u32 sequence | u32 port | family header | attributes |
 *     attribute | u16 length | u16 type | data, padded to 4 |
 */
import { engine } from '../engine/current.ts';
import { SystemError, throwing } from './call.ts';
import type { Fd } from './files.ts';
import { concatenate, LITTLE_ENDIAN, viewOf } from './memory.ts';
import { receive, send } from './sockets.ts';

const sys = { socket: throwing('socket', 'i:iii') };

const AF_NETLINK = 16;
const SOCK_RAW = 3;
const SOCK_CLOEXEC = 0x80000;
const NETLINK_ROUTE = 0;

const NLM_F_REQUEST = 1;
const NLM_F_ACK = 4;
export const NLM_F_DUMP = 0x300;
export const NLM_F_CREATE = 0x400;

const NLMSG_ERROR = 2;
const NLMSG_DONE = 3;
const HEADER_BYTES = 16;
/** A datagram of answers: the kernel fills at most 32 KiB. */
const ANSWER_BYTES = 32_768;

/** A socket of the network namespace this thread is in; it stays of that one. */
export const netlinkSocket = (): Fd =>
  sys.socket('AF_NETLINK', AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);

export interface Attribute {
  readonly type: number;
  readonly data: Uint8Array;
}

export interface NetlinkMessage {
  readonly type: number;
  /** struct ifinfomsg, ifaddrmsg. */
  readonly family: Uint8Array;
  readonly attributes: readonly Attribute[];
}

/**
 * Sends a request and returns all answers to it. A refusal is thrown as SystemError: `detail` says what
 * it is about.
 */
export function request(
  socket: Fd,
  message: NetlinkMessage,
  flags: number,
  detail: string,
): readonly NetlinkMessage[] {
  send(socket, encodeRequest(message, flags | NLM_F_REQUEST | NLM_F_ACK));
  const answers: NetlinkMessage[] = [];
  for (;;) {
    const { data } = receive(socket, ANSWER_BYTES);
    for (let at = 0; at + HEADER_BYTES <= data.length; ) {
      const view = viewOf(data);
      const length = view.getUint32(at, LITTLE_ENDIAN);
      if (length < HEADER_BYTES || at + length > data.length) {
        throw new RangeError('a netlink message is cut short');
      }
      const type = view.getUint16(at + 4, LITTLE_ENDIAN);
      if (type === NLMSG_DONE) return answers;
      if (type === NLMSG_ERROR) {
        const errno = -view.getInt32(at + HEADER_BYTES, LITTLE_ENDIAN);
        if (errno !== 0) throw new SystemError('netlink', errno, detail);
        return answers;
      }
      answers.push(decodeAnswer(type, data.slice(at + HEADER_BYTES, at + length), message));
      at += align(length);
    }
  }
}

const align = (length: number): number => (length + 3) & ~3;

function encodeRequest({ type, family, attributes }: NetlinkMessage, flags: number): Uint8Array {
  const parts = [family, ...attributes.map(encodeAttribute)];
  const header = new Uint8Array(HEADER_BYTES);
  const message = concatenate([header, ...parts]);
  const view = viewOf(message);
  view.setUint32(0, message.length, LITTLE_ENDIAN);
  view.setUint16(4, type, LITTLE_ENDIAN);
  view.setUint16(6, flags, LITTLE_ENDIAN);
  return message;
}

const ATTRIBUTE_BYTES = 4;

function encodeAttribute({ type, data }: Attribute): Uint8Array {
  const bytes = new Uint8Array(align(ATTRIBUTE_BYTES + data.length));
  viewOf(bytes).setUint16(0, ATTRIBUTE_BYTES + data.length, LITTLE_ENDIAN);
  viewOf(bytes).setUint16(2, type, LITTLE_ENDIAN);
  bytes.set(data, ATTRIBUTE_BYTES);
  return bytes;
}

/** Answers have the family header of their requests. */
function decodeAnswer(type: number, body: Uint8Array, asked: NetlinkMessage): NetlinkMessage {
  const start = align(asked.family.length);
  const view = viewOf(body);
  const attributes: Attribute[] = [];
  for (let at = start; at + ATTRIBUTE_BYTES <= body.length; ) {
    const length = view.getUint16(at, LITTLE_ENDIAN);
    if (length < ATTRIBUTE_BYTES || at + length > body.length) break;
    const data = body.slice(at + ATTRIBUTE_BYTES, at + length);
    // The highest bits say how the data is to be read.
    attributes.push({ type: view.getUint16(at + 2, LITTLE_ENDIAN) & 0x3fff, data });
    at += align(length);
  }
  return { type, family: body.slice(0, start), attributes };
}

/** Text as an attribute holds it. */
export const textAttribute = (type: number, text: string): Attribute => ({
  type,
  data: engine().encodeUtf8(`${text}\0`),
});

/** A u32 as an attribute holds it. */
export function u32Attribute(type: number, value: number): Attribute {
  const data = new Uint8Array(4);
  viewOf(data).setUint32(0, value, LITTLE_ENDIAN);
  return { type, data };
}
