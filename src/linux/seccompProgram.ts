/**
 * A compiled seccomp filter as data: what it decides of a call, and the same filter asking an agent where it
 * would deny. Classic BPF as libseccomp and seccompFilter.ts write it; seccomp(2), linux/filter.h.
 */
import {
  LISTENER_MARKER,
  SECCOMP_RET_ERRNO,
  SECCOMP_RET_KILL_PROCESS,
  SECCOMP_RET_KILL_THREAD,
  SECCOMP_RET_LOG,
  SECCOMP_RET_TRAP,
  SECCOMP_RET_USER_NOTIF,
} from './constants/seccomp.ts';
import { concatenate, LITTLE_ENDIAN, viewOf } from './memory.ts';

const INSTRUCTION_BYTES = 8;
/** struct seccomp_data: | i32 number | u32 architecture | u64 instruction pointer | six u64 arguments | */
const NUMBER_AT = 0;
const FIRST_ARGUMENT_AT = 16;

const LOAD = 0x20;
const AND = 0x54;
const JUMP = 0x05;
const JUMP_EQUAL = 0x15;
const JUMP_GREATER = 0x25;
const JUMP_GREATER_EQUAL = 0x35;
const JUMP_SET = 0x45;
const RETURN = 0x06;

/** The action is what is above. */
const DATA_MASK = 0xffff;

/** `SECCOMP_RET_…` without errno or message. */
export const actionOf = (decision: number): number => (decision & ~DATA_MASK) >>> 0;

/** Errno or message of a decision. */
export const dataOf = (decision: number): number => decision & DATA_MASK;

/** What the kernel would return for the 64 bytes of a struct seccomp_data; RangeError for another program. */
export function decide(program: Uint8Array, data: DataView): number {
  const code = viewOf(program);
  let a = 0;
  for (let at = 0; at < program.length; at += INSTRUCTION_BYTES) {
    const operation = code.getUint16(at, LITTLE_ENDIAN);
    const k = code.getUint32(at + 4, LITTLE_ENDIAN);
    const jump = (taken: boolean) => INSTRUCTION_BYTES * code.getUint8(at + (taken ? 2 : 3));
    if (operation === LOAD) a = data.getUint32(k, LITTLE_ENDIAN);
    else if (operation === AND) a = (a & k) >>> 0;
    else if (operation === JUMP) at += INSTRUCTION_BYTES * k;
    else if (operation === JUMP_EQUAL) at += jump(a === k);
    else if (operation === JUMP_GREATER) at += jump(a > k);
    else if (operation === JUMP_GREATER_EQUAL) at += jump(a >= k);
    else if (operation === JUMP_SET) at += jump((a & k) !== 0);
    else if (operation === RETURN) return k;
    else throw new RangeError(`0x${operation.toString(16)} is no instruction of libseccomp's`);
  }
  throw new RangeError('the program has no end');
}

/** TRACE stays: it is the tracer's, and no denial where there is one. */
const NOTIFIED: readonly number[] = [
  SECCOMP_RET_KILL_PROCESS,
  SECCOMP_RET_KILL_THREAD,
  SECCOMP_RET_TRAP,
  SECCOMP_RET_ERRNO,
  SECCOMP_RET_LOG,
];

/**
 * The filter that has an agent decide: `everything`, or what `program` does not simply allow. In front the one
 * call by which the executor learns that the agent has come (announce_listener).
 */
export function notifyingProgram(
  program: Uint8Array,
  everything: boolean,
  seccompNumber: number,
): Uint8Array {
  if (everything) return assemble([[RETURN, 0, 0, SECCOMP_RET_USER_NOTIF]]);
  const marker = assemble([
    [LOAD, 0, 0, NUMBER_AT],
    [JUMP_EQUAL, 0, 3, seccompNumber],
    [LOAD, 0, 0, FIRST_ARGUMENT_AT],
    [JUMP_EQUAL, 0, 1, LISTENER_MARKER],
    [RETURN, 0, 0, SECCOMP_RET_USER_NOTIF],
  ]);
  const asking = program.slice();
  const code = viewOf(asking);
  for (let at = 0; at < asking.length; at += INSTRUCTION_BYTES) {
    if (code.getUint16(at, LITTLE_ENDIAN) !== RETURN) continue;
    if (!NOTIFIED.includes(actionOf(code.getUint32(at + 4, LITTLE_ENDIAN)))) continue;
    code.setUint32(at + 4, SECCOMP_RET_USER_NOTIF, LITTLE_ENDIAN);
  }
  return concatenate([marker, asking]);
}

/** Whether a call is the executor's, which tells that the filter is in force. */
export const isMarker = (data: DataView, seccompNumber: number): boolean =>
  data.getInt32(NUMBER_AT, LITTLE_ENDIAN) === seccompNumber &&
  data.getUint32(FIRST_ARGUMENT_AT, LITTLE_ENDIAN) === LISTENER_MARKER;

type Instruction = readonly [code: number, ifTrue: number, ifFalse: number, k: number];

function assemble(instructions: readonly Instruction[]): Uint8Array {
  const bytes = new Uint8Array(INSTRUCTION_BYTES * instructions.length);
  const view = viewOf(bytes);
  instructions.forEach(([code, ifTrue, ifFalse, k], i) => {
    view.setUint16(INSTRUCTION_BYTES * i, code, LITTLE_ENDIAN);
    view.setUint8(INSTRUCTION_BYTES * i + 2, ifTrue);
    view.setUint8(INSTRUCTION_BYTES * i + 3, ifFalse);
    view.setUint32(INSTRUCTION_BYTES * i + 4, k, LITTLE_ENDIAN);
  });
  return bytes;
}
