const HALF_A_PAIR = /[\ud800-\udfff]/u;

/**
 * Little-endian bytes that grow. Whatever does not fit its field is thrown as a RangeError: a plan that
 * cannot be said exactly is never sent.
 */
export class Writer {
  private readonly encodeUtf8: (text: string) => Uint8Array;
  private bytes = new Uint8Array(8192);
  private view = new DataView(this.bytes.buffer);
  private end = 0;

  constructor(encodeUtf8: (text: string) => Uint8Array) {
    this.encodeUtf8 = encodeUtf8;
  }

  // `this.view` is another one behind room(): no call may take both in one expression.

  /** How many bytes are written. */
  get length(): number {
    return this.end;
  }

  u8(value: number): void {
    if ((value & 0xff) !== value) throw misfit('u8', value);
    const at = this.room(1);
    this.bytes[at] = value;
  }

  u16(value: number): void {
    if ((value & 0xffff) !== value) throw misfit('u16', value);
    const at = this.room(2);
    this.view.setUint16(at, value, true);
  }

  u32(value: number): void {
    if (value >>> 0 !== value) throw misfit('u32', value);
    const at = this.end;
    // Most of a plan: without a call where there is room.
    if (at + 4 > this.bytes.length) this.room(4);
    else this.end = at + 4;
    this.view.setUint32(at, value, true);
  }

  i32(value: number): void {
    if ((value | 0) !== value) throw misfit('i32', value);
    const at = this.room(4);
    this.view.setInt32(at, value, true);
  }

  u64(value: bigint): void {
    if (value < 0n || value > 0xffff_ffff_ffff_ffffn) throw new RangeError(`${value} is no u64`);
    const at = this.room(8);
    this.view.setBigUint64(at, value, true);
  }

  /** `| u32 length | bytes |` */
  block(value: Uint8Array): void {
    this.u32(value.length);
    this.raw(value);
  }

  /** Bytes as they are. */
  raw(value: Uint8Array): void {
    const at = this.room(value.length);
    this.bytes.set(value, at);
  }

  /** `| u32 length with NUL | UTF-8 | NUL |`; a text that holds NUL would be cut and is refused. */
  text(value: string): void {
    if (value.includes('\0')) throw new RangeError('a text holds NUL');
    const encoded = this.encodeUtf8(value);
    // In ASCII every character is a byte; only elsewhere can there be half a surrogate pair.
    if (encoded.length !== value.length && HALF_A_PAIR.test(value)) {
      throw new RangeError('a text holds half a surrogate pair');
    }
    this.u32(encoded.length + 1);
    const at = this.room(encoded.length + 1);
    this.bytes.set(encoded, at);
  }

  /** Overwrites a u32 written before, as a length that was not known yet. */
  setU32(at: number, value: number): void {
    if (value >>> 0 !== value) throw misfit('u32', value);
    this.view.setUint32(at, value, true);
  }

  /** A copy of all that was written. */
  finish(): Uint8Array {
    return this.bytes.slice(0, this.end);
  }

  /** Makes room for `count` bytes, all zero, and returns where they begin. */
  private room(count: number): number {
    const at = this.end;
    this.end += count;
    if (this.end > this.bytes.length) {
      const larger = new Uint8Array(Math.max(this.end, 2 * this.bytes.length));
      larger.set(this.bytes);
      this.bytes = larger;
      this.view = new DataView(larger.buffer);
    }
    return at;
  }
}

const misfit = (type: string, value: number): RangeError =>
  new RangeError(`${value} is no ${type}`);
