/**
 * Protocol Buffers, as much of the encoding as CRIU's messages take (protobuf.dev "Encoding"): varints and
 * length-delimited fields. | varint (number << 3 | wire type) | value | …
 */
import { engine } from '../engine/current.ts';
import { concatenate } from './memory.ts';

/** A field's value: what is undefined or an empty list is left out; a list repeats the field. */
export type FieldValue =
  | number
  | boolean
  | string
  | Uint8Array
  | readonly (string | Uint8Array)[]
  | undefined;

const VARINT = 0;
const FIXED64 = 1;
const DELIMITED = 2;
const FIXED32 = 5;

/** A message of these fields, by number. Negative numbers take ten bytes, as int32 does. */
export function encodeMessage(fields: Readonly<Record<number, FieldValue>>): Uint8Array {
  const parts = Object.entries(fields).flatMap(([number, value]) =>
    value === undefined ? [] : encodeField(Number(number), value),
  );
  return concatenate(parts);
}

function encodeField(number: number, value: NonNullable<FieldValue>): readonly Uint8Array[] {
  if (typeof value === 'number' || typeof value === 'boolean') {
    return [varint((number << 3) | VARINT), varint(Number(value))];
  }
  if (typeof value === 'string') return delimited(number, engine().encodeUtf8(value));
  if (value instanceof Uint8Array) return delimited(number, value);
  return value.flatMap((one) => encodeField(number, one));
}

const delimited = (number: number, bytes: Uint8Array): readonly Uint8Array[] => [
  varint((number << 3) | DELIMITED),
  varint(bytes.length),
  bytes,
];

function varint(value: number): Uint8Array {
  if (!Number.isSafeInteger(value)) throw new RangeError(`${value} is no integer`);
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  for (; rest > 0x7fn; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80);
  return Uint8Array.of(...bytes, Number(rest));
}

/** The fields of a message by number, the last where one is repeated: varints as numbers, the rest as bytes. */
export type Fields = ReadonlyMap<number, number | Uint8Array>;

/** Reads a message; undefined when the bytes are none. Varints are int32 and bool in what CRIU sends. */
export function decodeMessage(bytes: Uint8Array): Fields | undefined {
  const fields = new Map<number, number | Uint8Array>();
  let offset = 0;
  const next = (): number | undefined => {
    const read = readVarint(bytes, offset);
    if (read === undefined) return undefined;
    offset = read.end;
    return read.value;
  };
  while (offset < bytes.length) {
    const tag = next();
    if (tag === undefined || tag < 0) return undefined;
    const [number, type] = [tag >>> 3, tag & 7];
    if (type === VARINT) {
      const value = next();
      if (value === undefined) return undefined;
      fields.set(number, value);
      continue;
    }
    const length = type === DELIMITED ? next() : { [FIXED64]: 8, [FIXED32]: 4 }[type];
    if (length === undefined || length < 0 || offset + length > bytes.length) return undefined;
    fields.set(number, bytes.subarray(offset, offset + length));
    offset += length;
  }
  return fields;
}

const LONGEST_VARINT = 10;

function readVarint(
  bytes: Uint8Array,
  start: number,
): { readonly value: number; readonly end: number } | undefined {
  let value = 0n;
  for (let index = 0; index < LONGEST_VARINT; index += 1) {
    const byte = bytes[start + index];
    if (byte === undefined) return undefined;
    value |= BigInt(byte & 0x7f) << BigInt(7 * index);
    if (byte < 0x80) {
      return { value: Number(BigInt.asIntN(32, value)), end: start + index + 1 };
    }
  }
  return undefined;
}
