/**
 * A plan to the bytes the executor reads. The layout is drawn in native/README.md; the operations and
 * their fields come from schemas/ops.json, whose hash is the version both sides must share.
 */
import { LAYOUTS } from '../generated/layouts.ts';
import { WIRE_VERSION } from '../generated/ops.ts';
import { ERRNOS } from '../linux/constants/errno.ts';
import { nativeOpenFlags } from '../linux/constants/file.ts';
import type { SeccompFilter } from '../linux/constants/seccomp.ts';
import type { Plan, Slot } from '../plan/step.ts';

const MAGIC = 0x4e52_5354; // "TSRN"
const ACTORS = { outer: 1, init: 2 } as const;
const HEADER_BYTES = 24;
const INHERITED_BYTES = 8;

export interface EncodeOptions {
  readonly machine: 'x86_64' | 'aarch64';
  /** The engine's. */
  readonly encodeSteps: (
    steps: Plan['steps'],
    wire: ReturnType<typeof wireFor>,
  ) => { readonly bytes: Uint8Array; readonly count: number; readonly slots: readonly Slot[] };
  /** The rules of a filter to an array of struct sock_filter. */
  readonly compileFilter: (filter: SeccompFilter) => Uint8Array;
  /** What the runtime put into slots before the executor is started: descriptors it inherits, pids. */
  readonly filled: ReadonlyMap<Slot, number>;
}

/** What Engine.encodeSteps is to know. */
const wireFor = (machine: EncodeOptions['machine'], filter: EncodeOptions['compileFilter']) => ({
  actors: ACTORS,
  layouts: LAYOUTS,
  errnos: ERRNOS,
  openFlags: (flags: number) => nativeOpenFlags(machine, flags),
  filter,
});

export interface EncodedPlan {
  readonly bytes: Uint8Array;
  /** The slots of `filled` that steps of the executor use. */
  readonly inherited: readonly Slot[];
}

/** Encodes the steps of the executor; RangeError as Engine.encodeSteps. */
export function encodePlan(plan: Plan, options: EncodeOptions): EncodedPlan {
  const { machine, compileFilter, encodeSteps, filled } = options;
  const steps = encodeSteps(plan.steps, wireFor(machine, compileFilter));
  const inherited = steps.slots.flatMap((slot, number) => {
    const value = filled.get(slot);
    return value === undefined ? [] : [{ slot, number, value }];
  });
  const begin = HEADER_BYTES + INHERITED_BYTES * inherited.length;
  const bytes = new Uint8Array(begin + steps.bytes.length);
  const view = new DataView(bytes.buffer);
  const header = [
    ...[MAGIC, WIRE_VERSION, bytes.length, steps.count, steps.slots.length, inherited.length],
    ...inherited.flatMap(({ number, value }) => [number, value >>> 0]),
  ];
  for (const [index, word] of header.entries()) view.setUint32(4 * index, word, true);
  bytes.set(steps.bytes, begin);
  return { bytes, inherited: inherited.map(({ slot }) => slot) };
}
