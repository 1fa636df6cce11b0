/** Statistics from the files of cgroup v2 (cgroup-v2.rst), under the names v1 gave them. */
import type {
  BlkioEntry,
  BlkioStatistics,
  CpuStatistics,
  CpusetStatistics,
  MemoryEntry,
  MemoryStatistics,
  ReadFile,
  VersionStatistics,
} from './statistics.ts';
import {
  NO_LIMIT,
  parseKeyed,
  parseNumber,
  parsePressure,
  sortedRecord,
  unlessEmpty,
  unlessZero,
} from './text.ts';

const NANOSECONDS_A_MICROSECOND = 1000n;

function cpuOf(read: ReadFile): CpuStatistics {
  const stat = parseKeyed(read('cpu', 'cpu.stat'));
  const time = (name: string) => (stat.get(name) ?? 0n) * NANOSECONDS_A_MICROSECOND;
  return {
    usage: {
      total: unlessZero(time('usage_usec')),
      kernel: time('system_usec'),
      user: time('user_usec'),
    },
    throttling: {
      periods: unlessZero(stat.get('nr_periods')),
      throttledPeriods: unlessZero(stat.get('nr_throttled')),
      throttledTime: unlessZero(time('throttled_usec')),
    },
    psi: parsePressure(read('cpu', 'cpu.pressure')),
  };
}

/** v2 has none of these; runc prints them all the same. */
const CPUSET: CpusetStatistics = {
  cpu_exclusive: 0n,
  mem_hardwall: 0n,
  mem_exclusive: 0n,
  memory_migrate: 0n,
  memory_spread_page: 0n,
  memory_spread_slab: 0n,
  memory_pressure: 0n,
  sched_load_balance: 0n,
  sched_relax_domain_level: 0n,
};

const NO_MEMORY: MemoryEntry = { limit: 0n, failcnt: 0n };

function memoryOf(read: ReadFile): MemoryStatistics {
  const stat = parseKeyed(read('memory', 'memory.stat'));
  const number = (file: string) => parseNumber(read('memory', file));
  const usage = number('memory.current');
  const limit = number('memory.max');
  const swapLimit = number('memory.swap.max');
  return {
    cache: unlessZero(stat.get('file')),
    usage: {
      limit,
      usage: unlessZero(usage),
      max: unlessZero(number('memory.peak')),
      failcnt: 0n,
    },
    // v1's sum of memory and swap, what was read for both above.
    swap: {
      limit: swapLimit === NO_LIMIT || limit === NO_LIMIT ? NO_LIMIT : swapLimit + limit,
      usage: unlessZero(number('memory.swap.current') + usage),
      max: unlessZero(number('memory.swap.peak')),
      failcnt: 0n,
    },
    kernel: NO_MEMORY,
    kernelTCP: NO_MEMORY,
    raw: sortedRecord(stat),
    psi: parsePressure(read('memory', 'memory.pressure')),
  };
}

const IO = {
  rbytes: ['ioServiceBytesRecursive', 'Read'],
  wbytes: ['ioServiceBytesRecursive', 'Write'],
  rios: ['ioServicedRecursive', 'Read'],
  wios: ['ioServicedRecursive', 'Write'],
} as const;

/** `8:0 rbytes=1 wbytes=2 rios=3 wios=4 …` a line; what v1 has no name for is left out. */
function blkioOf(read: ReadFile): BlkioStatistics {
  const entries = (read('io', 'io.stat') ?? '').split('\n').flatMap((line) => {
    const [, major, minor, rest = ''] = /^(\d+):(\d+) (.*)$/.exec(line) ?? [];
    if (major === undefined || minor === undefined) return [];
    const device = { major: unlessZero(BigInt(major)), minor: unlessZero(BigInt(minor)) };
    return rest.split(' ').flatMap((word) => {
      const [key = '', value = ''] = word.split('=');
      if (!isCounter(key)) return [];
      const [list, op] = IO[key];
      return [{ list, entry: { ...device, op, value: unlessZero(BigInt(value)) } }];
    });
  });
  const list = (name: string): readonly BlkioEntry[] | undefined =>
    unlessEmpty(entries.filter((each) => each.list === name).map(({ entry }) => entry));
  return {
    ioServiceBytesRecursive: list('ioServiceBytesRecursive'),
    ioServicedRecursive: list('ioServicedRecursive'),
    psi: parsePressure(read('io', 'io.pressure')),
  };
}

const isCounter = (key: string): key is keyof typeof IO => Object.hasOwn(IO, key);

export const V2: VersionStatistics = {
  cpuOf,
  cpusetOf: () => CPUSET,
  memoryOf,
  blkioOf,
  hugetlb: {
    usage: 'current',
    failures: (read, prefix) =>
      parseKeyed(read('hugetlb', `${prefix.replace(/\.rsvd$/, '')}.events`)).get('max') ?? 0n,
  },
};
