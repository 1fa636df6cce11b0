/** Numbers back to the names the kernel gives them, for the `constants` of schemas/ops.json. */
import { TARGET_DIRECTORY, TARGET_PROC } from '../generated/ops.ts';
import { CAPABILITIES } from '../linux/constants/capabilities.ts';
import * as file from '../linux/constants/file.ts';
import * as mount from '../linux/constants/mount.ts';
import * as processes from '../linux/constants/process.ts';
import { RLIM_INFINITY } from '../linux/constants/process.ts';
import * as seccomp from '../linux/constants/seccomp.ts';

type Names = readonly (readonly [name: string, value: bigint])[];

const OTHERS = { ...processes.RLIMITS, TARGET_DIRECTORY, TARGET_PROC };

const ALL: Names = [file, mount, processes, seccomp, OTHERS]
  .flatMap((module): [string, unknown][] => Object.entries(module))
  .flatMap(([name, value]): [string, bigint][] =>
    typeof value === 'number' ? [[name, BigInt(value)]] : [],
  );

const named = (...prefixes: string[]): Names =>
  ALL.filter(([name]) => prefixes.some((prefix) => name.startsWith(prefix)));

/** `A|B|0x40`: the largest names first, so that O_SYNC is not read as O_DSYNC and a rest. */
function formatFlags(names: Names, value: bigint): string {
  const descending = names
    .filter(([, flag]) => flag > 0n)
    .sort(([, a], [, b]) => (a < b ? 1 : a > b ? -1 : 0));
  const found: string[] = [];
  let rest = value;
  for (const [name, flag] of descending) {
    if ((rest & flag) !== flag) continue;
    found.unshift(name);
    rest &= ~flag;
  }
  if (rest !== 0n) found.push(`0x${rest.toString(16)}`);
  return found.length === 0 ? '0' : found.join('|');
}

const formatValue = (names: Names, value: bigint): string =>
  names.find(([, known]) => known === value)?.[0] ?? value.toString();

/** open(2): the access mode is a value in the flags' lowest two bits, O_RDONLY being 0. */
function formatOpenFlags(value: bigint): string {
  const mode = value & BigInt(file.O_ACCMODE);
  const flags = formatFlags(
    named('O_').filter(([name]) => name !== 'O_ACCMODE'),
    value,
  );
  if (mode !== 0n || (value & BigInt(file.O_PATH)) !== 0n) return flags;
  return flags === '0' ? 'O_RDONLY' : `O_RDONLY|${flags}`;
}

/** All that is left out when it is less than what is in: `~(CAP_SYS_ADMIN)`. */
function formatCapabilities(value: bigint): string {
  const names: Names = CAPABILITIES.map((name, bit) => [name, 1n << BigInt(bit)]);
  const all = (1n << BigInt(CAPABILITIES.length)) - 1n;
  if (value === all) return 'CAP_ALL';
  const missing = all & ~value;
  const few = formatFlags(names, missing);
  const many = formatFlags(names, value);
  return few.length < many.length && value <= all ? `~(${few})` : many;
}

/** Device numbers as makedev(3) packs them. */
function formatDevice(value: bigint): string {
  const major = ((value >> 8n) & 0xfffn) | ((value >> 32n) & 0xfffff000n);
  const minor = (value & 0xffn) | ((value >> 12n) & 0xffffff00n);
  return `${major}:${minor}`;
}

/** set_mempolicy(2): flags above a mode, which counts from 0. */
function formatMemoryPolicy(value: bigint): string {
  const modes = named('MPOL_').filter(([name]) => !name.startsWith('MPOL_F_'));
  const mode = formatValue(modes, value & 0xfffn);
  const flags = value & ~0xfffn;
  return flags === 0n ? mode : `${mode}|${formatFlags(named('MPOL_F_'), flags)}`;
}

const FORMATS: { readonly [constants: string]: (value: bigint) => string } = {
  octal: (value) => (value === 0n ? '0' : `0${value.toString(8)}`),
  rlim: (value) => (value === RLIM_INFINITY ? 'RLIM_INFINITY' : value.toString()),
  caps: formatCapabilities,
  dev: formatDevice,
  O_: formatOpenFlags,
  AT_: (value) => formatFlags(named('AT_'), value),
  TARGET_: (value) => formatFlags(named('TARGET_'), value),
  CLONE_: (value) => formatFlags(named('CLONE_'), value),
  MS_: (value) => formatFlags(named('MS_'), value),
  MNT_UMOUNT_: (value) => formatFlags(named('MNT_', 'UMOUNT_'), value),
  MOUNT_ATTR_: (value) => formatFlags(named('MOUNT_ATTR_'), value),
  OPEN_TREE_: (value) => formatFlags(named('OPEN_TREE_', 'AT_'), value),
  SCHED_FLAG_: (value) => formatFlags(named('SCHED_FLAG_'), value),
  SECCOMP_FILTER_FLAG_: (value) => formatFlags(named('SECCOMP_FILTER_FLAG_'), value),
  PR_: (value) => formatValue(named('PR_'), value),
  RLIMIT_: (value) => formatValue(named('RLIMIT_'), value),
  MPOL_: formatMemoryPolicy,
  SCHED_: (value) =>
    formatValue(
      named('SCHED_').filter(([name]) => !name.startsWith('SCHED_FLAG_')),
      value,
    ),
};

/** A number as `constants` of ops.json says; decimal without. Throws for a way nobody wrote. */
export function formatNumber(value: number | bigint, constants?: string): string {
  if (constants === undefined) return value.toString();
  const format = FORMATS[constants];
  if (format === undefined) throw new RangeError(`no constants are named ${constants}`);
  return format(BigInt(value));
}
