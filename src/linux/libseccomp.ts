/**
 * libseccomp, as far as compiling a filter takes: seccomp_init(3), seccomp_arch_add(3),
 * seccomp_rule_add_array(3), seccomp_export_bpf(3). Loaded when a config has a filter, not before.
 */
import { engine } from '../engine/current.ts';
import type { CFunction } from '../engine/engine.ts';
import { libc, SystemError } from './call.ts';
import type { SeccompCondition } from './constants/seccomp.ts';
import { memoryFile, rewind } from './descriptors.ts';
import { close, readAll } from './files.ts';
import { LITTLE_ENDIAN, viewOf } from './memory.ts';

/** Attributes of seccomp_attr_set(3). */
const SCMP_FLTATR_CTL_NNP = 3;
const SCMP_FLTATR_CTL_OPTIMIZE = 8;

/** Sorts system calls into a binary tree: at most ten comparisons instead of hundreds. */
const BINARY_TREE = 2;

const EEXIST = 17;
const EINVAL = 22;

interface Library {
  readonly version: CFunction;
  readonly init: CFunction;
  readonly release: CFunction;
  readonly attrSet: CFunction;
  readonly archAdd: CFunction;
  readonly archNative: CFunction;
  readonly archResolve: CFunction;
  readonly syscallResolve: CFunction;
  readonly syscallResolveArch: CFunction;
  readonly syscallNameArch: CFunction;
  readonly ruleAdd: CFunction;
  readonly exportBpf: CFunction;
}

let loaded: Library | undefined;

/** Throws what the engine throws when the library is not there. */
function library(): Library {
  if (loaded !== undefined) return loaded;
  const host = engine();
  loaded = {
    version: host.bind('seccomp_version', 'l:', 'libseccomp.so.2'),
    init: host.bind('seccomp_init', 'l:i', 'libseccomp.so.2'),
    release: host.bind('seccomp_release', 'v:p', 'libseccomp.so.2'),
    attrSet: host.bind('seccomp_attr_set', 'i:pii', 'libseccomp.so.2'),
    archAdd: host.bind('seccomp_arch_add', 'i:pi', 'libseccomp.so.2'),
    archNative: host.bind('seccomp_arch_native', 'i:', 'libseccomp.so.2'),
    archResolve: host.bind('seccomp_arch_resolve_name', 'i:s', 'libseccomp.so.2'),
    syscallResolve: host.bind('seccomp_syscall_resolve_name', 'i:s', 'libseccomp.so.2'),
    syscallResolveArch: host.bind('seccomp_syscall_resolve_name_arch', 'i:is', 'libseccomp.so.2'),
    syscallNameArch: host.bind('seccomp_syscall_resolve_num_arch', 'l:ii', 'libseccomp.so.2'),
    ruleAdd: host.bind('seccomp_rule_add_array', 'i:piiip', 'libseccomp.so.2'),
    exportBpf: host.bind('seccomp_export_bpf', 'i:pi', 'libseccomp.so.2'),
  };
  return loaded;
}

/** `2.5.4`: seccomp_version(3) returns a pointer to three unsigned int. */
export function libraryVersion(): string {
  const version = viewOf(engine().peek(library().version(), 12));
  return [0, 4, 8].map((at) => version.getUint32(at, LITTLE_ENDIAN)).join('.');
}

/** The library's functions return -errno. */
function check(call: string, result: number, detail: string): void {
  if (result < 0) throw new SystemError(call, -result, detail);
}

/** The library's token of an architecture, which is the kernel's AUDIT_ARCH_ but for x32's. */
export function resolveArchitecture(name: string): number {
  const token = library().archResolve(name) >>> 0;
  if (token === 0) throw new SystemError('seccomp_arch_resolve_name', EINVAL, name);
  return token;
}

export const nativeArchitecture = (): number => library().archNative() >>> 0;

/** A system call's number on an architecture; undefined for one the library or the architecture lacks. */
export function syscallNumber(architecture: number, name: string): number | undefined {
  const number = library().syscallResolveArch(architecture, name);
  // Below -1 are the library's own numbers for calls the architecture multiplexes (socketcall).
  return number < 0 ? undefined : number;
}

const strlen = libc('strlen', 'l:p');

/**
 * A system call's name on an architecture; undefined for one the library does not know. The library's copy of
 * it is not given back: ask once.
 */
export function syscallName(architecture: number, number: number): string | undefined {
  const address = library().syscallNameArch(architecture, number);
  return address === 0 ? undefined : engine().decodeUtf8(engine().peek(address, strlen(address)));
}

/** A filter being made; `release` it. */
export class Filter {
  readonly #context: number;

  /** `action` is what happens to system calls no rule matches. Knows the native architecture. */
  constructor(action: number) {
    this.#context = library().init(action);
    if (this.#context === 0) throw new SystemError('seccomp_init', EINVAL);
    // no_new_privs is a step of its own.
    library().attrSet(this.#context, SCMP_FLTATR_CTL_NNP, 0);
    // Before 2.5 there is no tree: the filter then decides alike, only later.
    library().attrSet(this.#context, SCMP_FLTATR_CTL_OPTIMIZE, BINARY_TREE);
  }

  addArchitecture(token: number): void {
    const result = library().archAdd(this.#context, token);
    if (result !== -EEXIST) check('seccomp_arch_add', result, `0x${token.toString(16)}`);
  }

  /** A rule whose conditions must all hold. A name the library does not know is left out: false. */
  addRule(action: number, name: string, conditions: readonly SeccompCondition[]): boolean {
    const syscall = library().syscallResolve(name);
    if (syscall === -1) return false;
    // struct scmp_arg_cmp: | u32 index | u32 operator | u64 value | u64 value two |
    const block = new Uint8Array(24 * conditions.length);
    const view = viewOf(block);
    conditions.forEach(({ index, operator, value, valueTwo }, i) => {
      view.setUint32(24 * i, index, LITTLE_ENDIAN);
      view.setUint32(24 * i + 4, operator, LITTLE_ENDIAN);
      view.setBigUint64(24 * i + 8, value, LITTLE_ENDIAN);
      view.setBigUint64(24 * i + 16, valueTwo, LITTLE_ENDIAN);
    });
    const array = conditions.length === 0 ? null : block;
    const result = library().ruleAdd(this.#context, action, syscall, conditions.length, array);
    check('seccomp_rule_add_array', result, name);
    return true;
  }

  /** The compiled filter: an array of struct sock_filter. */
  compile(): Uint8Array {
    const fd = memoryFile('seccomp', new Uint8Array(0));
    try {
      check('seccomp_export_bpf', library().exportBpf(this.#context, fd), '');
      rewind(fd);
      return readAll(fd);
    } finally {
      close(fd);
    }
  }

  release(): void {
    library().release(this.#context);
  }
}
