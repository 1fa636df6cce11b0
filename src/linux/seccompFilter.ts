/**
 * The rules of a filter to the classic BPF program the kernel runs: libseccomp compiles them, and in
 * front stands a check of our own for system calls newer than the profile. seccomp(2).
 */
import { SECCOMP_RET_ERRNO, type SeccompFilter } from './constants/seccomp.ts';
import { Filter, nativeArchitecture, resolveArchitecture, syscallNumber } from './libseccomp.ts';
import { concatenate, LITTLE_ENDIAN, viewOf } from './memory.ts';

const ENOSYS = 38;

/**
 * Counts changes of what `compileFilter` makes of the same rules: a filter that was kept by an earlier tsrun
 * is none of this one's.
 */
export const COMPILER = 2;

/** An array of struct sock_filter. SystemError when libseccomp refuses the rules. */
export function compileFilter(source: SeccompFilter): Uint8Array {
  const tokens = new Set([nativeArchitecture(), ...source.architectures.map(resolveArchitecture)]);
  const filter = new Filter(source.action);
  try {
    for (const token of tokens) filter.addArchitecture(token);
    for (const { names, action, conditions } of source.rules)
      for (const name of names) filter.addRule(action, name, conditions);
    return concatenate([newerThanProfile(source.known, [...tokens]), filter.compile()]);
  } finally {
    filter.release();
  }
}

// Classic BPF, linux/filter.h: instructions over struct seccomp_data.
const BPF_LD_W_ABS = 0x20;
const BPF_JMP_JEQ_K = 0x15;
const BPF_JMP_JGE_K = 0x35;
const BPF_JMP_JGT_K = 0x25;
const BPF_JMP_JA = 0x05;
const BPF_RET_K = 0x06;
const OFFSET_NR = 0;
const OFFSET_ARCH = 4;

/** x32 has x86-64's AUDIT_ARCH, and this bit in its numbers. */
const X32_BIT = 0x4000_0000;
const X32_TOKEN = 0x4000_003e;
const X86_64_TOKEN = 0xc000_003e;

type Instruction = readonly [code: number, ifTrue: number, ifFalse: number, k: number];

/**
 * A program in front of libseccomp's: system calls above the highest known number did not exist when the
 * profile was written, and fail with ENOSYS, so that a C library falls back to older ones instead of
 * taking EPERM for the answer.
 */
function newerThanProfile(known: readonly string[], architectures: readonly number[]): Uint8Array {
  const blocks = architectures.flatMap((token) => {
    const numbers = known.flatMap((name) => syscallNumber(token, name) ?? []);
    if (numbers.length === 0) return [];
    const highest = numbers.reduce((a, b) => Math.max(a, b));
    return [blockFor(token, highest)];
  });
  return assemble(blocks);
}

/** One architecture's check: every way out is `end`, or ENOSYS. */
interface Block {
  readonly token: number;
  /** Numbers the check is about: x32's and x86-64's share an architecture. */
  readonly range: 'all' | 'x32' | 'not x32';
  readonly highest: number;
}

/** Where x32 is not asked for, its calls are another architecture's: what libseccomp does with those. */
function blockFor(token: number, highest: number): Block {
  if (token === X32_TOKEN) return { token: X86_64_TOKEN, range: 'x32', highest };
  return { token, range: token === X86_64_TOKEN ? 'not x32' : 'all', highest };
}

/** Length of a block, and so the way from its start to the next. */
const BLOCK = 6;

/**
 * Each block: is it this architecture and this range of numbers? Then ENOSYS above the highest, else on
 * to libseccomp's program, which loads what it needs again.
 */
function assemble(blocks: readonly Block[]): Uint8Array {
  const instructions = blocks.flatMap(({ token, range, highest }): readonly Instruction[] => [
    [BPF_LD_W_ABS, 0, 0, OFFSET_ARCH],
    [BPF_JMP_JEQ_K, 0, BLOCK - 2, token],
    [BPF_LD_W_ABS, 0, 0, OFFSET_NR],
    inRange(range),
    [BPF_JMP_JGT_K, 0, 1, highest],
    [BPF_RET_K, 0, 0, SECCOMP_RET_ERRNO | ENOSYS],
  ]);
  const bytes = new Uint8Array(8 * instructions.length);
  const view = viewOf(bytes);
  instructions.forEach(([code, ifTrue, ifFalse, k], i) => {
    view.setUint16(8 * i, code, LITTLE_ENDIAN);
    view.setUint8(8 * i + 2, ifTrue);
    view.setUint8(8 * i + 3, ifFalse);
    view.setUint32(8 * i + 4, k, LITTLE_ENDIAN);
  });
  return bytes;
}

/** Passes numbers of the range on to the next instruction, others beyond the block. */
function inRange(range: Block['range']): Instruction {
  if (range === 'all') return [BPF_JMP_JA, 0, 0, 0];
  return range === 'x32' ? [BPF_JMP_JGE_K, 0, 2, X32_BIT] : [BPF_JMP_JGE_K, 2, 0, X32_BIT];
}
