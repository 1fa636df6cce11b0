/** linux.resources: every property, read back in the kernel's file for it. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { cgroupDirectory, isV2 } from './cgroupFiles.ts';
import type { Config } from './config.ts';
import { isTsrun, TOP, useContainers } from './runtime.ts';
import { type Kind, readTable, writeColumn } from './verifiedTable.ts';

const t = useContainers();
type Resources = NonNullable<Config['linux']['resources']>;

/** systemd makes the cgroup when TSRUN_SYSTEMD_CGROUP is set: the machine must run it. */
const isSystemd = process.env['TSRUN_SYSTEMD_CGROUP'] !== undefined;
const kind: Kind = isSystemd ? 'systemd' : isV2 ? 'v2' : 'v1';

/** Controller, file, what it holds then: a line of it, or all. */
type Expected = readonly [controller: string, file: string, value: string];

interface Row {
  readonly property: string;
  readonly resources: Resources;
  readonly v1?: Expected;
  readonly v2?: Expected;
}

const MIB = 1 << 20;
/** Some block device of the machine; a virtual one may have none. */
const disk = firstDisk();
const rate = { ...(disk ?? { major: 0, minor: 0 }), rate: 1_048_576 };
const number = `${rate.major}:${rate.minor}`;

const throttle = (
  name: 'ReadBps' | 'WriteBps' | 'ReadIOPS' | 'WriteIOPS',
  v1File: string,
  v2Key: string,
): Row => {
  const unlimited = ['rbps=max', 'wbps=max', 'riops=max', 'wiops=max'];
  const line = unlimited.map((word) =>
    word.startsWith(`${v2Key}=`) ? `${v2Key}=${rate.rate}` : word,
  );
  return {
    property: `blockIO.throttle${name}Device`,
    resources: { blockIO: { [`throttle${name}Device`]: [rate] } },
    v1: ['blkio', `blkio.throttle.${v1File}`, `${number} ${rate.rate}`],
    v2: ['io', 'io.max', `${number} ${line.join(' ')}`],
  };
};

const ROWS: readonly Row[] = [
  {
    property: 'memory.limit',
    resources: { memory: { limit: 32 * MIB } },
    v1: ['memory', 'memory.limit_in_bytes', `${32 * MIB}`],
    v2: ['memory', 'memory.max', `${32 * MIB}`],
  },
  {
    property: 'memory.reservation',
    resources: { memory: { reservation: 16 * MIB } },
    v1: ['memory', 'memory.soft_limit_in_bytes', `${16 * MIB}`],
    v2: ['memory', 'memory.low', `${16 * MIB}`],
  },
  {
    property: 'memory.swap',
    resources: { memory: { limit: 32 * MIB, swap: 48 * MIB } },
    v1: ['memory', 'memory.memsw.limit_in_bytes', `${48 * MIB}`],
    v2: ['memory', 'memory.swap.max', `${16 * MIB}`],
  },
  {
    property: 'memory.swappiness',
    resources: { memory: { swappiness: 17 } },
    v1: ['memory', 'memory.swappiness', '17'],
  },
  {
    property: 'memory.disableOOMKiller',
    resources: { memory: { disableOOMKiller: true } },
    v1: ['memory', 'memory.oom_control', 'oom_kill_disable 1'],
  },
  {
    property: 'cpu.shares',
    resources: { cpu: { shares: 2048 } },
    v1: ['cpu', 'cpu.shares', '2048'],
    v2: ['cpu', 'cpu.weight', '174'],
  },
  {
    property: 'cpu.quota',
    resources: { cpu: { quota: 25_000 } },
    v1: ['cpu', 'cpu.cfs_quota_us', '25000'],
    v2: ['cpu', 'cpu.max', '25000 100000'],
  },
  {
    property: 'cpu.period',
    resources: { cpu: { quota: 25_000, period: 50_000 } },
    v1: ['cpu', 'cpu.cfs_period_us', '50000'],
    v2: ['cpu', 'cpu.max', '25000 50000'],
  },
  {
    property: 'cpu.burst',
    resources: { cpu: { quota: 25_000, burst: 5000 } },
    v1: ['cpu', 'cpu.cfs_burst_us', '5000'],
    v2: ['cpu', 'cpu.max.burst', '5000'],
  },
  {
    property: 'cpu.idle',
    resources: { cpu: { idle: 1 } },
    v1: ['cpu', 'cpu.idle', '1'],
    v2: ['cpu', 'cpu.idle', '1'],
  },
  {
    property: 'cpu.cpus',
    resources: { cpu: { cpus: '0' } },
    v1: ['cpuset', 'cpuset.cpus', '0'],
    v2: ['cpuset', 'cpuset.cpus', '0'],
  },
  {
    property: 'cpu.mems',
    resources: { cpu: { mems: '0' } },
    v1: ['cpuset', 'cpuset.mems', '0'],
    v2: ['cpuset', 'cpuset.mems', '0'],
  },
  {
    property: 'cpu.realtimePeriod',
    resources: { cpu: { realtimePeriod: 900_000 } },
    v1: ['cpu', 'cpu.rt_period_us', '900000'],
  },
  {
    property: 'cpu.realtimeRuntime',
    resources: { cpu: { realtimeRuntime: 1000 } },
    v1: ['cpu', 'cpu.rt_runtime_us', '1000'],
  },
  {
    property: 'pids.limit',
    resources: { pids: { limit: 17 } },
    v1: ['pids', 'pids.max', '17'],
    v2: ['pids', 'pids.max', '17'],
  },
  {
    property: 'blockIO.weight',
    resources: { blockIO: { weight: 500 } },
    v1: ['blkio', 'blkio.bfq.weight', '500'],
    v2: ['io', 'io.bfq.weight', 'default 500'],
  },
  throttle('ReadBps', 'read_bps_device', 'rbps'),
  throttle('WriteBps', 'write_bps_device', 'wbps'),
  throttle('ReadIOPS', 'read_iops_device', 'riops'),
  throttle('WriteIOPS', 'write_iops_device', 'wiops'),
  {
    property: 'hugepageLimits',
    resources: { hugepageLimits: [{ pageSize: '2MB', limit: 4 * MIB }] },
    v1: ['hugetlb', 'hugetlb.2MB.limit_in_bytes', `${4 * MIB}`],
    v2: ['hugetlb', 'hugetlb.2MB.max', `${4 * MIB}`],
  },
  {
    property: 'hugepageLimits, reserved',
    resources: { hugepageLimits: [{ pageSize: '2MB', limit: 4 * MIB }] },
    v1: ['hugetlb', 'hugetlb.2MB.rsvd.limit_in_bytes', `${4 * MIB}`],
    v2: ['hugetlb', 'hugetlb.2MB.rsvd.max', `${4 * MIB}`],
  },
  {
    property: 'network.classID',
    resources: { network: { classID: 1_048_577 } },
    v1: ['net_cls', 'net_cls.classid', '1048577'],
  },
  {
    property: 'network.priorities',
    resources: { network: { priorities: [{ name: 'lo', priority: 5 }] } },
    v1: ['net_prio', 'net_prio.ifpriomap', 'lo 5'],
  },
  {
    property: 'devices',
    resources: {
      devices: [{ allow: false }, { allow: true, type: 'c', major: 10, minor: 229, access: 'rw' }],
    },
    v1: ['devices', 'devices.list', 'c 10:229 rw'],
  },
  {
    property: 'unified',
    resources: { unified: { 'memory.high': `${8 * MIB}` } },
    v2: ['memory', 'memory.high', `${8 * MIB}`],
  },
];

const found = new Map<string, string>();
const TABLE = join(TOP, 'test/integration/resources-verified.md');

describe('linux.resources', () => {
  it.for(ROWS.map((row) => [row.property, row] as const))('%s', ([property, row], { skip }) => {
    const expected = isV2 ? row.v2 : row.v1;
    const without = (reason: string): never => {
      found.set(property, reason);
      return skip(reason);
    };
    if (expected === undefined) return without('-');
    const [controller, file, value] = expected;
    if (!hasController(controller)) return without(`(no ${controller} controller)`);
    if (disk === undefined && property.endsWith('Device')) return without('(no block device)');
    const { id, result } = create(row.resources);
    expect(result).toMatchObject({ status: 0 });
    const path = join(cgroupDirectory(id, controller), file);
    if (!existsSync(path)) return without(`(no ${file})`);
    const lines = readFileSync(path, 'utf8').trim().split('\n');
    expect(lines).toContain(value);
    found.set(property, file);
  });

  afterAll(() => {
    const target = process.env['TSRUN_VERIFIED'];
    if (target !== undefined) writeColumn(target, kind, found);
    if (target !== undefined || !isTsrun) return;
    // What the machine lacks may differ from one to the next; what was read back may not be less.
    const table = readTable(TABLE);
    const stale = [...found].filter(
      ([property, cell]) => /^[a-z]/.test(cell) && table.get(property)?.get(kind) !== cell,
    );
    expect(stale, 'TSRUN_VERIFIED=test/integration/resources-verified.md writes it').toEqual([]);
  });
});

function create(resources: Resources) {
  const id = t.newId();
  const bundle = t.bundle((config) => {
    config.process.args = ['sleep', '1000'];
    config.linux.resources = resources;
    if (isSystemd) config.linux.cgroupsPath = `system.slice:tsrun:${id}`;
  });
  const globals = isSystemd ? ['--systemd-cgroup'] : [];
  return { id, result: t.call([...globals, 'create', '--bundle', bundle, id]) };
}

function hasController(name: string): boolean {
  if (!isV2) return existsSync(`/sys/fs/cgroup/${name}`);
  return readFileSync('/sys/fs/cgroup/cgroup.controllers', 'utf8').trim().split(' ').includes(name);
}

function firstDisk(): { major: number; minor: number } | undefined {
  const [name] = readdirSync('/sys/block').sort((a, b) => rank(a) - rank(b));
  if (name === undefined) return undefined;
  const [major = 0, minor = 0] = readFileSync(`/sys/block/${name}/dev`, 'utf8')
    .split(':')
    .map(Number);
  return { major, minor };
}

/** Real disks before loop devices. */
function rank(name: string): number {
  return name.startsWith('loop') || name.startsWith('ram') ? 1 : 0;
}
