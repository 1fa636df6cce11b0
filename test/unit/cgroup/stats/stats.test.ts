import { describe, expect, it } from 'vitest';
import type { ReadFile } from '../../../../src/cgroup/stats/statistics.ts';
import { parseList, parseNumber, parsePressure } from '../../../../src/cgroup/stats/text.ts';
import { V1 } from '../../../../src/cgroup/stats/v1.ts';
import { V2 } from '../../../../src/cgroup/stats/v2.ts';
import { pageSizeName, statisticsFrom } from '../../../../src/cgroup/stats.ts';
import { formatJson } from '../../../../src/spec/formatJson.ts';

const files =
  (texts: Readonly<Record<string, string>>): ReadFile =>
  (controller, file) =>
    texts[`${controller}/${file}`];
const statisticsV1 = (read: ReadFile, sizes: readonly string[]) => statisticsFrom(read, V1, sizes);
const statisticsV2 = (read: ReadFile, sizes: readonly string[]) => statisticsFrom(read, V2, sizes);
/** As it is printed: what is undefined is not there. */
const printed = (value: unknown) => formatJson(value);

const PRESSURE = `some avg10=1.50 avg60=0.25 avg300=0.00 total=18446744073709551615
full avg10=0.00 avg60=0.00 avg300=0.00 total=7
`;

describe('formats of cgroup files', () => {
  it.each([
    ['12\n', 12n],
    ['max\n', 18446744073709551615n],
    ['-1\n', -1n],
    ['9223372036854771712', 9223372036854771712n],
    ['', 0n],
    [undefined, 0n],
  ])('%j is the number %s', (text, number) => {
    expect(parseNumber(text)).toBe(number);
  });

  it('lists have ranges', () => {
    expect(parseList('0-2,7\n')).toEqual([0, 1, 2, 7]);
    expect(parseList('\n')).toEqual([]);
  });

  it('pressure is exact, and absent where the kernel has none', () => {
    expect(parsePressure(PRESSURE)).toEqual({
      some: { avg10: 1.5, avg60: 0.25, avg300: 0, total: 18446744073709551615n },
      full: { avg10: 0, avg60: 0, avg300: 0, total: 7n },
    });
    expect(parsePressure(undefined)).toBeUndefined();
    expect(parsePressure('')).toBeUndefined();
  });

  it.each([
    [64, '64KB'],
    [2048, '2MB'],
    [1048576, '1GB'],
  ])('a page of %i KiB is called %s', (kib, name) => {
    expect(pageSizeName(kib)).toBe(name);
  });
});

describe('statistics', () => {
  const nothing = files({});

  it('of a cgroup without files have the members runc prints for zeros', () => {
    const zeros =
      '"cpuset":{"cpu_exclusive":0,"mem_hardwall":0,"mem_exclusive":0,"memory_migrate":0,' +
      '"memory_spread_page":0,"memory_spread_slab":0,"memory_pressure":0,"sched_load_balance":0,' +
      '"sched_relax_domain_level":0},"memory":{"usage":{"limit":0,"failcnt":0},"swap":{"limit":0,' +
      '"failcnt":0},"kernel":{"limit":0,"failcnt":0},"kernelTCP":{"limit":0,"failcnt":0}},"pids":{},' +
      '"blkio":{},"hugetlb":{}}';
    const cpu = '{"cpu":{"usage":{"kernel":0,"user":0},"throttling":{}},';
    expect(printed(statisticsV1(nothing, ['2MB']))).toBe(`${cpu}${zeros}`);
    expect(printed(statisticsV2(nothing, ['2MB']))).toBe(`${cpu}${zeros}`);
  });

  it('of v1 are in nanoseconds and bytes', () => {
    const read = files({
      'cpuacct/cpuacct.usage': '5000\n',
      'cpuacct/cpuacct.stat': 'user 3\nsystem 2\n',
      'cpuacct/cpuacct.usage_percpu': '3000 2000 \n',
      'cpuacct/cpuacct.usage_all': 'cpu user system\n0 1 2\n1 3 4\n',
      'cpu/cpu.stat': 'nr_periods 4\nnr_throttled 0\nthrottled_time 9\n',
      'cpuset/cpuset.cpus': '0-1\n',
      'cpuset/cpuset.sched_relax_domain_level': '-1\n',
      'memory/memory.stat': 'rss 7\ncache 8\nhierarchical_memory_limit 9223372036854771712\n',
      'memory/memory.usage_in_bytes': '15\n',
      'memory/memory.limit_in_bytes': '9223372036854771712\n',
      'memory/memory.kmem.tcp.failcnt': '2\n',
      'pids/pids.current': '3\n',
      'pids/pids.max': 'max\n',
      'blkio/blkio.throttle.io_serviced_recursive': '8:0 Read 4\n8:0 Write 0\nTotal 4\n',
      'blkio/blkio.throttle.io_service_bytes_recursive': '8:0 Read 4096\nTotal 4096\n',
      'hugetlb/hugetlb.2MB.usage_in_bytes': '2097152\n',
      'hugetlb/hugetlb.2MB.failcnt': '1\n',
    });
    expect(JSON.parse(printed(statisticsV1(read, ['1GB', '2MB'])))).toMatchObject({
      cpu: {
        usage: {
          total: 5000,
          percpu: [3000, 2000],
          percpu_kernel: [2, 4],
          percpu_user: [1, 3],
          kernel: 20_000_000,
          user: 30_000_000,
        },
        throttling: { periods: 4, throttledTime: 9 },
      },
      cpuset: { cpus: [0, 1], sched_relax_domain_level: -1 },
      memory: { cache: 8, usage: { usage: 15, failcnt: 0 }, kernelTCP: { failcnt: 2 } },
      pids: { current: 3 },
      blkio: {
        ioServiceBytesRecursive: [{ major: 8, op: 'Read', value: 4096 }],
        ioServicedRecursive: [
          { major: 8, op: 'Read', value: 4 },
          { major: 8, op: 'Write' },
        ],
      },
      hugetlb: { '2MB': { usage: 2097152, failcnt: 1 } },
    });
    expect(printed(statisticsV1(read, []).memory)).toContain('"limit":9223372036854771712');
    expect(Object.keys(statisticsV1(read, []).memory.raw ?? {})).toEqual([
      'cache',
      'hierarchical_memory_limit',
      'rss',
    ]);
  });

  it('of v1 name the I/O scheduler that counts', () => {
    const read = files({
      'blkio/blkio.bfq.io_serviced_recursive': 'Total 0\n',
      'blkio/blkio.io_service_bytes_recursive': 'Total 0\n',
      'blkio/blkio.sectors_recursive': '8:16 32\n',
      'blkio/blkio.throttle.io_serviced_recursive': '8:0 Read 4\n',
    });
    expect(JSON.parse(printed(statisticsV1(read, []).blkio))).toEqual({
      sectorsRecursive: [{ major: 8, minor: 16, value: 32 }],
    });
  });

  it('of v2 are under the names of v1', () => {
    const read = files({
      'cpu/cpu.stat': 'usage_usec 5\nuser_usec 3\nsystem_usec 2\nnr_periods 1\nthrottled_usec 4\n',
      'cpu/cpu.pressure': PRESSURE,
      'memory/memory.stat': 'anon 1\nfile 2\n',
      'memory/memory.current': '100\n',
      'memory/memory.max': 'max\n',
      'memory/memory.peak': '200\n',
      'memory/memory.swap.current': '50\n',
      'memory/memory.swap.max': '1000\n',
      'pids/pids.current': '1\n',
      'pids/pids.max': '17\n',
      'io/io.stat': '8:16 rbytes=1 wbytes=0 rios=2 wios=3 dbytes=4 dios=5\n',
      'hugetlb/hugetlb.2MB.current': '0\n',
      'hugetlb/hugetlb.2MB.events': 'max 6\n',
    });
    expect(printed(statisticsV2(read, ['2MB']))).toBe(
      '{"cpu":{"usage":{"total":5000,"kernel":2000,"user":3000},"throttling":{"periods":1,' +
        '"throttledTime":4000},"psi":{"some":{"avg10":1.5,"avg60":0.25,"avg300":0,' +
        '"total":18446744073709551615},"full":{"avg10":0,"avg60":0,"avg300":0,"total":7}}},' +
        '"cpuset":{"cpu_exclusive":0,"mem_hardwall":0,"mem_exclusive":0,"memory_migrate":0,' +
        '"memory_spread_page":0,"memory_spread_slab":0,"memory_pressure":0,"sched_load_balance":0,' +
        '"sched_relax_domain_level":0},"memory":{"cache":2,"usage":{"limit":18446744073709551615,' +
        '"usage":100,"max":200,"failcnt":0},"swap":{"limit":18446744073709551615,"usage":150,' +
        '"failcnt":0},"kernel":{"limit":0,"failcnt":0},"kernelTCP":{"limit":0,"failcnt":0},' +
        '"raw":{"anon":1,"file":2}},"pids":{"current":1,"limit":17},"blkio":{' +
        '"ioServiceBytesRecursive":[{"major":8,"minor":16,"op":"Read","value":1},' +
        '{"major":8,"minor":16,"op":"Write"}],"ioServicedRecursive":[{"major":8,"minor":16,' +
        '"op":"Read","value":2},{"major":8,"minor":16,"op":"Write","value":3}]},' +
        '"hugetlb":{"2MB":{"failcnt":6}}}',
    );
  });
});
