/** Engine.encodeSteps where the host has no better way: the twin of native/quickjs/encode.c. */
import type { EncodedSteps, Layout, Wire, WireStep } from './engine.ts';

const FIRST_BYTES = 8192;
/** The most that one UTF-16 unit takes. */
const UTF8_BYTES = 3;
const FLAG_YIELD = 1;
const FLAG_WARN = 2;
const NO_SLOT = 0xffff_ffff;

type EncodeInto = (text: string, target: Uint8Array, offset: number) => number;

export function encodeSteps(
  steps: readonly WireStep[],
  wire: Wire,
  encodeInto: EncodeInto,
): EncodedSteps {
  const encoder = new Encoder(wire, encodeInto);
  let count = 0;
  let othersBefore = false;
  for (const [index, step] of steps.entries()) {
    const actor = wire.actors[step.actor];
    if (actor !== undefined) {
      // What the runtime does before the first step is done before the executor is started.
      encoder.step(step, actor, index, othersBefore && count > 0);
      count += 1;
    }
    othersBefore = actor === undefined;
  }
  return { ...encoder.finish(), count };
}

class Encoder {
  readonly #wire: Wire;
  readonly #encodeInto: EncodeInto;
  readonly #slots = new Map<string, number>();
  #bytes = new Uint8Array(FIRST_BYTES);
  #view = new DataView(this.#bytes.buffer);
  #end = 0;

  constructor(wire: Wire, encodeInto: EncodeInto) {
    this.#wire = wire;
    this.#encodeInto = encodeInto;
  }

  finish(): Pick<EncodedSteps, 'bytes' | 'slots'> {
    return { bytes: this.#bytes.slice(0, this.#end), slots: [...this.#slots.keys()] };
  }

  /** `| u32 bytes | u16 opcode | u8 actor | u8 flags | u32 index | u32 ignored | i32 errno … | fields … |` */
  step({ op, ignore, warn }: WireStep, actor: number, index: number, yields: boolean): void {
    const [opcode, actors, fields] = this.#layoutOf(op.call);
    if ((actors & (1 << actor)) === 0) throw new RangeError(`${op.call} is no operation of it`);
    const start = this.#room(4);
    const flags = (yields ? FLAG_YIELD : 0) | (warn === undefined ? 0 : FLAG_WARN);
    this.#u32(opcode | (actor << 16) | (flags << 24));
    this.#u32(index);
    this.#list(ignore ?? [], (name) => this.#i32(this.#wire.errnos[String(name)]));
    const members: Readonly<Record<string, unknown>> = { ...op };
    for (const field of fields.split(' ').filter(Boolean))
      this.#field(field.charAt(0), members[field.slice(1)]);
    this.#view.setUint32(start, this.#end - start, true);
  }

  #layoutOf(call: string): Layout {
    const { layouts } = this.#wire;
    const layout = Object.hasOwn(layouts, call) ? layouts[call] : undefined;
    if (layout === undefined) throw new RangeError(`${call} is no operation of the executor`);
    return layout;
  }

  /** The kinds of src/generated/layouts.ts. */
  readonly #kinds: Readonly<Record<string, (value: unknown) => void>> = {
    u: (value) => this.#u32(value),
    i: (value) => this.#i32(value),
    U: (value) => this.#u64(value),
    s: (value) => this.#text(value),
    S: (value) => (value === undefined ? this.#u32(0) : this.#text(value)),
    l: (value) => this.#slot(value),
    L: (value) => (value === undefined ? this.#u32(NO_SLOT) : this.#slot(value)),
    v: (value) => this.#list(value, (text) => this.#text(text)),
    w: (value) => this.#list(value, (number) => this.#u32(number)),
    b: (value) => this.#block(value),
    f: (value) => this.#block(this.#wire.filter(value)),
    o: (value) => this.#u32(this.#wire.openFlags(Number(value))),
  };

  #field(kind: string, value: unknown): void {
    const put = this.#kinds[kind];
    if (put === undefined) throw new RangeError(`${kind} is no kind of field`);
    put(value);
  }

  // `#view` is another one behind #room(): no call may take both in one expression.

  #u32(value: unknown): void {
    if (typeof value !== 'number' || value >>> 0 !== value) throw unfit(value, 'u32');
    const at = this.#room(4);
    this.#view.setUint32(at, value, true);
  }

  #i32(value: unknown): void {
    if (typeof value !== 'number' || (value | 0) !== value) throw unfit(value, 'i32');
    const at = this.#room(4);
    this.#view.setInt32(at, value, true);
  }

  #u64(value: unknown): void {
    if (typeof value !== 'bigint' || BigInt.asUintN(64, value) !== value) throw unfit(value, 'u64');
    const at = this.#room(8);
    this.#view.setBigUint64(at, value, true);
  }

  #text(value: unknown): void {
    if (typeof value !== 'string') throw unfit(value, 'text');
    const at = this.#room(4 + UTF8_BYTES * value.length + 1);
    const length = this.#encodeInto(value, this.#bytes, at + 4) + 1;
    this.#view.setUint8(at + 4 + length - 1, 0);
    this.#view.setUint32(at, length, true);
    this.#end = at + 4 + length;
  }

  #block(value: unknown): void {
    if (!(value instanceof Uint8Array)) throw unfit(value, 'bytes');
    this.#u32(value.length);
    const at = this.#room(value.length);
    this.#bytes.set(value, at);
  }

  #slot(value: unknown): void {
    if (typeof value !== 'string') throw unfit(value, 'slot');
    const number = this.#slots.get(value) ?? this.#slots.size;
    this.#slots.set(value, number);
    this.#u32(number);
  }

  /** A count and so many items. */
  #list<T>(items: unknown, write: (item: T) => void): void {
    if (!Array.isArray(items)) throw unfit(items, 'list');
    this.#u32(items.length);
    for (const item of items) write(item);
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

const unfit = (value: unknown, what: string): RangeError =>
  new RangeError(`${value} is no ${what}`);
