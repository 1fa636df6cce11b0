/**
 * What `update` writes: the lines of the properties asked for, in an order the kernel accepts whatever
 * the files hold now, and the lines that bring back what they held.
 */
import type { LinuxResources } from '../../../generated/spec.ts';
import { liftsSwap } from './merge.ts';
import { type CgroupVersion, isSet, type Setting } from './setting.ts';

/** What a file of the container's cgroup holds; undefined when it is not there. */
export type CurrentValue = (setting: Pick<Setting, 'controller' | 'file'>) => string | undefined;

/**
 * The properties to be written for `asked`, given all that holds then: those of a file or a sum that two
 * properties make together (cpu.max; v2 swap, which the spec counts with memory) go along.
 */
export function withCompanions(
  asked: LinuxResources,
  merged: LinuxResources,
  version: CgroupVersion,
): LinuxResources {
  return {
    ...asked,
    ...(asked.memory && { memory: memoryWithCompanions(asked.memory, merged.memory, version) }),
    ...(asked.cpu && { cpu: cpuWithCompanions(asked.cpu, merged.cpu, version) }),
  };
}

function memoryWithCompanions(
  asked: NonNullable<LinuxResources['memory']>,
  merged: LinuxResources['memory'],
  version: CgroupVersion,
) {
  const dependsOnLimit = version === 2 && (isSet(asked.limit) || isSet(asked.swap));
  return {
    ...asked,
    ...(dependsOnLimit && isSet(merged?.limit) ? { limit: merged.limit } : {}),
    ...((dependsOnLimit || liftsSwap(asked)) && isSet(merged?.swap) ? { swap: merged.swap } : {}),
  };
}

function cpuWithCompanions(
  asked: NonNullable<LinuxResources['cpu']>,
  merged: LinuxResources['cpu'],
  version: CgroupVersion,
) {
  if (version === 1 || !(isSet(asked.quota) || isSet(asked.period))) return asked;
  return {
    ...asked,
    ...(isSet(merged?.quota) ? { quota: merged.quota } : {}),
    ...(isSet(merged?.period) ? { period: merged.period } : {}),
  };
}

interface Pair {
  /** As the planners order them. */
  readonly first: string;
  readonly second: string;
  /** When the second must be written before the first. */
  readonly isReversed: (next: ValueOf, now: ValueOf) => boolean;
}

type ValueOf = (file: string) => bigint;

/** A share of a period that shrinks would be too large for it; one that grows, for the old period. */
const periodAndShare = (period: string, share: string): Pair => ({
  first: period,
  second: share,
  isReversed: (next, now) => next(period) < now(period),
});

/** A burst may not be larger than the quota it comes on top of (sched-bwc.rst). */
const quotaAndBurst = (quota: string, burst: string): Pair => ({
  first: quota,
  second: burst,
  isReversed: (next, now) => next(burst) < now(burst),
});

/** An idle group has no shares to set. */
const sharesAndIdle = (shares: string): Pair => ({
  first: shares,
  second: 'cpu.idle',
  isReversed: (next) => next('cpu.idle') === 0n,
});

const PAIRS: readonly Pair[] = [
  {
    // The limit of memory is never above the one of memory and swap.
    first: 'memory.limit_in_bytes',
    second: 'memory.memsw.limit_in_bytes',
    isReversed: (next, now) => next('memory.limit_in_bytes') > now('memory.memsw.limit_in_bytes'),
  },
  periodAndShare('cpu.cfs_period_us', 'cpu.cfs_quota_us'),
  periodAndShare('cpu.rt_period_us', 'cpu.rt_runtime_us'),
  quotaAndBurst('cpu.cfs_quota_us', 'cpu.cfs_burst_us'),
  quotaAndBurst('cpu.max', 'cpu.max.burst'),
  sharesAndIdle('cpu.shares'),
  sharesAndIdle('cpu.weight'),
];

const NO_LIMIT = 2n ** 64n;

/** The same settings so that at no moment two of them contradict each other. */
export function inAcceptedOrder(
  settings: readonly Setting[],
  current: CurrentValue,
): readonly Setting[] {
  const next = (file: string) =>
    firstNumber(settings.find((setting) => setting.file === file)?.value ?? '');
  const now = (file: string) =>
    firstNumber(current({ controller: file.slice(0, file.indexOf('.')), file }) ?? '');
  return PAIRS.reduce((order, { first, second, isReversed }) => {
    const at = order.findIndex(({ file }) => file === first);
    const moved = order.find(({ file }) => file === second);
    if (at < 0 || moved === undefined || !isReversed(next, now)) return order;
    const others = order.filter((setting) => setting !== moved);
    return [...others.slice(0, at), moved, ...others.slice(at)];
  }, settings);
}

/** The first number of a line; `max` and -1 are more than any. */
function firstNumber(text: string): bigint {
  const [word = ''] = text.trim().split(/\s+/);
  return /^\d+$/.test(word) ? BigInt(word) : NO_LIMIT;
}

/** Files with a line for each device or interface, and what such a line says when nothing was set. */
const UNSET_LINES: Readonly<Record<string, string>> = {
  'blkio.throttle.read_bps_device': '0',
  'blkio.throttle.write_bps_device': '0',
  'blkio.throttle.read_iops_device': '0',
  'blkio.throttle.write_iops_device': '0',
  'blkio.weight_device': '0',
  'blkio.bfq.weight_device': '0',
  'blkio.leaf_weight_device': '0',
  'io.max': 'rbps=max wbps=max riops=max wiops=max',
  'io.weight': 'default',
  'io.bfq.weight': 'default',
  'rdma.max': 'hca_handle=max hca_object=max',
  'net_prio.ifpriomap': '0',
};

/** The settings that bring back what the files hold, in the opposite order; not of a file that is missing. */
export const undoSettings = (
  settings: readonly Setting[],
  current: CurrentValue,
): readonly Setting[] =>
  settings.toReversed().flatMap((setting) => {
    const held = current(setting);
    const { isAlternative: _one, ...itself } = setting;
    return held === undefined ? [] : [{ ...itself, value: valueBefore(setting, held) }];
  });

function valueBefore({ file, value }: Setting, held: string): string {
  const lines = held.trim().split('\n');
  const unset = UNSET_LINES[file];
  if (unset !== undefined && value.includes(' ')) {
    const key = value.slice(0, value.indexOf(' '));
    return lines.find((line) => line.startsWith(`${key} `)) ?? `${key} ${unset}`;
  }
  if (file === 'memory.oom_control') return lines[0]?.split(' ')[1] ?? '0';
  // An empty write(2) never reaches the kernel's parser.
  return lines[0] || '\n';
}
