/** Two seccomp filters, compared over every system call's number and every argument they tell apart. */
import { interpret, viewOf } from '../unit/linux/bpf.ts';

const X86_64 = 0xc000_003e;
const X86 = 0x4000_0003;
const AARCH64 = 0xc000_00b7;
const ARM = 0x4000_0028;
const X32_BIT = 0x4000_0000;
/** Tried of each table, x32's as well; beyond are those that a filter mentions. */
export const NUMBERS = 600;

/** Of struct seccomp_data. */
const ARCH = 4;
const FIRST_ARGUMENT = 16;
const END = 64;

export interface Comparison {
  /** At most ten. */
  readonly differences: readonly string[];
  /** Calls, told apart by number, architecture and arguments, that were decided by both. */
  readonly calls: number;
}

export function compareFilters(one: Uint8Array, other: Uint8Array): Comparison {
  const programs = [one, other].map(viewOf);
  const differences: string[] = [];
  let calls = 0;
  for (const arch of [X86_64, X86, AARCH64, ARM]) {
    for (const nr of numbers(programs)) {
      const data = new DataView(new ArrayBuffer(END));
      data.setUint32(0, nr, true);
      data.setUint32(ARCH, arch, true);
      calls += explore(programs, data, (a, b) => {
        const words = Array.from({ length: END / 4 }, (_, i) => data.getUint32(4 * i, true));
        const hex = [...words, a, b].map((word) => word.toString(16)).join(' ');
        if (differences.length < 10) differences.push(hex);
      });
    }
  }
  return { calls, differences };
}

function numbers(programs: readonly DataView[]): ReadonlySet<number> {
  const low = Array.from({ length: NUMBERS }, (_, nr) => nr);
  const told = programs.flatMap((program) => {
    const pcs = Array.from({ length: program.byteLength / 8 }, (_, pc) => pc);
    return pcs
      .filter((pc) => program.getUint16(8 * pc, true) === 0x20)
      .filter((pc) => program.getUint32(8 * pc + 4, true) === 0)
      .flatMap((pc) => toldApart(program, pc));
  });
  return new Set([...low, ...low.map((nr) => X32_BIT + nr), 0xffff_ffff, ...told]);
}

/**
 * Tries a call with every combination of argument words that the programs tell apart: the words they load
 * on the way, and for each the values that take another way there. Returns how many it tried.
 */
function explore(
  programs: readonly DataView[],
  data: DataView,
  differ: (one: number, other: number) => void,
): number {
  const values = new Map<number, Set<number>>();
  const sites = new Set<string>();
  let [tried, isComplete] = [0, false];
  const visit = (fixed: ReadonlySet<number>): void => {
    const loaded = new Set<number>();
    const [a, b] = programs.map((program, which) =>
      interpret(program, data, (pc, offset) => {
        if (offset < FIRST_ARGUMENT) return;
        loaded.add(offset);
        if (sites.has(`${which} ${pc}`)) return;
        sites.add(`${which} ${pc}`);
        isComplete = false;
        const known = values.get(offset) ?? new Set([0, 0xffff_ffff]);
        values.set(offset, new Set([...known, ...toldApart(program, pc)]));
      }),
    );
    const open = [...loaded].find((offset) => !fixed.has(offset));
    if (open === undefined) {
      tried += 1;
      if (a !== b) differ(a ?? 0, b ?? 0);
      return;
    }
    for (const value of values.get(open) ?? []) {
      data.setUint32(open, value, true);
      visit(new Set([...fixed, open]));
    }
    data.setUint32(open, 0, true);
  };
  // Another way may lead to a comparison not seen before, and so to values not tried before.
  while (!isComplete) {
    [tried, isComplete] = [0, true];
    visit(new Set());
  }
  return tried;
}

const cache = new WeakMap<DataView, Map<number, readonly number[]>>();

/** Values of the word loaded at pc that go different ways before the next load. */
function toldApart(program: DataView, pc: number): readonly number[] {
  const known = cache.get(program) ?? new Map<number, readonly number[]>();
  cache.set(program, known);
  const found = known.get(pc) ?? [...new Set(boundaries(program, pc + 1, 0xffff_ffff))];
  known.set(pc, found);
  return found;
}

function boundaries(program: DataView, from: number, mask: number): readonly number[] {
  const found: number[] = [];
  const seen = new Set<number>();
  const walk = (pc: number, masked: number): void => {
    if (seen.has(pc)) return;
    seen.add(pc);
    const [op, k] = [program.getUint16(8 * pc, true), program.getUint32(8 * pc + 4, true)];
    if (op === 0x54) walk(pc + 1, k);
    else if (op === 0x05) walk(pc + 1 + k, masked);
    else if ((op & 7) === 5) {
      // What is compared, its neighbours, bits that a mask takes away, and one that it leaves.
      found.push(k, k - 1, k + 1, k | ~masked, k ^ (masked & -masked));
      walk(pc + 1 + program.getUint8(8 * pc + 2), masked);
      walk(pc + 1 + program.getUint8(8 * pc + 3), masked);
    }
  };
  walk(from, mask);
  return found.map((value) => value >>> 0);
}
