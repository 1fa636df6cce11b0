/**
 * Little-endian bytes that grow. Whatever does not fit its field is thrown as a RangeError: a plan that
 * cannot be said exactly is never sent.
 */
export class Writer {
  private bytes = new Uint8Array(8192);
  private view = new DataView(this.bytes.buffer);
  private end = 0;

  // `this.view` is another one behind room(): no call may take both in one expression.

  /** How many bytes are written. */
  get length(): number {
    return this.end;
  }

  u8(value: number): void {
    integer('u8', value, 0, 0xff);
    const at = this.room(1);
    this.view.setUint8(at, value);
  }

  u16(value: number): void {
    integer('u16', value, 0, 0xffff);
    const at = this.room(2);
    this.view.setUint16(at, value, true);
  }

  u32(value: number): void {
    integer('u32', value, 0, 0xffff_ffff);
    const at = this.room(4);
    this.view.setUint32(at, value, true);
  }

  i32(value: number): void {
    integer('i32', value, -0x8000_0000, 0x7fff_ffff);
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
    const start = this.end;
    this.u32(0);
    for (const character of value) this.character(character.codePointAt(0) ?? 0);
    this.u8(0);
    this.setU32(start, this.end - start - 4);
  }

  /** Overwrites a u32 written before, as a length that was not known yet. */
  setU32(at: number, value: number): void {
    integer('u32', value, 0, 0xffff_ffff);
    this.view.setUint32(at, value, true);
  }

  /** A copy of all that was written. */
  finish(): Uint8Array {
    return this.bytes.slice(0, this.end);
  }

  private character(code: number): void {
    if (code === 0) throw new RangeError('a text holds NUL');
    if (code >= 0xd800 && code <= 0xdfff)
      throw new RangeError('a text holds half a surrogate pair');
    const tail = (shift: number) => this.u8(0x80 | ((code >> shift) & 0x3f));
    if (code < 0x80) {
      this.u8(code);
    } else if (code < 0x800) {
      this.u8(0xc0 | (code >> 6));
      tail(0);
    } else if (code < 0x1_0000) {
      this.u8(0xe0 | (code >> 12));
      tail(6);
      tail(0);
    } else {
      this.u8(0xf0 | (code >> 18));
      tail(12);
      tail(6);
      tail(0);
    }
  }

  /** Makes room for `count` bytes and returns where they begin. */
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

function integer(type: string, value: number, least: number, most: number): void {
  if (!Number.isInteger(value) || value < least || value > most) {
    throw new RangeError(`${value} is no ${type}`);
  }
}
