/** What the agent of a watched filter has noted: the report, and the profile that was learnt. */
import { ARCHITECTURES } from '../config/linux/seccomp.ts';
import type { Seccomp, SeccompArchitecture } from '../generated/spec.ts';
import { nativeArchitecture, resolveArchitecture, syscallName } from '../linux/libseccomp.ts';
import { formatJson } from '../spec/formatJson.ts';

export interface Report {
  readonly id: string;
  /** Whether config.json has a linux.seccomp. */
  readonly filter: boolean;
  readonly denied: readonly Row[];
  /** Of SCMP_ACT_LOG: they were made. */
  readonly logged: readonly Row[];
  /** How many calls are in no row, for there were too many processes. */
  readonly omitted: number;
}

/** Calls of one name, process, program and decision. */
export interface Row {
  /** Its number where the name is not known. */
  readonly syscall: string;
  readonly number: number;
  readonly architecture: string;
  readonly action: string;
  /** What the call failed with, of ERRNO and TRACE. */
  readonly errno?: string;
  readonly pid: number;
  readonly pidInside: number;
  readonly comm: string;
  readonly count: number;
}

export const emptyReport = (id: string): Report => ({
  id,
  filter: true,
  denied: [],
  logged: [],
  omitted: 0,
});

/** A row a line, for people and grep(1). */
export function formatReport({ id, filter, denied, logged, omitted }: Report): string {
  const rows = (list: readonly Row[]) =>
    list.length === 0 ? '[]' : `[\n    ${list.map((row) => formatJson(row)).join(',\n    ')}\n  ]`;
  const members = Object.entries({
    id: JSON.stringify(id),
    filter: String(filter),
    denied: rows(denied),
    logged: rows(logged),
    omitted: String(omitted),
  });
  return `{\n${members.map(([name, value]) => `  "${name}": ${value}`).join(',\n')}\n}\n`;
}

/** A system call by its number and the kernel's AUDIT_ARCH_. */
export interface NumberedCall {
  readonly number: number;
  readonly architecture: number;
}

/** x32 has x86-64's AUDIT_ARCH, and this bit in its numbers. */
const X32_BIT = 0x4000_0000;
const X86_64_TOKEN = 0xc000_003e;

/** A name and an architecture as config.json has them; the name is missing where libseccomp has none. */
export interface NamedCall {
  readonly name?: string;
  readonly architecture?: SeccompArchitecture;
}

const names = new Map<string, NamedCall>();

export function nameCall({ number, architecture }: NumberedCall): NamedCall {
  const key = `${architecture}/${number}`;
  const known = names.get(key);
  if (known !== undefined) return known;
  const isX32 = architecture === X86_64_TOKEN && (number & X32_BIT) !== 0;
  const token = isX32 ? resolveArchitecture('x32') : architecture;
  const name = syscallName(token, number);
  const ociName = architectureOf(token);
  const named = {
    ...(name === undefined ? {} : { name }),
    ...(ociName === undefined ? {} : { architecture: ociName }),
  };
  names.set(key, named);
  return named;
}

const isArchitecture = (name: string): name is SeccompArchitecture =>
  Object.hasOwn(ARCHITECTURES, name);

/** Those that this libseccomp does not know cannot be a filter's either. */
function architectureOf(token: number): SeccompArchitecture | undefined {
  return Object.keys(ARCHITECTURES)
    .filter(isArchitecture)
    .find((name) => {
      try {
        return resolveArchitecture(ARCHITECTURES[name]) === token;
      } catch {
        return false;
      }
    });
}

/** A linux.seccomp that allows these calls and no other; and what of them it cannot name. */
export function profileOf(
  calls: readonly NumberedCall[],
  flags: Seccomp['flags'],
): { readonly profile: Seccomp; readonly unnamed: readonly number[] } {
  const named = calls.map((call) => ({ number: call.number, ...nameCall(call) }));
  const own = nameCall({ number: 0, architecture: nativeArchitecture() });
  const architectures = new Set([own, ...named].flatMap(({ architecture }) => architecture ?? []));
  const allowed = new Set(named.flatMap(({ name }) => name ?? []));
  return {
    profile: {
      defaultAction: 'SCMP_ACT_ERRNO',
      architectures: [...architectures],
      ...(flags === undefined ? {} : { flags }),
      ...(allowed.size === 0
        ? {}
        : { syscalls: [{ names: [...allowed].sort(), action: 'SCMP_ACT_ALLOW' }] }),
    },
    unnamed: named.flatMap(({ name, number }) => (name === undefined ? [number] : [])),
  };
}
