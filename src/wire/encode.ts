/**
 * A plan to the bytes the executor reads. The layout is drawn in native/README.md; the operations and
 * their fields come from schemas/ops.json, whose hash is the version both sides must share.
 */
import { encodeFields, type FieldWriters } from '../generated/encoders.ts';
import { OPS, WIRE_VERSION } from '../generated/ops.ts';
import { errnoNumber } from '../linux/constants/errno.ts';
import { nativeOpenFlags } from '../linux/constants/file.ts';
import type { SeccompFilter } from '../linux/constants/seccomp.ts';
import type { Plan, Slot, Step } from '../plan/step.ts';
import { type EncodeInto, newWriter, type Writer } from './writer.ts';

const MAGIC = 0x4e52_5354; // "TSRN"
const ACTOR = { outer: 1, init: 2 } as const;
const FLAG_YIELD = 1;
const FLAG_WARN = 2;
const NO_SLOT = 0xffff_ffff;

export interface EncodeOptions {
  readonly machine: 'x86_64' | 'aarch64';
  readonly encodeInto: EncodeInto;
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
  const steps = newWriter(options.encodeInto);
  const slots = new Map<Slot, number>();
  const numberOf = (slot: Slot): number => {
    const known = slots.get(slot);
    if (known !== undefined) return known;
    slots.set(slot, slots.size);
    return slots.size - 1;
  };
  const fields = fieldWriters(steps, numberOf, options);

  let count = 0;
  let runtimeStepsBefore = false;
  plan.steps.forEach((step, index) => {
    if (step.actor === 'runtime') {
      runtimeStepsBefore = true;
      return;
    }
    // What the runtime does before the executor's first step is done before the executor is started.
    const yields = runtimeStepsBefore && count > 0;
    encodeStep(steps, fields, step, index, yields);
    runtimeStepsBefore = false;
    count += 1;
  });

  const inherited = [...slots.keys()].filter((slot) => options.filled.has(slot));
  const out = newWriter(options.encodeInto);
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
  fields: FieldWriters,
  { op, actor, ignore, warn }: Step,
  index: number,
  yields: boolean,
): void {
  const { opcode, actors } = OPS[op.call];
  if (actor === 'runtime' || !actors.includes(actor)) {
    throw new RangeError(`${op.call} is no operation of ${actor}`);
  }
  const start = out.length();
  out.u32(0);
  out.u16(opcode);
  out.u8(ACTOR[actor]);
  out.u8((yields ? FLAG_YIELD : 0) | (warn === true ? FLAG_WARN : 0));
  out.u32(index);
  out.u32(ignore?.length ?? 0);
  if (ignore !== undefined) for (const name of ignore) out.i32(errnoNumber(name));
  encodeFields(fields, op);
  out.setU32(start, out.length() - start);
}

/** How each type of schemas/ops.json is written. */
function fieldWriters(
  out: Writer,
  numberOf: (slot: Slot) => number,
  { machine, compileFilter }: EncodeOptions,
): FieldWriters {
  const { u32, i32, u64, text, block } = out;
  /** `| u32 count | items |` */
  const list = <T>(items: readonly T[], write: (item: T) => void): void => {
    u32(items.length);
    for (const item of items) write(item);
  };
  return {
    u32,
    i32,
    u64,
    str: text,
    optionalStr: (value) => (value === undefined ? u32(0) : text(value)),
    strs: (value) => list(value, text),
    bytes: block,
    filter: (value) => block(compileFilter(value)),
    u32s: (value) => list(value, u32),
    slot: (value) => u32(numberOf(value)),
    optionalSlot: (value) => u32(value === undefined ? NO_SLOT : numberOf(value)),
    openFlags: (value) => u32(nativeOpenFlags(machine, value)),
  };
}
