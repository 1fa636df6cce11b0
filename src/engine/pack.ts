/** Engine.pack for a host that has no better way: see engine.ts for what it makes. */
import type { Packed } from './engine.ts';

const FIRST_BYTES = 8192;
/** The most that one UTF-16 unit takes. */
const UTF8_BYTES = 3;

type EncodeInto = (text: string, target: Uint8Array, offset: number) => number;

export function pack(values: readonly Packed[], encodeInto: EncodeInto): Uint8Array {
  const packer = new Packer(encodeInto);
  for (const value of values) packer.value(value);
  return packer.finish();
}

class Packer {
  readonly #encodeInto: EncodeInto;
  #bytes = new Uint8Array(FIRST_BYTES);
  #view = new DataView(this.#bytes.buffer);
  #end = 0;

  constructor(encodeInto: EncodeInto) {
    this.#encodeInto = encodeInto;
  }

  finish(): Uint8Array {
    return this.#bytes.slice(0, this.#end);
  }

  value(value: Packed): void {
    if (typeof value === 'number') this.#u32(value);
    else if (typeof value === 'bigint') this.#u64(value);
    else if (typeof value === 'string') this.#text(value);
    else if (value instanceof Uint8Array) this.#block(value);
    else this.#list(value);
  }

  // `#view` is another one behind #room(): no call may take both in one expression.

  #u32(value: number): void {
    if (value >>> 0 !== value) throw new RangeError(`${value} is no u32`);
    const at = this.#room(4);
    this.#view.setUint32(at, value, true);
  }

  #u64(value: bigint): void {
    if (BigInt.asUintN(64, value) !== value) throw new RangeError(`${value} is no u64`);
    const at = this.#room(8);
    this.#view.setBigUint64(at, value, true);
  }

  #text(value: string): void {
    const at = this.#room(4 + UTF8_BYTES * value.length + 1);
    const length = this.#encodeInto(value, this.#bytes, at + 4) + 1;
    this.#view.setUint8(at + 4 + length - 1, 0);
    this.#view.setUint32(at, length, true);
    this.#end = at + 4 + length;
  }

  #block(value: Uint8Array): void {
    this.#u32(value.length);
    const at = this.#room(value.length);
    this.#bytes.set(value, at);
  }

  #list(items: readonly Packed[]): void {
    const at = this.#room(4);
    for (const item of items) this.value(item);
    this.#view.setUint32(at, this.#end - at, true);
  }

  /** Makes room for `count` bytes and returns where they begin. */
  #room(count: number): number {
    const at = this.#end;
    this.#end += count;
    if (this.#end > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(this.#end, 2 * this.#bytes.length));
      larger.set(this.#bytes);
      this.#bytes = larger;
      this.#view = new DataView(larger.buffer);
    }
    return at;
  }
}
