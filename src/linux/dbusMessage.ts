/**
 * D-Bus messages as bytes (D-Bus Specification, "Message Protocol"), written little-endian and read in either
 * order, which is the sender's choice:
 *
 *     | u8 'l' or 'B' | u8 type | u8 flags | u8 1 | u32 bytes of the body | u32 serial |
 *     | a(yv) header fields, padded to 8 | body |
 */
import { engine } from '../engine/current.ts';
import { type DbusItem, type DbusValue, endOfType, typesOf } from './constants/dbus.ts';
import { LITTLE_ENDIAN, viewOf } from './memory.ts';

export const METHOD_CALL = 1;
export const METHOD_RETURN = 2;
export const ERROR = 3;
export const SIGNAL = 4;

export interface Message {
  readonly type: number;
  readonly serial: number;
  readonly path?: string;
  readonly interface?: string;
  readonly member?: string;
  readonly errorName?: string;
  readonly replySerial?: number;
  readonly destination?: string;
  readonly sender?: string;
  /** Types of the body's values. */
  readonly signature: string;
  readonly body: readonly DbusItem[];
}

/** Header fields in the order of their codes, which begin at 1. */
const FIELDS = [
  ['path', 'o'],
  ['interface', 's'],
  ['member', 's'],
  ['errorName', 's'],
  ['replySerial', 'u'],
  ['destination', 's'],
  ['sender', 's'],
  ['signature', 'g'],
] as const;

/** Bytes of the part of a message that says how long it is. */
export const PREFIX_BYTES = 16;
/** "Message Format": no message is longer. */
const MAX_BYTES = 1 << 27;
/** An answer of systemd's to what is asked here takes a few hundred bytes; what is longer is not looked at. */
export const MOST_BYTES = 1 << 20;
/** "Valid Signatures", for arrays and structs together, and for variants within variants. */
const MAX_DEPTH = 64;

const SIZES: Readonly<Record<string, number>> = { n: 2, q: 2, i: 4, u: 4, x: 8, t: 8, d: 8, b: 4 };

function alignmentOf(type: string): number {
  const first = type.charAt(0);
  if (first === '(' || first === '{') return 8;
  if (first === 'y' || first === 'g' || first === 'v') return 1;
  return SIZES[first] ?? 4;
}

/** A message's bytes; RangeError for a value that is not of its type. */
export function encodeMessage(message: Message): Uint8Array {
  const body = new Encoder();
  typesOf(message.signature).forEach((type, i) => {
    body.put(type, message.body[i] ?? '');
  });
  const head = new Encoder();
  head.bytes.push('l'.charCodeAt(0), message.type, 0, 1);
  head.put('u', body.bytes.length);
  head.put('u', message.serial);
  const fields = FIELDS.flatMap(([name, type], i): DbusItem[] => {
    const value = message[name];
    return value === undefined || value === '' ? [] : [[i + 1, { type, value }]];
  });
  head.put('a(yv)', fields);
  head.align(8);
  return Uint8Array.from([...head.bytes, ...body.bytes]);
}

class Encoder {
  readonly bytes: number[] = [];

  align(to: number): void {
    while (this.bytes.length % to !== 0) this.bytes.push(0);
  }

  put(type: string, value: DbusItem): void {
    this.align(alignmentOf(type));
    const first = type.charAt(0);
    if (first === 'a') this.putArray(type.slice(1), listOf(value));
    else if (first === '(' || first === '{') this.putMembers(type, listOf(value));
    else if (first === 'v') this.putVariant(value);
    else if (first === 's' || first === 'o' || first === 'g') this.putText(first, value);
    else this.putNumber(first, value);
  }

  private putArray(inner: string, items: readonly DbusItem[]): void {
    const at = this.bytes.length;
    this.put('u', 0);
    // Padding before the first element does not count as part of the array.
    this.align(alignmentOf(inner));
    const start = this.bytes.length;
    for (const item of items) this.put(inner, item);
    const length = this.bytes.length - start;
    for (let i = 0; i < 4; i += 1) this.bytes[at + i] = (length >>> (8 * i)) & 0xff;
  }

  private putMembers(type: string, items: readonly DbusItem[]): void {
    const types = typesOf(type.slice(1, -1));
    if (types.length !== items.length) throw new RangeError(`${items.length} members for ${type}`);
    types.forEach((each, i) => {
      this.put(each, items[i] ?? '');
    });
  }

  private putVariant(value: DbusItem): void {
    if (!isValue(value)) throw new RangeError('a variant needs a type');
    this.put('g', value.type);
    this.put(value.type, value.value);
  }

  private putText(type: 's' | 'o' | 'g', value: DbusItem): void {
    if (typeof value !== 'string') throw new RangeError(`${typeof value} for ${type}`);
    const text = engine().encodeUtf8(value);
    if (text.includes(0)) throw new RangeError('NUL in a string');
    if (type === 'g') this.bytes.push(text.length);
    else this.put('u', text.length);
    this.bytes.push(...text, 0);
  }

  private putNumber(type: string, value: DbusItem): void {
    const number = typeof value === 'boolean' ? Number(value) : value;
    if (typeof number !== 'number' && typeof number !== 'bigint') {
      throw new RangeError(`${typeof value} for ${type}`);
    }
    if (type === 'y') this.bytes.push(Number(number));
    else {
      const size = SIZES[type] ?? 4;
      const view = new DataView(new ArrayBuffer(8));
      if (type === 'd') view.setFloat64(0, Number(number), LITTLE_ENDIAN);
      else view.setBigUint64(0, BigInt.asUintN(64, BigInt(number)), LITTLE_ENDIAN);
      for (let i = 0; i < size; i += 1) this.bytes.push(view.getUint8(i));
    }
  }
}

function listOf(value: DbusItem): readonly DbusItem[] {
  if (!isList(value)) throw new RangeError(`${typeof value} where a list belongs`);
  return value;
}

const isList = (value: DbusItem): value is readonly DbusItem[] => Array.isArray(value);

const isValue = (value: DbusItem): value is DbusValue =>
  typeof value === 'object' && !isList(value);

const isLittleEndian = (bytes: Uint8Array): boolean => {
  const [order] = bytes;
  if (order === 'l'.charCodeAt(0)) return true;
  if (order === 'B'.charCodeAt(0)) return false;
  throw new RangeError('not a D-Bus message');
};

/** How long the message is whose first 16 bytes these are; RangeError when they begin none. */
export function messageLength(prefix: Uint8Array): number {
  const view = viewOf(prefix);
  const order = isLittleEndian(prefix);
  if (prefix[3] !== 1) throw new RangeError('not a D-Bus message of version 1');
  const fields = view.getUint32(12, order);
  const body = view.getUint32(4, order);
  const length = Math.ceil((PREFIX_BYTES + fields) / 8) * 8 + body;
  if (length > MAX_BYTES) throw new RangeError('D-Bus message too long');
  return length;
}

/** What a message's header says of it. */
export type Head = Omit<Message, 'body'>;

/**
 * A whole message; RangeError when its bytes are none. A body for which `isRead` is false is passed over: nothing
 * is said of it, not even whether it is of the types of the signature.
 */
export function decodeMessage(
  bytes: Uint8Array,
  isRead: (head: Head) => boolean = () => true,
): Message {
  const head = new Decoder(bytes, 12);
  const found = new Map<string, DbusItem>();
  for (const field of listOf(head.take('a(yv)'))) {
    const [code, variant] = listOf(field);
    const name = FIELDS[Number(code) - 1]?.[0];
    if (name !== undefined && variant !== undefined && isValue(variant)) {
      found.set(name, variant.value);
    }
  }
  head.align(8);
  const text = (name: string): { [key: string]: string } => {
    const value = found.get(name);
    return typeof value === 'string' ? { [name]: value } : {};
  };
  const signature = text('signature')['signature'] ?? '';
  const reply = found.get('replySerial');
  const known = {
    type: bytes[1] ?? 0,
    serial: viewOf(bytes).getUint32(8, isLittleEndian(bytes)),
    ...text('path'),
    ...text('interface'),
    ...text('member'),
    ...text('errorName'),
    ...(typeof reply === 'number' ? { replySerial: reply } : {}),
    ...text('destination'),
    ...text('sender'),
    signature,
  };
  if (!isRead(known)) return { ...known, body: [] };
  const body = typesOf(signature).map((type) => head.take(type));
  head.expectEnd();
  return { ...known, body };
}

/** DataView throws RangeError past the end. */
class Decoder {
  private readonly bytes: Uint8Array;
  private readonly view: DataView;
  private readonly order: boolean;
  private at: number;
  private depth = 0;

  constructor(bytes: Uint8Array, at: number) {
    this.bytes = bytes;
    this.view = viewOf(bytes);
    this.order = isLittleEndian(bytes);
    this.at = at;
  }

  align(to: number): void {
    this.at = Math.ceil(this.at / to) * to;
  }

  expectEnd(): void {
    if (this.at !== this.bytes.length) throw new RangeError('bytes behind the body of a message');
  }

  take(type: string): DbusItem {
    this.depth += 1;
    if (this.depth > MAX_DEPTH) throw new RangeError('values nested too deep');
    const item = this.takeOne(type);
    this.depth -= 1;
    return item;
  }

  private takeOne(type: string): DbusItem {
    this.align(alignmentOf(type));
    const first = type.charAt(0);
    if (first === 'a') return this.takeArray(type.slice(1));
    if (first === '(' || first === '{') return typesOf(type.slice(1, -1)).map((t) => this.take(t));
    if (first === 'v') return this.takeVariant();
    if (first === 's' || first === 'o') return this.takeText(Number(this.take('u')));
    if (first === 'g') return this.takeText(Number(this.take('y')));
    return this.takeNumber(first);
  }

  private takeArray(inner: string): readonly DbusItem[] {
    const length = Number(this.take('u'));
    this.align(alignmentOf(inner));
    const end = this.at + length;
    if (end > this.bytes.length) throw new RangeError('array past the end of a message');
    const items: DbusItem[] = [];
    while (this.at < end) items.push(this.take(inner));
    if (this.at > end) throw new RangeError('element past the end of its array');
    return items;
  }

  private takeVariant(): DbusValue {
    const type = String(this.take('g'));
    if (endOfType(type) !== type.length) throw new RangeError(`variant of ${type}`);
    return { type, value: this.take(type) };
  }

  private takeText(length: number): string {
    const start = this.at;
    this.at += length + 1;
    if (this.at > this.bytes.length) throw new RangeError('string past the end of a message');
    if (this.bytes[this.at - 1] !== 0) throw new RangeError('string without its NUL');
    return engine().decodeUtf8(this.bytes.subarray(start, start + length));
  }

  private takeNumber(type: string): DbusItem {
    const at = this.at;
    this.at += type === 'y' ? 1 : (SIZES[type] ?? 4);
    switch (type) {
      case 'y':
        return this.view.getUint8(at);
      case 'n':
        return this.view.getInt16(at, this.order);
      case 'q':
        return this.view.getUint16(at, this.order);
      case 'i':
        return this.view.getInt32(at, this.order);
      case 'x':
        return this.view.getBigInt64(at, this.order);
      case 't':
        return this.view.getBigUint64(at, this.order);
      case 'd':
        return this.view.getFloat64(at, this.order);
      case 'b':
        return booleanOf(this.view.getUint32(at, this.order));
      default:
        return this.view.getUint32(at, this.order);
    }
  }
}

function booleanOf(value: number): boolean {
  if (value > 1) throw new RangeError(`boolean of ${value}`);
  return value === 1;
}
