/** What the kernel says of a container's first process. */
import { CAPABILITIES } from '../linux/constants/capabilities.ts';

export interface ProcessFacts {
  /** On the host, and in each pid namespace from there to its own. */
  readonly pid: number;
  readonly pidInside: number;
  readonly command: string;
  /** Real, effective, saved, file-system ids, as the host sees them. */
  readonly uid: string;
  readonly gid: string;
  readonly uidMap: readonly string[];
  readonly gidMap: readonly string[];
  readonly capabilities: { readonly [set: string]: readonly string[] };
  readonly noNewPrivileges: boolean;
  readonly seccomp: 'off' | 'strict' | 'filter';
  readonly seccompFilters: number;
  /** Of SELinux or AppArmor; empty where none confines it. */
  readonly label: string;
  readonly oomScoreAdj: number;
}

const SECCOMP_MODES = ['off', 'strict', 'filter'] as const;

/** `read` reads a file of /proc/PID. */
export function processFacts(
  pid: number,
  read: (file: string) => string | undefined,
): ProcessFacts {
  const status = new Map(
    (read('status') ?? '').split('\n').map((line) => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon), line.slice(colon + 1).trim()] as const;
    }),
  );
  const field = (name: string) => status.get(name) ?? '';
  const sets = {
    bounding: 'CapBnd',
    effective: 'CapEff',
    permitted: 'CapPrm',
    inheritable: 'CapInh',
    ambient: 'CapAmb',
  };
  return {
    pid,
    pidInside: Number(field('NSpid').split(/\s+/).at(-1) ?? pid),
    command: (read('cmdline') ?? '').replaceAll('\0', ' ').trim(),
    uid: field('Uid').replaceAll(/\s+/g, ' '),
    gid: field('Gid').replaceAll(/\s+/g, ' '),
    uidMap: mapOf(read('uid_map')),
    gidMap: mapOf(read('gid_map')),
    capabilities: Object.fromEntries(
      Object.entries(sets).map(([set, name]) => [
        set,
        capabilityNames(BigInt(`0x${field(name) || '0'}`)),
      ]),
    ),
    noNewPrivileges: field('NoNewPrivs') === '1',
    seccomp: SECCOMP_MODES[Number(field('Seccomp'))] ?? 'off',
    seccompFilters: Number(field('Seccomp_filters') || '0'),
    label: (read('attr/current') ?? '').replaceAll('\0', '').trim(),
    oomScoreAdj: Number(read('oom_score_adj') ?? '0'),
  };
}

/** `container host size`, a line each. */
const mapOf = (text: string | undefined): readonly string[] =>
  (text ?? '')
    .trim()
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => line.trim().replaceAll(/\s+/g, ' '));

/** The names of a capability mask; numbers for what has no name here. */
export function capabilityNames(mask: bigint): readonly string[] {
  const names: string[] = [];
  for (let bit = 0; mask >> BigInt(bit) > 0n; bit += 1) {
    if ((mask >> BigInt(bit)) & 1n) names.push(CAPABILITIES[bit] ?? String(bit));
  }
  return names;
}
