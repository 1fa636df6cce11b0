/** What `update` makes of a container's linux.resources: what was asked before, and now. */
import type { BlockIo, Cpu, LinuxResources, Memory } from '../../../generated/spec.ts';
import { isSet } from './setting.ts';

/**
 * The resources of a container after an update: each property of `asked` in place of the one before.
 * Lists go by what their elements are about (a device, a page size); device rules as a whole, since each
 * counts on those before it. Empty lists and objects ask for nothing.
 */
export function mergeResources(before: LinuxResources, asked: LinuxResources): LinuxResources {
  const { memory, cpu, pids, network, unified, rdma, blockIO, hugepageLimits, devices } = asked;
  return {
    ...before,
    ...(memory && { memory: mergeMemory(before.memory, memory) }),
    ...(cpu && { cpu: mergeCpu(mergedShares(before, asked), cpu) }),
    ...(pids && { pids: { ...before.pids, ...pids } }),
    ...(network && {
      network: {
        ...before.network,
        ...network,
        ...byKey('priorities', before.network?.priorities, network.priorities, ({ name }) => name),
      },
    }),
    ...(unified && { unified: { ...before.unified, ...unified } }),
    ...(rdma && { rdma: mergeRdma(before.rdma, rdma) }),
    ...(blockIO && { blockIO: mergeBlockIO(before.blockIO ?? {}, blockIO) }),
    ...byKey('hugepageLimits', before.hugepageLimits, hugepageLimits, ({ pageSize }) => pageSize),
    ...(devices?.length && { devices }),
  };
}

/**
 * No limit of memory leaves none of memory and swap together: the kernel refuses a smaller one. Zeros ask for
 * nothing, as in `mergeCpu`.
 */
function mergeMemory(before: Memory | undefined, asked: Memory): Memory {
  const { limit, reservation, swap, ...rest } = asked;
  return {
    ...before,
    ...(liftsSwap(asked) ? { swap: -1 } : {}),
    ...rest,
    ...(isSet(limit) && { limit }),
    ...(isSet(reservation) && { reservation }),
    ...(isSet(swap) && { swap }),
  };
}

/** Zeros and empty lists are of engines that send all there is, docker for one: what was before stays. */
function mergeCpu(before: Cpu, asked: Cpu): Cpu {
  const { shares, quota, period, realtimeRuntime, realtimePeriod, cpus, mems, ...rest } = asked;
  return {
    ...before,
    ...rest,
    ...(isSet(shares) && { shares }),
    ...(isSet(quota) && { quota }),
    ...(isSet(period) && { period }),
    ...(isSet(realtimeRuntime) && { realtimeRuntime }),
    ...(isSet(realtimePeriod) && { realtimePeriod }),
    ...(cpus && { cpus }),
    ...(mems && { mems }),
  };
}

/** Whether taking the memory limit away takes the one of swap away too, as runc has it. */
export const liftsSwap = ({ limit, swap }: Memory): boolean =>
  limit !== undefined && limit < 0 && swap === undefined;

/** Making a cgroup idle, or not, sets its shares anew: those of before no longer hold. */
function mergedShares({ cpu = {} }: LinuxResources, asked: LinuxResources) {
  if (asked.cpu?.idle === undefined) return cpu;
  const { shares: _gone, ...rest } = cpu;
  return rest;
}

function mergeRdma(before: LinuxResources['rdma'] = {}, asked: LinuxResources['rdma'] = {}) {
  const devices = Object.entries(asked).map(
    ([name, limits]) => [name, { ...before[name], ...limits }] as const,
  );
  return { ...before, ...Object.fromEntries(devices) };
}

function mergeBlockIO(before: BlockIo, asked: BlockIo): BlockIo {
  const numberOf = ({ major, minor }: { readonly major: number; readonly minor: number }) =>
    `${major}:${minor}`;
  const list = (name: `throttle${'Read' | 'Write'}${'Bps' | 'IOPS'}Device`) =>
    byKey(name, before[name], asked[name], numberOf);
  return {
    ...before,
    ...asked,
    ...byKey('weightDevice', before.weightDevice, asked.weightDevice, numberOf),
    ...list('throttleReadBpsDevice'),
    ...list('throttleWriteBpsDevice'),
    ...list('throttleReadIOPSDevice'),
    ...list('throttleWriteIOPSDevice'),
  };
}

/** `{ name: list }`, the elements of `asked` in place of those before with the same key. */
function byKey<K extends string, T>(
  name: K,
  before: readonly T[] | undefined,
  asked: readonly T[] | undefined,
  keyOf: (element: T) => string,
): { readonly [P in K]?: readonly T[] } {
  if (before === undefined && asked === undefined) return {};
  const all = [...(before ?? []), ...(asked ?? [])];
  const result: { [P in K]?: readonly T[] } = {};
  result[name] = [...new Map(all.map((element) => [keyOf(element), element])).values()];
  return result;
}
