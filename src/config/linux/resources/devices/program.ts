/**
 * Device rules as an eBPF program of type BPF_PROG_TYPE_CGROUP_DEVICE, which the kernel runs for each
 * open and mknod of a device in a v2 cgroup (cgroup-v2.rst "Device controller", bpf.h
 * bpf_cgroup_dev_ctx, Documentation/bpf/standardization/instruction-set.rst).
 */
import { ANY, type DeviceRule, EVERY_ACCESS } from '../devices.ts';

/** | u8 opcode | u4 destination, u4 source | i16 offset | i32 immediate |, little-endian. */
export const INSTRUCTION_BYTES = 8;

/** BPF_DEVCG_DEV_BLOCK and BPF_DEVCG_DEV_CHAR. */
const TYPES = { b: 1, c: 2 } as const;

// What the registers hold throughout.
const RESULT = 0;
const CONTEXT = 1;
/** The access asked for of which no rule has said yet whether it is allowed. */
const UNDECIDED = 2;
const TYPE = 3;
const MAJOR = 4;
const MINOR = 5;
/** Both numbers in one, as `deviceNumber` puts them together. */
const NUMBER = 6;
/** What a rule that denies looks at. */
const DENIED = 7;

interface Instruction {
  readonly opcode: number;
  readonly destination: number;
  readonly source?: number;
  /** Of a jump: how many instructions to leave out; `end`, all that are left of the rule or the group. */
  readonly offset?: number | 'end';
  readonly immediate?: number;
}

/** *(u32 *)(source + offset). */
const load = (destination: number, offset: number): Instruction => ({
  opcode: 0x61,
  destination,
  source: CONTEXT,
  offset,
});
const move = (destination: number, immediate: number): Instruction => ({
  opcode: 0xb7,
  destination,
  immediate,
});
const copy = (destination: number, source: number): Instruction => ({
  opcode: 0xbf,
  destination,
  source,
});
const and = (destination: number, immediate: number): Instruction => ({
  opcode: 0x57,
  destination,
  immediate,
});
const shiftRight = (destination: number, immediate: number): Instruction => ({
  opcode: 0x77,
  destination,
  immediate,
});
const shiftLeft = (destination: number, immediate: number): Instruction => ({
  opcode: 0x67,
  destination,
  immediate,
});
const or = (destination: number, source: number): Instruction => ({
  opcode: 0x4f,
  destination,
  source,
});
const leaveIf = (destination: number, immediate: number): Instruction => ({
  opcode: 0x15,
  destination,
  immediate,
  offset: 'end',
});
const leaveUnless = (destination: number, immediate: number): Instruction => ({
  opcode: 0x55,
  destination,
  immediate,
  offset: 'end',
});
/** Of the lower 32 bits (Linux 5.1): an immediate of 64 would be extended by its sign. */
const leaveUnless32 = (destination: number, immediate: number): Instruction => ({
  opcode: 0x56,
  destination,
  immediate,
  offset: 'end',
});
const EXIT: Instruction = { opcode: 0x95, destination: RESULT };
const answer = (allow: boolean): readonly Instruction[] =>
  allow ? [EXIT] : [move(RESULT, 0), EXIT];

/** Linux numbers devices with 12 and 20 bits (linux/kdev_t.h): a rule for larger ones is for none. */
const MINOR_BITS = 20;
const LAST_MAJOR = 0xfff;
const LAST_MINOR = 0xfffff;

const deviceNumber = (major: number, minor: number): number => (major << MINOR_BITS) | minor;

/** struct bpf_cgroup_dev_ctx: | u32 access << 16 and type | u32 major | u32 minor |. */
const PROLOGUE: readonly Instruction[] = [
  load(UNDECIDED, 0),
  copy(TYPE, UNDECIDED),
  and(TYPE, 0xffff),
  shiftRight(UNDECIDED, 16),
  load(MAJOR, 4),
  load(MINOR, 8),
  copy(NUMBER, MAJOR),
  shiftLeft(NUMBER, MINOR_BITS),
  or(NUMBER, MINOR),
  move(RESULT, 1),
];

/** A jump leads 32767 instructions far, and a rule takes no more than six. */
const GROUP_RULES = 5000;

/**
 * The program of rules whose first is for everything, as `deviceRules` makes them. It goes through them
 * from the last to the first: each that matches decides the access it names, and what all of the access
 * asked for is allowed is; what one denies is denied.
 *
 * The kernel follows both ways of every branch each time it loads a program, which takes longer than all
 * else about it. So a type is asked for once for all the rules about it that stand together, and a device
 * by one number.
 */
export function deviceProgram(rules: readonly DeviceRule[]): Uint8Array {
  const counting = rules
    .toReversed()
    .filter(({ major, minor }) => major <= LAST_MAJOR && minor <= LAST_MINOR);
  return assemble([...PROLOGUE, ...groupsOf(counting).flatMap(instructionsOfGroup)]);
}

/** Rules of one type that stand together. */
function groupsOf(rules: readonly DeviceRule[]): readonly (readonly DeviceRule[])[] {
  const groups: DeviceRule[][] = [];
  for (const rule of rules) {
    const group = groups.at(-1);
    if (group?.[0]?.type === rule.type && group.length < GROUP_RULES) group.push(rule);
    else groups.push([rule]);
  }
  return groups;
}

function instructionsOfGroup(group: readonly DeviceRule[]): readonly Instruction[] {
  const type = group[0]?.type ?? 'a';
  const guard = type === 'a' ? [] : [leaveUnless(TYPE, TYPES[type])];
  return resolve([...guard, ...group.flatMap((rule) => resolve(instructionsOf(rule)))]);
}

function instructionsOf({ allow, major, minor, access }: DeviceRule): readonly Instruction[] {
  const guards = guardsOf(major, minor);
  if (access === EVERY_ACCESS) return [...guards, ...answer(allow)];
  const decide = allow
    ? [and(UNDECIDED, ~access), leaveUnless(UNDECIDED, 0)]
    : [copy(DENIED, UNDECIDED), and(DENIED, access), leaveIf(DENIED, 0)];
  return [...guards, ...decide, ...answer(allow)];
}

function guardsOf(major: number, minor: number): readonly Instruction[] {
  if (major !== ANY && minor !== ANY) return [leaveUnless32(NUMBER, deviceNumber(major, minor))];
  if (major !== ANY) return [leaveUnless(MAJOR, major)];
  return minor === ANY ? [] : [leaveUnless(MINOR, minor)];
}

/** Jumps to the end of these instructions as the numbers they are. */
const resolve = (block: readonly Instruction[]): readonly Instruction[] =>
  block.map((instruction, i) =>
    instruction.offset === 'end' ? { ...instruction, offset: block.length - i - 1 } : instruction,
  );

function assemble(instructions: readonly Instruction[]): Uint8Array {
  const bytes = new Uint8Array(INSTRUCTION_BYTES * instructions.length);
  const view = new DataView(bytes.buffer);
  instructions.forEach(({ opcode, destination, source = 0, offset = 0, immediate = 0 }, i) => {
    const at = INSTRUCTION_BYTES * i;
    if (offset === 'end') throw new RangeError('a jump that leads nowhere');
    view.setUint8(at, opcode);
    view.setUint8(at + 1, (source << 4) | destination);
    view.setInt16(at + 2, offset, true);
    view.setInt32(at + 4, immediate, true);
  });
  return bytes;
}
