/**
 * A plan to the bytes the executor reads. The layout is drawn in native/README.md; the operations and
 * their fields come from schemas/ops.json, whose hash is the version both sides must share.
 */
import { type FieldType, OPS, WIRE_VERSION } from '../generated/ops.ts';
import { errnoNumber } from '../linux/constants/errno.ts';
import { nativeOpenFlags } from '../linux/constants/file.ts';
import type { SeccompFilter } from '../linux/constants/seccomp.ts';
import type { Plan, Slot, Step } from '../plan/step.ts';
import { newWriter, type Writer } from './writer.ts';

const MAGIC = 0x4e52_5354; // "TSRN"
const ACTOR = { outer: 1, init: 2 } as const;
const FLAG_YIELD = 1;
const FLAG_WARN = 2;
const NO_SLOT = 0xffff_ffff;

export interface EncodeOptions {
  readonly machine: 'x86_64' | 'aarch64';
  readonly encodeUtf8: (text: string) => Uint8Array;
  /** The rules of a filter to an array of struct sock_filter. */
  readonly compileFilter: (filter: SeccompFilter) => Uint8Array;
  /** What the runtime put into slots before the executor is started: descriptors it inherits, pids. */
  readonly filled: ReadonlyMap<Slot, number>;
}

export interface EncodedPlan {
  readonly bytes: Uint8Array;
  /** The slots of `filled` that steps of the executor use. */
  readonly inherited: readonly Slot[];
}

/**
 * Encodes the steps of the executor. A step yields to the runtime first when steps of the runtime stand
 * between it and the executor's step before. RangeError when a value does not fit its field.
 */
export function encodePlan(plan: Plan, options: EncodeOptions): EncodedPlan {
  const steps = newWriter(options.encodeUtf8);
  const slots = new Map<Slot, number>();
  const numberOf = (slot: Slot): number => {
    const number = slots.get(slot) ?? slots.size;
    slots.set(slot, number);
    return number;
  };

  let count = 0;
  let runtimeStepsBefore = false;
  plan.steps.forEach((step, index) => {
    if (step.actor === 'runtime') {
      runtimeStepsBefore = true;
      return;
    }
    // What the runtime does before the executor's first step is done before the executor is started.
    const yields = runtimeStepsBefore && count > 0;
    encodeStep(steps, step, index, ACTOR[step.actor], yields, numberOf, options);
    runtimeStepsBefore = false;
    count += 1;
  });

  const inherited = [...slots.keys()].filter((slot) => options.filled.has(slot));
  const out = newWriter(options.encodeUtf8);
  const body = steps.finish();
  out.u32(MAGIC);
  out.u32(WIRE_VERSION);
  out.u32(6 * 4 + 8 * inherited.length + body.length);
  out.u32(count);
  out.u32(slots.size);
  out.u32(inherited.length);
  for (const slot of inherited) {
    out.u32(numberOf(slot));
    out.i32(options.filled.get(slot) ?? -1);
  }
  out.raw(body);
  return { bytes: out.finish(), inherited };
}

function encodeStep(
  out: Writer,
  step: Step,
  index: number,
  actor: number,
  yields: boolean,
  numberOf: (slot: Slot) => number,
  options: EncodeOptions,
): void {
  const { op, ignore } = step;
  const shape = SHAPES.get(op.call);
  if (shape === undefined || !shape.actors.includes(step.actor)) {
    throw new RangeError(`${op.call} is no operation of ${step.actor}`);
  }
  const filter = op.call === 'seccomp' ? options.compileFilter(op.filter) : undefined;
  const start = out.length();
  out.u32(0);
  out.u16(shape.opcode);
  out.u8(actor);
  out.u8((yields ? FLAG_YIELD : 0) | (step.warn === true ? FLAG_WARN : 0));
  out.u32(index);
  out.u32(ignore?.length ?? 0);
  if (ignore !== undefined) for (const name of ignore) out.i32(errnoNumber(name));
  const values: Readonly<Record<string, unknown>> = op;
  for (const { name, type, write } of shape.fields) {
    write(out, type === 'filter' ? filter : values[name], numberOf, options.machine);
  }
  out.setU32(start, out.length() - start);
}

type FieldWriter = (
  out: Writer,
  value: unknown,
  numberOf: (slot: Slot) => number,
  machine: EncodeOptions['machine'],
) => void;

const writeSlot: FieldWriter = (out, value, numberOf) => out.u32(numberOf(expectText(value)));
const writeOptionalSlot: FieldWriter = (out, value, numberOf) =>
  out.u32(value === undefined ? NO_SLOT : numberOf(expectText(value)));

const FIELDS: { readonly [K in FieldType]: FieldWriter } = {
  u32: (out, value) => out.u32(expectNumber(value)),
  i32: (out, value) => out.i32(expectNumber(value)),
  u64: (out, value) => out.u64(expectBigint(value)),
  str: (out, value) => out.text(expectText(value)),
  'str?': (out, value) => (value === undefined ? out.u32(0) : out.text(expectText(value))),
  strs: (out, value) => list(out, value, (item) => out.text(expectText(item))),
  bytes: (out, value) => out.block(expectBytes(value)),
  filter: (out, value) => out.block(expectBytes(value)),
  u32s: (out, value) => list(out, value, (item) => out.u32(expectNumber(item))),
  slot: writeSlot,
  'slot?': writeOptionalSlot,
  slot_out: writeSlot,
  'slot_out?': writeOptionalSlot,
};

/** open(2)'s flags as the machine's kernel has them. */
const writeOpenFlags: FieldWriter = (out, value, _, machine) =>
  out.u32(nativeOpenFlags(machine, expectNumber(value)));

interface WrittenField {
  readonly name: string;
  readonly type: FieldType;
  readonly write: FieldWriter;
}

/** OPS with the way each field is written. */
const SHAPES = new Map(
  Object.entries(OPS).map(([call, { opcode, actors, fields }]) => [
    call,
    {
      opcode,
      actors,
      fields: fields.map(
        ({ name, type, constants }): WrittenField => ({
          name,
          type,
          write: constants === 'O_' ? writeOpenFlags : FIELDS[type],
        }),
      ),
    },
  ]),
);

/** `| u32 count | items |` */
function list(out: Writer, value: unknown, write: (item: unknown) => void): void {
  if (!Array.isArray(value)) throw new RangeError('a list is missing');
  out.u32(value.length);
  for (const item of value) write(item);
}

function expectNumber(value: unknown): number {
  if (typeof value !== 'number') throw new RangeError(`${typeof value} where a number belongs`);
  return value;
}

function expectBigint(value: unknown): bigint {
  if (typeof value !== 'bigint') throw new RangeError(`${typeof value} where a bigint belongs`);
  return value;
}

function expectText(value: unknown): string {
  if (typeof value !== 'string') throw new RangeError(`${typeof value} where a string belongs`);
  return value;
}

function expectBytes(value: unknown): Uint8Array {
  if (!(value instanceof Uint8Array)) throw new RangeError(`${typeof value} where bytes belong`);
  return value;
}
