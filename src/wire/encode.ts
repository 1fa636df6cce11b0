/**
 * A plan to the bytes the executor reads. The layout is drawn in native/README.md; the operations and
 * their fields come from schemas/ops.json, whose hash is the version both sides must share.
 */
import { encodeFields, type FieldValues, type Packed } from '../generated/encoders.ts';
import { OPS, WIRE_VERSION } from '../generated/ops.ts';
import { errnoNumber } from '../linux/constants/errno.ts';
import { nativeOpenFlags } from '../linux/constants/file.ts';
import type { SeccompFilter } from '../linux/constants/seccomp.ts';
import type { Plan, Slot, Step } from '../plan/step.ts';

const MAGIC = 0x4e52_5354; // "TSRN"
const ACTOR = { outer: 1, init: 2 } as const;
const FLAG_YIELD = 1;
const FLAG_WARN = 2;
const NO_SLOT = 0xffff_ffff;
/** Where the header holds the bytes in all. */
const BYTES_AT = 8;

export interface EncodeOptions {
  readonly machine: 'x86_64' | 'aarch64';
  /** The engine's. */
  readonly pack: (values: readonly Packed[]) => Uint8Array;
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
  const slots = new Map<Slot, number>();
  const values = fieldValues(slots, options);
  const steps: Packed[] = [];
  let runtimeStepsBefore = false;
  for (let index = 0; index < plan.steps.length; index += 1) {
    const step = plan.steps[index];
    if (step === undefined) continue;
    if (step.actor === 'runtime') {
      runtimeStepsBefore = true;
      continue;
    }
    // What the runtime does before the executor's first step is done before the executor is started.
    const yields = runtimeStepsBefore && steps.length > 0;
    steps.push(encodeStep(step, index, yields, values));
    runtimeStepsBefore = false;
  }

  const inherited = [...slots.keys()].filter((slot) => options.filled.has(slot));
  const descriptors = inherited.flatMap((slot) => [
    values.slot(slot),
    values.i32(options.filled.get(slot) ?? -1),
  ]);
  const header = [MAGIC, WIRE_VERSION, 0, steps.length, slots.size, inherited.length];
  const bytes = options.pack([...header, ...descriptors, ...steps]);
  new DataView(bytes.buffer, bytes.byteOffset).setUint32(BYTES_AT, bytes.length, true);
  return { bytes, inherited };
}

/** The number of each operation of an actor, and the actor's: looked up once a step. */
const headsOf = (actor: keyof typeof ACTOR): ReadonlyMap<string, number> =>
  new Map(
    Object.entries(OPS).flatMap(([call, { opcode, actors }]) =>
      actors.includes(actor) ? [[call, opcode | (ACTOR[actor] << 16)] as const] : [],
    ),
  );

const HEADS: Readonly<Record<Step['actor'], ReadonlyMap<string, number>>> = {
  outer: headsOf('outer'),
  init: headsOf('init'),
  runtime: new Map(),
};

/** `| opcode | actor | flags |` are u16, u8 and u8: one number, the first of them lowest. */
function encodeStep(
  { op, actor, ignore, warn }: Step,
  index: number,
  yields: boolean,
  values: FieldValues,
): Packed[] {
  const head = HEADS[actor].get(op.call);
  if (head === undefined) throw new RangeError(`${op.call} is no operation of ${actor}`);
  const flags = (yields ? FLAG_YIELD : 0) | (warn === true ? FLAG_WARN : 0);
  const out: Packed[] = [head | (flags << 24), index, ignore === undefined ? 0 : ignore.length];
  if (ignore !== undefined) for (const name of ignore) out.push(errnoNumber(name));
  encodeFields(out, op, values);
  return out;
}

function fieldValues(
  slots: Map<Slot, number>,
  { machine, compileFilter }: EncodeOptions,
): FieldValues {
  const slot = (name: Slot): number => {
    const known = slots.get(name);
    if (known !== undefined) return known;
    slots.set(name, slots.size);
    return slots.size - 1;
  };
  return {
    slot,
    optionalSlot: (name) => (name === undefined ? NO_SLOT : slot(name)),
    i32(value) {
      if ((value | 0) !== value) throw new RangeError(`${value} is no i32`);
      return value >>> 0;
    },
    openFlags: (flags) => nativeOpenFlags(machine, flags),
    filter: compileFilter,
  };
}
