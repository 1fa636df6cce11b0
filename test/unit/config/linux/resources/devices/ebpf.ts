/** An interpreter of those eBPF instructions a device program is made of: what the kernel would decide. */

/** struct bpf_cgroup_dev_ctx, taken apart. */
export interface DeviceRequest {
  /** 1: block, 2: character. */
  readonly type: number;
  /** 1: mknod, 2: read, 4: write. */
  readonly access: number;
  readonly major: number;
  readonly minor: number;
}

const MOST_STEPS = 100_000;

/** What a program returns; throws for what the verifier refuses. */
export function runProgram(program: Uint8Array, request: DeviceRequest): bigint {
  const code = new DataView(program.buffer, program.byteOffset, program.byteLength);
  const { type, access, major, minor } = request;
  const context = [(access << 16) | type, major, minor].map(BigInt);
  const registers: (bigint | 'context' | undefined)[] = [];
  registers[1] = 'context';
  const value = (register: number): bigint => {
    const held = registers[register];
    if (typeof held !== 'bigint') throw new Error(`r${register} holds no number`);
    return held;
  };
  let pc = 0;
  for (let steps = 0; steps < MOST_STEPS; steps += 1) {
    const opcode = code.getUint8(8 * pc);
    const destination = code.getUint8(8 * pc + 1) & 0xf;
    const source = code.getUint8(8 * pc + 1) >> 4;
    const offset = code.getInt16(8 * pc + 2, true);
    const immediate = BigInt.asUintN(64, BigInt(code.getInt32(8 * pc + 4, true)));
    pc += 1;
    if (opcode === 0x61) {
      if (registers[source] !== 'context') throw new Error(`r${source} is no pointer`);
      registers[destination] = context[offset / 4];
    } else if (opcode === 0xb7) registers[destination] = immediate;
    else if (opcode === 0xbf) registers[destination] = value(source);
    else if (opcode === 0x57) registers[destination] = value(destination) & immediate;
    else if (opcode === 0x4f) registers[destination] = value(destination) | value(source);
    else if (opcode === 0x67)
      registers[destination] = BigInt.asUintN(64, value(destination) << immediate);
    else if (opcode === 0x77) registers[destination] = value(destination) >> immediate;
    else if (opcode === 0x15) pc += value(destination) === immediate ? offset : 0;
    else if (opcode === 0x55) pc += value(destination) !== immediate ? offset : 0;
    else if (opcode === 0x56)
      pc += BigInt.asUintN(32, value(destination) ^ immediate) !== 0n ? offset : 0;
    else if (opcode === 0x95) return value(0);
    else throw new Error(`instruction ${pc - 1}: unknown opcode 0x${opcode.toString(16)}`);
  }
  throw new Error('the program does not end');
}

/** JEQ, JNE, and JNE of 32 bits, with an immediate. */
const JUMPS: ReadonlySet<number> = new Set([0x15, 0x55, 0x56]);

/** The instructions no path reaches: the verifier refuses a program that has one. */
export function unreachable(program: Uint8Array): readonly number[] {
  const code = new DataView(program.buffer, program.byteOffset, program.byteLength);
  const reached = new Set<number>();
  const waiting = [0];
  for (let pc = waiting.pop(); pc !== undefined; pc = waiting.pop()) {
    if (reached.has(pc)) continue;
    if (pc >= program.length / 8) throw new Error('the program runs past its end');
    reached.add(pc);
    const opcode = code.getUint8(8 * pc);
    if (opcode === 0x95) continue;
    if (JUMPS.has(opcode)) waiting.push(pc + 1 + code.getInt16(8 * pc + 2, true));
    waiting.push(pc + 1);
  }
  return Array.from({ length: program.length / 8 }, (_, pc) => pc).filter((pc) => !reached.has(pc));
}
