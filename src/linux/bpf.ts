/** bpf(2): programs that decide about devices in a v2 cgroup. It has no wrapper in the C library. */
import { engine } from '../engine/current.ts';
import { failedWith, throwing, unless } from './call.ts';
import { RLIM_INFINITY, RLIMITS } from './constants/process.ts';
import { close, type Fd } from './files.ts';
import { LITTLE_ENDIAN, textUntilNul, viewOf } from './memory.ts';
import { prlimit } from './processes.ts';

const syscall = throwing('syscall', 'l:iipi');

/** An old call, numbered by each architecture on its own. */
const SYS_bpf = { x86_64: 321, aarch64: 280 } as const;

const BPF_PROG_LOAD = 5;
const BPF_PROG_ATTACH = 8;
const BPF_PROG_DETACH = 9;
const BPF_PROG_GET_FD_BY_ID = 13;
const BPF_OBJ_GET_INFO_BY_FD = 15;
const BPF_PROG_QUERY = 16;

const BPF_PROG_TYPE_CGROUP_DEVICE = 15;
const BPF_CGROUP_DEVICE = 6;
const BPF_F_ALLOW_MULTI = 2;
const BPF_F_REPLACE = 4;
/** Including the NUL at its end. */
const BPF_OBJ_NAME_BYTES = 16;
const INSTRUCTION_BYTES = 8;
/** As many as the kernel attaches to one cgroup (BPF_CGROUP_MAX_PROGS). */
const MOST_PROGRAMS = 64;

/** Room for the largest of the structures in union bpf_attr that are used here. */
const ATTRIBUTE_BYTES = 128;

/** A union bpf_attr under construction: `set` writes a u32, `point` the address of a buffer. */
function attribute() {
  const bytes = new Uint8Array(ATTRIBUTE_BYTES);
  const view = viewOf(bytes);
  return {
    bytes,
    get: (offset: number) => view.getUint32(offset, LITTLE_ENDIAN),
    set: (offset: number, value: number) => view.setUint32(offset, value, LITTLE_ENDIAN),
    point: (offset: number, buffer: Uint8Array) =>
      view.setBigUint64(offset, engine().address(buffer), LITTLE_ENDIAN),
  };
}

const bpf = (command: number, detail: string, bytes: Uint8Array): number =>
  syscall(detail, SYS_bpf[engine().machine], command, bytes, bytes.length);

/** Loads a device program under a name of at most 15 characters; its descriptor. */
export function loadDeviceProgram(instructions: Uint8Array, name: string): Fd {
  const licence = engine().encodeUtf8('Apache-2.0\0');
  const label = engine().encodeUtf8(name);
  if (label.length >= BPF_OBJ_NAME_BYTES) throw new RangeError(`${name} is too long for a program`);
  const { bytes, set, point } = attribute();
  set(0, BPF_PROG_TYPE_CGROUP_DEVICE);
  set(4, instructions.length / INSTRUCTION_BYTES);
  point(8, instructions);
  point(16, licence);
  bytes.set(label, 48);
  const load = () => bpf(BPF_PROG_LOAD, 'BPF_PROG_LOAD', bytes);
  try {
    return load();
  } catch (thrown) {
    if (!failedWith(thrown, 'EPERM')) throw thrown;
    // Before Linux 5.11 programs count as locked memory of the user.
    unless(['EPERM'], () => prlimit(0, RLIMITS.RLIMIT_MEMLOCK, RLIM_INFINITY, RLIM_INFINITY));
    return load();
  }
}

/**
 * Attaches a device program to an open cgroup directory, in place of `old` where that is given, beside
 * those of others. EINVAL: the kernel cannot replace (before 5.6).
 */
export function attachDeviceProgram(cgroup: Fd, program: Fd, old?: Fd): void {
  const { bytes, set } = attribute();
  set(0, cgroup);
  set(4, program);
  set(8, BPF_CGROUP_DEVICE);
  set(12, BPF_F_ALLOW_MULTI | (old === undefined ? 0 : BPF_F_REPLACE));
  if (old !== undefined) set(16, old);
  bpf(BPF_PROG_ATTACH, 'BPF_PROG_ATTACH', bytes);
}

export function detachDeviceProgram(cgroup: Fd, program: Fd): void {
  const { bytes, set } = attribute();
  set(0, cgroup);
  set(4, program);
  set(8, BPF_CGROUP_DEVICE);
  bpf(BPF_PROG_DETACH, 'BPF_PROG_DETACH', bytes);
}

/** The device programs attached to an open cgroup directory with this name; the caller's to close. */
export function attachedDevicePrograms(cgroup: Fd, name: string): readonly Fd[] {
  const ids = new Uint8Array(4 * MOST_PROGRAMS);
  const { bytes, set, get, point } = attribute();
  set(0, cgroup);
  set(4, BPF_CGROUP_DEVICE);
  point(16, ids);
  set(24, MOST_PROGRAMS);
  bpf(BPF_PROG_QUERY, 'BPF_PROG_QUERY', bytes);
  const view = viewOf(ids);
  return Array.from({ length: get(24) }, (_, i) => view.getUint32(4 * i, LITTLE_ENDIAN)).flatMap(
    (id) => {
      const program = openProgram(id);
      if (program === undefined) return [];
      if (nameOfProgram(program) === name) return [program];
      close(program);
      return [];
    },
  );
}

/** Undefined when it was detached in the meantime. */
function openProgram(id: number): Fd | undefined {
  const { bytes, set } = attribute();
  set(0, id);
  return unless(['ENOENT'], () => bpf(BPF_PROG_GET_FD_BY_ID, 'BPF_PROG_GET_FD_BY_ID', bytes));
}

/** struct bpf_prog_info: | u32 type | u32 id | u8 tag[8] | u32, u32 lengths | u64, u64 pointers |
 * u64 load time | u32 uid | u32 number of maps | u64 pointer | char name[16] | …. */
function nameOfProgram(program: Fd): string {
  const nameOffset = 64;
  const info = new Uint8Array(nameOffset + BPF_OBJ_NAME_BYTES);
  const { bytes, set, point } = attribute();
  set(0, program);
  set(4, info.length);
  point(8, info);
  bpf(BPF_OBJ_GET_INFO_BY_FD, 'BPF_OBJ_GET_INFO_BY_FD', bytes);
  return textUntilNul(info, nameOffset);
}
