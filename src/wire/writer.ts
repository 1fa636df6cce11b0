/** The most that one UTF-16 unit takes. */
const UTF8_BYTES = 3;
const FIRST_BYTES = 8192;

/**
 * Little-endian bytes that grow. Whatever does not fit its field is thrown as a RangeError: a plan that
 * cannot be said exactly is never sent.
 */
export interface Writer {
  u8(value: number): void;
  u16(value: number): void;
  u32(value: number): void;
  i32(value: number): void;
  u64(value: bigint): void;
  /** `| u32 length | bytes |` */
  block(value: Uint8Array): void;
  /** Bytes as they are. */
  raw(value: Uint8Array): void;
  /** `| u32 length with NUL | UTF-8 | NUL |`; a text that holds NUL would be cut and is refused. */
  text(value: string): void;
  /** Overwrites a u32 written before, as a length that was not known yet. */
  setU32(at: number, value: number): void;
  /** How many bytes are written. */
  length(): number;
  /** A copy of all that was written. */
  finish(): Uint8Array;
}

/** The engine's. */
export type EncodeInto = (text: string, target: Uint8Array, offset: number) => number;

/** Variables and no fields: a plan is a thousand numbers, and QuickJS searches an object for each field. */
export function newWriter(encodeInto: EncodeInto): Writer {
  let bytes = new Uint8Array(FIRST_BYTES);
  let view = new DataView(bytes.buffer);
  let size = FIRST_BYTES;
  let end = 0;

  /** Makes room for `count` bytes and returns where they begin. */
  function room(count: number): number {
    const at = end;
    end += count;
    if (end > size) {
      size = Math.max(end, 2 * size);
      const larger = new Uint8Array(size);
      larger.set(bytes);
      bytes = larger;
      view = new DataView(larger.buffer);
    }
    return at;
  }

  // `view` is another one behind room(): no call may take both in one expression.
  const writer: Writer = {
    u8(value) {
      if ((value & 0xff) !== value) throw misfit('u8', value);
      const at = room(1);
      bytes[at] = value;
    },
    u16(value) {
      if ((value & 0xffff) !== value) throw misfit('u16', value);
      const at = room(2);
      view.setUint16(at, value, true);
    },
    u32(value) {
      if (value >>> 0 !== value) throw misfit('u32', value);
      // Most of a plan: without a call where there is room.
      const at = end;
      if (at + 4 > size) room(4);
      else end = at + 4;
      view.setUint32(at, value, true);
    },
    i32(value) {
      if ((value | 0) !== value) throw misfit('i32', value);
      const at = room(4);
      view.setInt32(at, value, true);
    },
    u64(value) {
      if (value < 0n || value > 0xffff_ffff_ffff_ffffn) throw new RangeError(`${value} is no u64`);
      const at = room(8);
      view.setBigUint64(at, value, true);
    },
    block(value) {
      writer.u32(value.length);
      writer.raw(value);
    },
    raw(value) {
      const at = room(value.length);
      bytes.set(value, at);
    },
    text(value) {
      const at = room(4 + UTF8_BYTES * value.length + 1);
      const length = encodeInto(value, bytes, at + 4) + 1;
      bytes[at + 4 + length - 1] = 0;
      view.setUint32(at, length, true);
      end = at + 4 + length;
    },
    setU32(at, value) {
      if (value >>> 0 !== value) throw misfit('u32', value);
      view.setUint32(at, value, true);
    },
    length: () => end,
    finish: () => bytes.slice(0, end),
  };
  return writer;
}

const misfit = (type: string, value: number): RangeError =>
  new RangeError(`${value} is no ${type}`);
