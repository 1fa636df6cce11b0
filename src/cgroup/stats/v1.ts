/** Statistics from the files of cgroup v1 (cgroup-v1/*.rst). */
import type {
  BlkioEntry,
  BlkioList,
  CpuStatistics,
  CpusetStatistics,
  MemoryEntry,
  MemoryStatistics,
  ReadFile,
  Statistics,
  VersionStatistics,
} from './statistics.ts';
import {
  parseKeyed,
  parseList,
  parseNumber,
  sortedRecord,
  unlessEmpty,
  unlessZero,
} from './text.ts';

/** cpuacct.stat counts in USER_HZ, which is 100 for every program (time(7)). */
const NANOSECONDS_A_TICK = 10_000_000n;

function cpuOf(read: ReadFile): CpuStatistics {
  const time = parseKeyed(read('cpuacct', 'cpuacct.stat'));
  const throttling = parseKeyed(read('cpu', 'cpu.stat'));
  const percpu = (read('cpuacct', 'cpuacct.usage_percpu') ?? '').trim().split(/\s+/);
  // A heading, then `cpu user system` a line.
  const all = (read('cpuacct', 'cpuacct.usage_all') ?? '').split('\n').slice(1);
  const column = (n: number) =>
    all.filter((line) => line !== '').map((line) => BigInt(line.split(' ')[n] ?? 0));
  return {
    usage: {
      total: unlessZero(parseNumber(read('cpuacct', 'cpuacct.usage'))),
      percpu: unlessEmpty(percpu.filter((word) => word !== '').map(BigInt)),
      percpu_kernel: unlessEmpty(column(2)),
      percpu_user: unlessEmpty(column(1)),
      kernel: (time.get('system') ?? 0n) * NANOSECONDS_A_TICK,
      user: (time.get('user') ?? 0n) * NANOSECONDS_A_TICK,
    },
    throttling: {
      periods: unlessZero(throttling.get('nr_periods')),
      throttledPeriods: unlessZero(throttling.get('nr_throttled')),
      throttledTime: unlessZero(throttling.get('throttled_time')),
    },
  };
}

function cpusetOf(read: ReadFile): CpusetStatistics {
  const number = (name: string) => parseNumber(read('cpuset', `cpuset.${name}`));
  return {
    cpus: unlessEmpty(parseList(read('cpuset', 'cpuset.cpus'))),
    cpu_exclusive: number('cpu_exclusive'),
    mems: unlessEmpty(parseList(read('cpuset', 'cpuset.mems'))),
    mem_hardwall: number('mem_hardwall'),
    mem_exclusive: number('mem_exclusive'),
    memory_migrate: number('memory_migrate'),
    memory_spread_page: number('memory_spread_page'),
    memory_spread_slab: number('memory_spread_slab'),
    memory_pressure: number('memory_pressure'),
    sched_load_balance: number('sched_load_balance'),
    sched_relax_domain_level: number('sched_relax_domain_level'),
  };
}

function memoryOf(read: ReadFile): MemoryStatistics {
  const stat = parseKeyed(read('memory', 'memory.stat'));
  const entry = (prefix: string): MemoryEntry => {
    const number = (name: string) => parseNumber(read('memory', `${prefix}.${name}`));
    return {
      limit: number('limit_in_bytes'),
      usage: unlessZero(number('usage_in_bytes')),
      max: unlessZero(number('max_usage_in_bytes')),
      failcnt: number('failcnt'),
    };
  };
  return {
    cache: unlessZero(stat.get('cache')),
    usage: entry('memory'),
    swap: entry('memory.memsw'),
    kernel: entry('memory.kmem'),
    kernelTCP: entry('memory.kmem.tcp'),
    raw: sortedRecord(stat),
  };
}

/** Each group is of one scheduler; the first whose first file says something is the one in use. */
const BLKIO: readonly (readonly (readonly [file: string, list: BlkioList])[])[] = [
  [
    ['blkio.bfq.sectors_recursive', 'sectorsRecursive'],
    ['blkio.bfq.time_recursive', 'ioTimeRecursive'],
    ['blkio.bfq.io_wait_time_recursive', 'ioWaitTimeRecursive'],
    ['blkio.bfq.io_service_time_recursive', 'ioServiceTimeRecursive'],
    ['blkio.bfq.io_merged_recursive', 'ioMergedRecursive'],
    ['blkio.bfq.io_queued_recursive', 'ioQueueRecursive'],
    ['blkio.bfq.io_serviced_recursive', 'ioServicedRecursive'],
    ['blkio.bfq.io_service_bytes_recursive', 'ioServiceBytesRecursive'],
  ],
  [
    ['blkio.bfq.io_serviced_recursive', 'ioServicedRecursive'],
    ['blkio.bfq.io_service_bytes_recursive', 'ioServiceBytesRecursive'],
  ],
  [
    ['blkio.sectors_recursive', 'sectorsRecursive'],
    ['blkio.io_service_bytes_recursive', 'ioServiceBytesRecursive'],
    ['blkio.io_serviced_recursive', 'ioServicedRecursive'],
    ['blkio.io_queued_recursive', 'ioQueueRecursive'],
    ['blkio.io_service_time_recursive', 'ioServiceTimeRecursive'],
    ['blkio.io_wait_time_recursive', 'ioWaitTimeRecursive'],
    ['blkio.io_merged_recursive', 'ioMergedRecursive'],
    ['blkio.time_recursive', 'ioTimeRecursive'],
  ],
  [
    ['blkio.throttle.io_serviced_recursive', 'ioServicedRecursive'],
    ['blkio.throttle.io_service_bytes_recursive', 'ioServiceBytesRecursive'],
  ],
];

function blkioOf(read: ReadFile): Statistics['blkio'] {
  const files = (group: (typeof BLKIO)[number]) =>
    group.map(([file, list]) => [list, blkioEntries(read('blkio', file))] as const);
  const used = BLKIO.map(files).find(([first]) => first !== undefined && first[1].length > 0) ?? [];
  const lists = new Map(used);
  const list = (name: BlkioList) => unlessEmpty(lists.get(name) ?? []);
  return {
    ioServiceBytesRecursive: list('ioServiceBytesRecursive'),
    ioServicedRecursive: list('ioServicedRecursive'),
    ioQueueRecursive: list('ioQueueRecursive'),
    ioServiceTimeRecursive: list('ioServiceTimeRecursive'),
    ioWaitTimeRecursive: list('ioWaitTimeRecursive'),
    ioMergedRecursive: list('ioMergedRecursive'),
    ioTimeRecursive: list('ioTimeRecursive'),
    sectorsRecursive: list('sectorsRecursive'),
  };
}

/** `8:0 Read 4096` or `8:0 4096` a line; the total over all devices is left out. */
const blkioEntries = (text: string | undefined): readonly BlkioEntry[] =>
  (text ?? '').split('\n').flatMap((line) => {
    const [, major, minor, op, value] = /^(\d+):(\d+)(?: (\w+))? (\d+)$/.exec(line) ?? [];
    if (major === undefined || minor === undefined || value === undefined) return [];
    return {
      major: unlessZero(BigInt(major)),
      minor: unlessZero(BigInt(minor)),
      op,
      value: unlessZero(BigInt(value)),
    };
  });

export const V1: VersionStatistics = {
  cpuOf,
  cpusetOf,
  memoryOf,
  blkioOf,
  hugetlb: {
    usage: 'usage_in_bytes',
    max: 'max_usage_in_bytes',
    failures: (read, prefix) => parseNumber(read('hugetlb', `${prefix}.failcnt`)),
  },
};
