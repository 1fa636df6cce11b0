/**
 * linux.resources as properties of a systemd unit (systemd.resource-control(5)): what is written into a
 * file of the cgroup, said to systemd too, which would otherwise write its own idea of it one day. A
 * file without a property is systemd's none, and what is written stays.
 */
import type { LinuxResources } from '../../../generated/spec.ts';
import type { ConfigPath } from '../../../plan/step.ts';
import { gvariantString } from '../../../spec/gvariant.ts';
import {
  ANY,
  allowEverything,
  DEVICES,
  type DeviceRule,
  deviceRules,
  MKNOD,
  READ,
  WRITE,
} from './devices.ts';
import type { CgroupVersion, Setting } from './setting.ts';

export interface UnitPropertyText {
  readonly name: string;
  /** GVariant text. */
  readonly value: string;
  readonly origin: ConfigPath;
}

/** What stands in a file, as properties. */
type Translation = (value: string) => readonly (readonly [name: string, value: string])[];

const INFINITY = '18446744073709551615';

/** A count or `max`, `-1`: no limit. Anything else is left to the kernel to refuse. */
const uint64 =
  (name: string): Translation =>
  (value) => {
    const number = value === 'max' || value === '-1' ? INFINITY : value;
    return /^\d+$/.test(number) ? [[name, `uint64 ${number}`]] : [];
  };

const nodes =
  (name: string): Translation =>
  (value) => {
    const mask = bytesOf(value);
    return mask === undefined ? [] : [[name, `[${mask.map((byte) => `byte ${byte}`).join(', ')}]`]];
  };

const V2: Readonly<Record<string, Translation>> = {
  'memory.max': uint64('MemoryMax'),
  'memory.high': uint64('MemoryHigh'),
  'memory.low': uint64('MemoryLow'),
  'memory.min': uint64('MemoryMin'),
  'memory.swap.max': uint64('MemorySwapMax'),
  'cpu.weight': uint64('CPUWeight'),
  // systemd 252: a weight of 0 is an idle group.
  'cpu.idle': (value) => (value.trim() === '1' ? [['CPUWeight', 'uint64 0']] : []),
  'cpu.max': (value) => {
    const [quota = 'max', period = '100000'] = value.trim().split(/\s+/);
    return bandwidth(quota === 'max' ? '-1' : quota, period);
  },
  'cpuset.cpus': nodes('AllowedCPUs'),
  'cpuset.mems': nodes('AllowedMemoryNodes'),
  'pids.max': (value) => uint64('TasksMax')(value === '0' ? '1' : value),
};

/** Quota and period, two files, make one property: unitProperties joins them. */
const V1: Readonly<Record<string, Translation>> = {
  'memory.limit_in_bytes': uint64('MemoryLimit'),
  'cpu.shares': uint64('CPUShares'),
  'blkio.weight': uint64('BlockIOWeight'),
  'pids.max': V2['pids.max'] ?? uint64('TasksMax'),
};

/**
 * The properties of a unit with these limits; of two settings for one file the last counts. Names are
 * unique.
 */
export function unitProperties(
  settings: readonly Setting[],
  version: CgroupVersion,
): readonly UnitPropertyText[] {
  const table = version === 2 ? V2 : V1;
  const joined = version === 2 ? settings : [...settings, ...joinBandwidth(settings)];
  const found = new Map<string, UnitPropertyText>();
  for (const { file, value, origin } of joined) {
    const translation = file === 'cpu.max' ? V2[file] : table[file];
    for (const [name, text] of translation?.(value) ?? []) {
      found.set(name, { name, value: text, origin });
    }
  }
  return [...found.values()];
}

/** v1's two files as the one of v2. */
function joinBandwidth(settings: readonly Setting[]): readonly Setting[] {
  const quota = settings.find(({ file }) => file === 'cpu.cfs_quota_us');
  const period = settings.find(({ file }) => file === 'cpu.cfs_period_us');
  if (quota === undefined) return [];
  const value = `${quota.value === '-1' ? 'max' : quota.value} ${period?.value ?? '100000'}`;
  return [{ ...quota, file: 'cpu.max', value }];
}

/** systemd counts quota in microseconds a second, in steps of 10 ms, rounded up lest it be less. */
function bandwidth(quota: string, period: string): readonly (readonly [string, string])[] {
  if (!/^(-1|\d+)$/.test(quota) || !/^[1-9]\d*$/.test(period)) return [];
  const periods: readonly [string, string] = ['CPUQuotaPeriodUSec', `uint64 ${period}`];
  if (quota === '-1') return [['CPUQuotaPerSecUSec', `uint64 ${INFINITY}`], periods];
  const perSecond = (BigInt(quota) * 1_000_000n) / BigInt(period);
  const step = 10_000n;
  const rounded = ((perSecond + step - 1n) / step) * step;
  return [['CPUQuotaPerSecUSec', `uint64 ${rounded}`], periods];
}

const MAX_BIT = 8191;

/** `0-3,7` as bytes, the lowest bits first; undefined for a list with strides, or none. */
function bytesOf(list: string): readonly number[] | undefined {
  const bytes: number[] = [];
  for (const range of list.trim().replace(/,$/, '').split(',')) {
    const [, first, last = first] = /^(\d+)(?:-(\d+))?$/.exec(range) ?? [];
    if (first === undefined || Number(last) > MAX_BIT) return undefined;
    for (let bit = Number(first); bit <= Number(last); bit += 1) {
      while (bytes.length <= bit >> 3) bytes.push(0);
      bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) | (1 << (bit & 7));
    }
  }
  return bytes;
}

/**
 * Device rules: systemd knows a list of what is allowed. Rules that allow some and then forbid a part of
 * it again are no such list; then systemd allows everything, and the cgroup's own rules decide alone.
 */
export function deviceProperties(resources: LinuxResources): readonly UnitPropertyText[] {
  const [first, ...rules] = deviceRules(resources);
  const isList = first !== undefined && !first.allow && allowEverything(rules);
  const allowed = isList ? rules.map(deviceAllow) : [];
  return [
    {
      name: 'DevicePolicy',
      value: gvariantString(isList ? 'strict' : 'auto'),
      origin: DEVICES,
    },
    // A list is added to the one that is there; an empty one takes its place.
    { name: 'DeviceAllow', value: '@a(ss) []', origin: DEVICES },
    { name: 'DeviceAllow', value: `@a(ss) [${allowed.join(', ')}]`, origin: DEVICES },
  ];
}

/** A node that need not exist, or all of a major number: systemd.resource-control(5), since v240. */
function deviceAllow({ type, major, minor, access }: DeviceRule): string {
  const kind = type === 'b' ? 'block' : 'char';
  const specifier =
    major === ANY
      ? `${kind}-*`
      : minor === ANY
        ? `${kind}-${major}`
        : `/dev/${kind}/${major}:${minor}`;
  const rights = `${access & READ ? 'r' : ''}${access & WRITE ? 'w' : ''}${access & MKNOD ? 'm' : ''}`;
  return `(${gvariantString(specifier)}, ${gvariantString(rights)})`;
}
