/** An interpreter of the classic BPF that seccomp filters are: what the kernel would decide. */

/** struct seccomp_data: what a filter sees of a system call. */
export interface SystemCall {
  readonly nr: number;
  readonly arch: number;
  readonly args?: readonly bigint[];
}

/** The action a program (an array of struct sock_filter) returns; throws for what the kernel refuses. */
export const decide = (program: Uint8Array, call: SystemCall): number =>
  interpret(viewOf(program), seccompData(call));

export const viewOf = (bytes: Uint8Array): DataView =>
  new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** The same for the 64 bytes of a struct seccomp_data; `loads` hears what is looked at, and by which instruction. */
export function interpret(
  code: DataView,
  data: DataView,
  loads?: (pc: number, offset: number) => void,
): number {
  let a = 0;
  for (let pc = 0; ; pc++) {
    const op = code.getUint16(8 * pc, true);
    const k = code.getUint32(8 * pc + 4, true);
    const jump = (taken: boolean) => code.getUint8(8 * pc + (taken ? 2 : 3));
    if (op === 0x20) {
      loads?.(pc, k);
      a = data.getUint32(k, true);
    } else if (op === 0x54) a = (a & k) >>> 0;
    else if (op === 0x05) pc += k;
    else if (op === 0x15) pc += jump(a === k);
    else if (op === 0x25) pc += jump(a > k);
    else if (op === 0x35) pc += jump(a >= k);
    else if (op === 0x45) pc += jump((a & k) !== 0);
    else if (op === 0x06) return k;
    else throw new Error(`instruction ${pc}: unknown code 0x${op.toString(16)}`);
  }
}

function seccompData({ nr, arch, args = [] }: SystemCall): DataView {
  const data = new DataView(new ArrayBuffer(64));
  data.setUint32(0, nr, true);
  data.setUint32(4, arch, true);
  for (const [i, value] of args.entries()) data.setBigUint64(16 + 8 * i, value, true);
  return data;
}
