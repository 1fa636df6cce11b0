/**
 * linux.resources.memory: bytes (config-linux.md "Memory"; cgroup-v1/memory.rst, cgroup-v2.rst).
 * `swap` counts memory and swap together, as v1 does; v2 counts swap alone. `checkBeforeUpdate` is
 * for `update`: a cgroup that is new uses nothing.
 */
import type { LinuxResources, Memory } from '../../../generated/spec.ts';
import { error, type Problem, warning } from '../../../spec/problem.ts';
import { type CgroupVersion, isSet, orMax, RESOURCES, type Setting } from './setting.ts';

const POINTER = `${RESOURCES}/memory`;

export function checkMemory({ memory }: LinuxResources): readonly Problem[] {
  if (memory === undefined) return [];
  const limits = ['limit', 'reservation', 'swap'] as const;
  return [
    ...limits.flatMap((name) => {
      const value = memory[name];
      if (value === undefined || value >= -1) return [];
      return [{ ...error(`${POINTER}/${name}`, 'is no limit', value), expected: 'bytes, or -1' }];
    }),
    ...checkSwap(memory),
    ...(memory.kernel === undefined ? [] : [obsolete('kernel')]),
    ...(memory.kernelTCP === undefined ? [] : [obsolete('kernelTCP')]),
    ...(memory.useHierarchy === false
      ? [warning(`${POINTER}/useHierarchy`, 'cannot be turned off and is ignored')]
      : []),
  ];
}

const obsolete = (name: string): Problem =>
  warning(`${POINTER}/${name}`, 'is obsolete and ignored: the kernel counts this as memory');

function checkSwap({ limit, swap }: Memory): readonly Problem[] {
  if (!isSet(swap) || swap < 0) return [];
  if (!isSet(limit) || limit < 0) {
    return [error(`${POINTER}/swap`, 'unable to set swap limit without memory limit', swap)];
  }
  return swap < limit
    ? [error(`${POINTER}/swap`, 'memory+swap limit should be >= memory limit', swap)]
    : [];
}

/** What this version of cgroups cannot do. */
export function limitsOfMemory({ memory }: LinuxResources, version: CgroupVersion) {
  if (version === 1 || memory === undefined) return [];
  const onlyV1 = 'has no effect with cgroup v2 and is ignored';
  return [
    ...(memory.swappiness === undefined ? [] : [warning(`${POINTER}/swappiness`, onlyV1)]),
    ...(memory.disableOOMKiller ? [warning(`${POINTER}/disableOOMKiller`, onlyV1)] : []),
  ];
}

/**
 * A new limit below what is used, where `checkBeforeUpdate` asks: v2 would reclaim and then kill, while
 * v1 refuses by itself. `usage` is memory.current.
 */
export function checkUsage({ memory }: LinuxResources, usage: bigint): readonly Problem[] {
  const { limit, checkBeforeUpdate } = memory ?? {};
  if (checkBeforeUpdate !== true || !isSet(limit) || limit < 0 || usage <= limit) return [];
  const message = `rejecting memory limit ${limit}, because the usage is ${usage}`;
  return [error(`${POINTER}/limit`, message)];
}

export function planMemory({ memory }: LinuxResources, version: CgroupVersion): readonly Setting[] {
  if (memory === undefined) return [];
  return version === 1 ? planV1(memory) : planV2(memory);
}

const setting = (name: string, file: string, value: string): Setting => ({
  controller: 'memory',
  file,
  value,
  origin: `${POINTER}/${name}`,
});

/** Memory before memory+swap: the kernel refuses the smaller of the two below the larger. */
function planV1(memory: Memory): readonly Setting[] {
  const { limit, reservation, swap, swappiness } = memory;
  return [
    ...(isSet(limit) ? [setting('limit', 'memory.limit_in_bytes', `${limit}`)] : []),
    ...(isSet(swap) ? [setting('swap', 'memory.memsw.limit_in_bytes', `${swap}`)] : []),
    ...(isSet(reservation)
      ? [setting('reservation', 'memory.soft_limit_in_bytes', `${reservation}`)]
      : []),
    ...(memory.disableOOMKiller ? [setting('disableOOMKiller', 'memory.oom_control', '1')] : []),
    ...(swappiness === undefined
      ? []
      : [setting('swappiness', 'memory.swappiness', `${swappiness}`)]),
  ];
}

function planV2({ limit, reservation, swap }: Memory): readonly Setting[] {
  return [
    ...(isSet(swap) ? [setting('swap', 'memory.swap.max', swapAlone(swap, limit ?? 0))] : []),
    ...(isSet(limit) ? [setting('limit', 'memory.max', orMax(limit))] : []),
    ...(isSet(reservation) ? [setting('reservation', 'memory.low', orMax(reservation))] : []),
  ];
}

const swapAlone = (swap: number | bigint, limit: number | bigint): string =>
  swap < 0 ? 'max' : `${BigInt(swap) - BigInt(limit)}`;
