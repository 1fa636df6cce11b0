/**
 * linux.resources.cpu (config-linux.md "CPU"; sched-bwc.rst, cpusets.rst, cgroup-v2.rst). Times are
 * microseconds.
 */
import type { Cpu, LinuxResources } from '../../../generated/spec.ts';
import { error, type Problem } from '../../../spec/problem.ts';
import { type CgroupVersion, isSet, RESOURCES, type Setting } from './setting.ts';

const POINTER = `${RESOURCES}/cpu`;

/** The kernel's own period when only a quota is asked for. */
const DEFAULT_PERIOD_USEC = 100_000;

/** A list of cpuset(7): `0-3,7`, also with strides `0-31:2/8`; empty asks for nothing. */
const LIST = /^(\d+(-\d+(:\d+\/\d+)?)?(,\d+(-\d+(:\d+\/\d+)?)?)*,?)?\s*$/;

export function checkCpu({ cpu }: LinuxResources): readonly Problem[] {
  if (cpu === undefined) return [];
  const lists = (['cpus', 'mems'] as const).flatMap((name) => {
    const list = cpu[name];
    if (list === undefined || LIST.test(list)) return [];
    return [{ ...error(`${POINTER}/${name}`, 'is not a list', list), expected: 'as "0-3,7"' }];
  });
  const { idle } = cpu;
  const isIdleWrong = idle !== undefined && idle !== 0 && idle !== 1;
  return [...lists, ...(isIdleWrong ? [error(`${POINTER}/idle`, 'must be 0 or 1', idle)] : [])];
}

/** What this version of cgroups cannot do. */
export function limitsOfCpu({ cpu }: LinuxResources, version: CgroupVersion): readonly Problem[] {
  if (version === 1) return checkShares(cpu?.shares);
  return (['realtimeRuntime', 'realtimePeriod'] as const).flatMap((name) =>
    isSet(cpu?.[name]) ? [error(`${POINTER}/${name}`, 'cannot be set with cgroup v2')] : [],
  );
}

const MIN_SHARES = 2;
const MAX_SHARES = 262_144;

/** v1 would silently take the nearest; on v2 they become a weight, which knows no such bounds. */
function checkShares(shares: Cpu['shares']): readonly Problem[] {
  if (!isSet(shares)) return [];
  if (shares < MIN_SHARES) {
    return [error(`${POINTER}/shares`, 'the minimum allowed cpu-shares is 2', shares)];
  }
  return shares > MAX_SHARES
    ? [error(`${POINTER}/shares`, 'the maximum allowed cpu-shares is 262144', shares)]
    : [];
}

export function planCpu({ cpu }: LinuxResources, version: CgroupVersion): readonly Setting[] {
  if (cpu === undefined) return [];
  return [...(version === 1 ? planV1(cpu) : planV2(cpu)), ...planSets(cpu)];
}

const setting = (name: string, file: string, value: string, controller = 'cpu'): Setting => ({
  controller,
  file,
  value,
  origin: `${POINTER}/${name}`,
});

/** A period before what is measured by it: the kernel refuses a runtime longer than the period. */
function planV1(cpu: Cpu): readonly Setting[] {
  const files = [
    ['shares', 'cpu.shares'],
    ['realtimePeriod', 'cpu.rt_period_us'],
    ['realtimeRuntime', 'cpu.rt_runtime_us'],
    ['period', 'cpu.cfs_period_us'],
    ['quota', 'cpu.cfs_quota_us'],
  ] as const;
  const settings = files.flatMap(([name, file]) => {
    const value = cpu[name];
    return isSet(value) ? [setting(name, file, `${value}`)] : [];
  });
  return [...settings, ...planBurst(cpu, 'cpu.cfs_burst_us'), ...planIdle(cpu)];
}

/** An idle cgroup has no weight: the kernel refuses one. */
function planV2(cpu: Cpu): readonly Setting[] {
  const { shares, quota, period, idle } = cpu;
  const weight = isSet(shares) && idle !== 1 ? [weightOf(shares)] : [];
  const maximum = isSet(quota) && quota > 0 ? `${quota}` : 'max';
  const bandwidth = `${maximum} ${isSet(period) ? period : DEFAULT_PERIOD_USEC}`;
  return [
    ...weight.map((value) => setting('shares', 'cpu.weight', `${value}`)),
    ...(isSet(quota) || isSet(period)
      ? [setting(isSet(quota) ? 'quota' : 'period', 'cpu.max', bandwidth)]
      : []),
    ...planBurst(cpu, 'cpu.max.burst'),
    ...planIdle(cpu),
  ];
}

/** No burst is what kernels without one have (before 5.14). */
function planBurst({ burst }: Cpu, file: string): readonly Setting[] {
  if (burst === undefined) return [];
  const line = setting('burst', file, `${burst}`);
  return [isSet(burst) ? line : { ...line, ignore: ['ENOENT'] }];
}

const planIdle = ({ idle }: Cpu): readonly Setting[] =>
  idle === undefined ? [] : [setting('idle', 'cpu.idle', `${idle}`)];

/**
 * v1 shares (2 to 262144, 1024 the default) as v2 weight (1 to 10000, 100 the default): a quadratic
 * through these three points of the logarithms, as runc 1.3.2 and crun 1.24 have it.
 */
export function weightOf(shares: number | bigint): number {
  if (shares <= MIN_SHARES) return 1;
  if (shares >= MAX_SHARES) return 10_000;
  const l = Math.log2(Number(shares));
  return Math.ceil(10 ** ((l * l + 125 * l) / 612 - 7 / 34));
}

function planSets({ cpus, mems }: Cpu): readonly Setting[] {
  return [
    ...(cpus ? [setting('cpus', 'cpuset.cpus', cpus, 'cpuset')] : []),
    ...(mems ? [setting('mems', 'cpuset.mems', mems, 'cpuset')] : []),
  ];
}
