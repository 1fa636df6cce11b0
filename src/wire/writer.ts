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
  let [size, end] = [FIRST_BYTES, 0];
  let bytes = new Uint8Array(size);
  let view = new DataView(bytes.buffer);
  /** Makes room for `count` bytes and returns where they begin. */
  function room(count: number): number {
    const at = end;
    end += count;
    if (end > size) {
      size = Math.max(end, 2 * size);
      bytes = enlarged(bytes, size);
      view = new DataView(bytes.buffer);
    }
    return at;
  }

  // `view` is another one behind room(): no call may take both in one expression.
  const writer: Writer = {
    u8(value) {
      const at = room(1);
      bytes[at] = masked('u8', value, 0xff);
    },
    u16(value) {
      const at = room(2);
      view.setUint16(at, masked('u16', value, 0xffff), true);
    },
    u32(value) {
      const at = end;
      if (at + 4 > size) room(4);
      else end = at + 4; // Most of a plan: without a call where there is room.
      view.setUint32(at, u32(value), true);
    },
    i32(value) {
      writer.u32(masked('i32', value, -1) >>> 0);
    },
    u64(value) {
      if (value < 0n || value > 0xffff_ffff_ffff_ffffn) throw new RangeError(`${value} is no u64`);
      const at = room(8);
      view.setBigUint64(at, value, true);
    },
    block: (value) => {
      writer.u32(value.length);
      writer.raw(value);
    },
    raw(value) {
      const at = room(value.length);
      bytes.set(value, at);
    },
    text(value) {
      const at = room(4 + UTF8_BYTES * value.length + 1);
      end = at + 4 + encodeInto(value, bytes, at + 4) + 1;
      bytes[end - 1] = 0;
      view.setUint32(at, end - at - 4, true);
    },
    setU32: (at, value) => view.setUint32(at, u32(value), true),
    length: () => end,
    finish: () => bytes.slice(0, end),
  };
  return writer;
}

function masked(type: string, value: number, mask: number): number {
  if ((value & mask) !== value) throw misfit(type, value);
  return value;
}

function u32(value: number): number {
  if (value >>> 0 !== value) throw misfit('u32', value);
  return value;
}

function enlarged(bytes: Uint8Array<ArrayBuffer>, size: number): Uint8Array<ArrayBuffer> {
  const larger = new Uint8Array(size);
  larger.set(bytes);
  return larger;
}

const misfit = (type: string, value: number): RangeError =>
  new RangeError(`${value} is no ${type}`);
