/**
 * What engines and their tests have to go by on this machine: the version of cgroups, which files hold a
 * limit, and whether systemd makes the cgroups.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export const isV2 = existsSync('/sys/fs/cgroup/cgroup.controllers');

/** Engines choose systemd for their driver where it is PID 1 on v2, and so do the tests. */
export const hasSystemd = isV2 && existsSync('/run/systemd/system');

/** A machine that is thrown away: services of it may be started, and its accounts changed. */
export const isThrowAway = process.env['TSRUN_VM'] !== undefined;

/** By how much longer than elsewhere a thing may take: in the machine processors are emulated. */
export const PATIENCE = isThrowAway ? 5 : 1;

export interface Limits {
  readonly memoryBytes?: number;
  /** Of a period of 100 ms. */
  readonly cpuQuotaUsec?: number;
  readonly pids?: number;
  /** As v1 counts them: 2 to 262144. */
  readonly cpuShares?: number;
  readonly cpus?: string;
}

const PERIOD_USEC = 100_000;

/** v2's weight for v1's shares: runc 1.1's formula, and runc's newer one, which is tsrun's. */
export function weightOf(shares: number, runtime: 'runc' | 'tsrun'): number {
  if (runtime === 'runc') return 1 + Math.floor(((shares - 2) * 9999) / 262_142);
  const l = Math.log2(shares);
  return Math.ceil(10 ** ((l * l + 125 * l) / 612 - 7 / 34));
}

type Format = (value: number, runtime: 'runc' | 'tsrun') => string;

/** v1's file, v2's, and what v2 has in it where this is not the number itself. */
const FILES: Readonly<Record<keyof Limits, readonly [string, string, Format?]>> = {
  memoryBytes: ['memory/memory.limit_in_bytes', 'memory.max'],
  cpuQuotaUsec: ['cpu/cpu.cfs_quota_us', 'cpu.max', (quota) => `${quota} ${PERIOD_USEC}`],
  pids: ['pids/pids.max', 'pids.max'],
  cpuShares: ['cpu/cpu.shares', 'cpu.weight', (shares, runtime) => `${weightOf(shares, runtime)}`],
  cpus: ['cpuset/cpuset.cpus', 'cpuset.cpus'],
};

const named = (limits: Limits) => Object.keys(limits) as (keyof Limits)[];

/** The files that hold such limits, as a container sees them. */
export const limitFiles = (limits: Limits): readonly string[] =>
  named(limits).map((name) => `/sys/fs/cgroup/${FILES[name][isV2 ? 1 : 0]}`);

/** What `cat` of these files says, blanks made one; cpuShares as this runtime writes them. */
export const limitWords = (limits: Limits, runtime: 'runc' | 'tsrun' = 'tsrun'): string =>
  named(limits)
    .map((name) => {
      const value = limits[name];
      const format = FILES[name][2];
      return isV2 && typeof value === 'number' && format ? format(value, runtime) : `${value}`;
    })
    .join(' ');

const APPARMOR = '/sys/kernel/security/apparmor/profiles';
export const hasAppArmor = existsSync(APPARMOR);

/** They allow all that the tests do. A rule more, and AppArmor's parser takes seconds longer in the machine. */
const RULES = 'file, capability, signal, network, unix, ptrace,';

/** Loads those that are not loaded, from a file in the directory; they go with the machine. */
export function loadProfiles(names: readonly string[], directory: string): void {
  const loaded = readFileSync(APPARMOR, 'utf8');
  const missing = names.filter((name) => !loaded.includes(`${name} (`));
  if (missing.length === 0) return;
  const file = join(directory, 'profiles');
  const text = missing.map((name) => `profile ${name} flags=(attach_disconnected) { ${RULES} }`);
  writeFileSync(file, `${text.join('\n')}\n`);
  const parser = process.env['APPARMOR_PARSER'] ?? '/sbin/apparmor_parser';
  const done = spawnSync(parser, ['--skip-cache', '--replace', file], { encoding: 'utf8' });
  if (done.status !== 0) throw new Error(`${parser}: ${done.stdout}${done.stderr}`);
}
