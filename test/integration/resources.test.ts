/** linux.resources: every property, read back in the kernel's file for it. */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import {
  cgroupDirectory,
  firstDisk,
  hasController,
  hierarchyOf,
  isV2,
  readCgroup,
} from './cgroupFiles.ts';
import type { Config } from './config.ts';
import { cgroupsOf, isTsrun, TOP, useContainers } from './runtime.ts';
import { type Kind, printCell, readTable } from './verifiedTable.ts';

const t = useContainers();
type Resources = NonNullable<Config['linux']['resources']>;

/** systemd makes the cgroup when TSRUN_SYSTEMD_CGROUP is set: the machine must run it. */
const isSystemd = process.env['TSRUN_SYSTEMD_CGROUP'] !== undefined;
const version = isV2 ? 'v2' : 'v1';
const kind: Kind = isSystemd ? `systemd ${version}` : version;

/** Controller, file, what it holds then: a line of it, or all. */
type Expected = readonly [controller: string, file: string, value: string];
/** A property of the systemd unit, and what `systemctl show` says of it. */
type Shown = readonly [name: string, value: string];

interface Row {
  readonly property: string;
  readonly resources: Resources;
  readonly v1?: Expected;
  readonly v2?: Expected;
  /** How else it is tested on v2. */
  readonly insteadOnV2?: string;
  /** What systemd is told on v1 and on v2. */
  readonly unit?: { readonly v1?: Shown; readonly v2?: Shown };
  /** What the machine must have for it. */
  readonly needs?: keyof typeof LACKS;
}

const MIB = 1 << 20;
const INFINIBAND = '/sys/class/infiniband';
const disk = firstDisk();
/** An RDMA device: test/vm has one of software. */
const rdma = existsSync(INFINIBAND) ? readdirSync(INFINIBAND).sort()[0] : undefined;
const rate = { major: disk?.major ?? 0, minor: disk?.minor ?? 0, rate: 1_048_576 };
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
    needs: 'disk',
  };
};

/** Why a machine cannot tell. */
const LACKS = {
  disk: disk === undefined && '(no block device)',
  weights: !disk?.hasWeights && '(no disk that BFQ serves)',
  rdma: rdma === undefined && '(no RDMA device)',
  // CONFIG_RT_GROUP_SCHED, which Debian's kernel has not.
  realtime:
    !isV2 && !existsSync(join(hierarchyOf('cpu'), 'cpu.rt_runtime_us')) && '(no cpu.rt_runtime_us)',
};

const ROWS: readonly Row[] = [
  {
    property: 'memory.limit',
    resources: { memory: { limit: 32 * MIB } },
    v1: ['memory', 'memory.limit_in_bytes', `${32 * MIB}`],
    v2: ['memory', 'memory.max', `${32 * MIB}`],
    unit: { v1: ['MemoryLimit', `${32 * MIB}`], v2: ['MemoryMax', `${32 * MIB}`] },
  },
  {
    property: 'memory.reservation',
    resources: { memory: { reservation: 16 * MIB } },
    v1: ['memory', 'memory.soft_limit_in_bytes', `${16 * MIB}`],
    v2: ['memory', 'memory.low', `${16 * MIB}`],
    unit: { v2: ['MemoryLow', `${16 * MIB}`] },
  },
  {
    property: 'memory.swap',
    resources: { memory: { limit: 32 * MIB, swap: 48 * MIB } },
    v1: ['memory', 'memory.memsw.limit_in_bytes', `${48 * MIB}`],
    v2: ['memory', 'memory.swap.max', `${16 * MIB}`],
    unit: { v2: ['MemorySwapMax', `${16 * MIB}`] },
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
    unit: { v1: ['CPUShares', '2048'], v2: ['CPUWeight', '174'] },
  },
  {
    property: 'cpu.quota',
    resources: { cpu: { quota: 25_000 } },
    v1: ['cpu', 'cpu.cfs_quota_us', '25000'],
    v2: ['cpu', 'cpu.max', '25000 100000'],
    unit: { v1: ['CPUQuotaPerSecUSec', '250ms'], v2: ['CPUQuotaPerSecUSec', '250ms'] },
  },
  {
    property: 'cpu.period',
    resources: { cpu: { quota: 25_000, period: 50_000 } },
    v1: ['cpu', 'cpu.cfs_period_us', '50000'],
    v2: ['cpu', 'cpu.max', '25000 50000'],
    unit: { v1: ['CPUQuotaPeriodUSec', '50ms'], v2: ['CPUQuotaPeriodUSec', '50ms'] },
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
    unit: { v2: ['CPUWeight', 'idle'] },
  },
  {
    property: 'cpu.cpus',
    resources: { cpu: { cpus: '0' } },
    v1: ['cpuset', 'cpuset.cpus', '0'],
    v2: ['cpuset', 'cpuset.cpus', '0'],
    unit: { v2: ['AllowedCPUs', '0'] },
  },
  {
    property: 'cpu.mems',
    resources: { cpu: { mems: '0' } },
    v1: ['cpuset', 'cpuset.mems', '0'],
    v2: ['cpuset', 'cpuset.mems', '0'],
    unit: { v2: ['AllowedMemoryNodes', '0'] },
  },
  {
    property: 'cpu.realtimePeriod',
    resources: { cpu: { realtimePeriod: 900_000 } },
    v1: ['cpu', 'cpu.rt_period_us', '900000'],
    needs: 'realtime',
  },
  {
    property: 'cpu.realtimeRuntime',
    resources: { cpu: { realtimeRuntime: 1000 } },
    v1: ['cpu', 'cpu.rt_runtime_us', '1000'],
    needs: 'realtime',
  },
  {
    property: 'pids.limit',
    resources: { pids: { limit: 17 } },
    v1: ['pids', 'pids.max', '17'],
    v2: ['pids', 'pids.max', '17'],
    unit: { v1: ['TasksMax', '17'], v2: ['TasksMax', '17'] },
  },
  {
    property: 'blockIO.weight',
    resources: { blockIO: { weight: 500 } },
    v1: ['blkio', 'blkio.bfq.weight', '500'],
    v2: ['io', 'io.bfq.weight', 'default 500'],
  },
  {
    property: 'blockIO.weight, io.weight',
    resources: { blockIO: { weight: 500 } },
    v2: ['io', 'io.weight', 'default 4950'],
  },
  {
    property: 'blockIO.weightDevice',
    resources: {
      blockIO: { weightDevice: [{ major: rate.major, minor: rate.minor, weight: 300 }] },
    },
    v1: ['blkio', 'blkio.bfq.weight_device', `${number} 300`],
    v2: ['io', 'io.bfq.weight', `${number} 300`],
    needs: 'weights',
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
  ...(['hcaHandles', 'hcaObjects'] as const).map((name, i): Row => {
    const limits = ['hca_handle', 'hca_object'].map((key, at) => `${key}=${at === i ? 7 : 'max'}`);
    const line = [rdma, ...limits].join(' ');
    return {
      property: `rdma.${name}`,
      resources: { rdma: { [rdma ?? '']: { [name]: 7 } } },
      v1: ['rdma', 'rdma.max', line],
      v2: ['rdma', 'rdma.max', line],
      needs: 'rdma',
    };
  }),
  {
    property: 'devices',
    resources: {
      devices: [{ allow: false }, { allow: true, type: 'c', major: 10, minor: 229, access: 'rw' }],
    },
    v1: ['devices', 'devices.list', 'c 10:229 rw'],
    insteadOnV2: '(an eBPF program: by opening devices)',
    unit: {
      v1: ['DeviceAllow', '/dev/char/10:229 rw'],
      v2: ['DeviceAllow', '/dev/char/10:229 rw'],
    },
  },
  {
    property: 'unified',
    resources: { unified: { 'memory.high': `${8 * MIB}` } },
    v2: ['memory', 'memory.high', `${8 * MIB}`],
    unit: { v2: ['MemoryHigh', `${8 * MIB}`] },
  },
];

const found = new Map<string, string>();

describe('linux.resources', () => {
  it.for(ROWS.map((row) => [row.property, row] as const))('%s', ([property, row], { skip }) => {
    const expected = row[version];
    const without = (reason: string): never => {
      found.set(property, reason);
      return skip(reason);
    };
    if (expected === undefined) return without(row.insteadOnV2 ?? '-');
    const [controller, file, value] = expected;
    if (!hasController(controller)) return without(`(no ${controller} controller)`);
    const lack = row.needs !== undefined && LACKS[row.needs];
    if (lack) return without(lack);
    const { id, result } = create(row.resources);
    expect(result).toMatchObject({ status: 0, ...(isTsrun ? { stderr: '' } : {}) });
    const path = join(cgroupDirectory(id, controller), file);
    if (!existsSync(path)) return without(`(no ${file})`);
    const lines = readFileSync(path, 'utf8')
      .split('\n')
      .map((line) => line.trim());
    expect(lines).toContain(value);
    const shown = isSystemd ? row.unit?.[version] : undefined;
    if (shown !== undefined) expect(show(id, shown[0])).toContain(shown[1]);
    found.set(property, shown === undefined ? file : `${file}, ${shown[0]}`);
  });

  afterAll(() => {
    if (process.env['TSRUN_VERIFIED'] !== undefined) {
      for (const [property, cell] of found) console.log(printCell(kind, property, cell));
      return;
    }
    if (!isTsrun) return;
    // What the machine lacks may differ from one to the next; what was read back may not be less.
    const table = readTable(join(TOP, 'test/integration/resources-verified.md'));
    const stale = [...found].filter(
      ([property, cell]) => /^[a-z]/.test(cell) && table.get(property)?.get(kind) !== cell,
    );
    expect(stale, 'npm run verified makes the table').toEqual([]);
  });
});

describe('linux.resources that the kernel has no file for, or refuses', () => {
  const LEAF: Resources = { blockIO: { leafWeight: 300 } };
  const NO_DISK: Resources = {
    blockIO: { throttleReadBpsDevice: [{ major: 4095, minor: 7, rate: 1 }] },
  };
  const CPUS: Resources = { cpu: { cpus: '4000' } };
  const RDMA: Resources = { rdma: { mlx5_9: { hcaHandles: 3 } } };
  const HUGE: Resources = { hugepageLimits: [{ pageSize: '64KB', limit: 65_536 }] };
  // runc leaves out in silence what it finds no controller for, and names no property.
  it.runIf(isTsrun).each<[string, Resources]>([
    ['blockIO.leafWeight', LEAF],
    ['blockIO.throttleReadBpsDevice[0]', NO_DISK],
    ['cpu.cpus', CPUS],
    ['rdma.mlx5_9', RDMA],
    ['hugepageLimits[0]', HUGE],
  ])('%s is named, and nothing is left', (property, resources) => {
    const { id, result } = create(resources);
    expect(result.status).toBe(1);
    expect(result.stderr).toContain(`linux.resources.${property}`);
    expect(cgroupsOf(id)).toEqual([]);
  });
});

describe('linux.resources.memory.checkBeforeUpdate', () => {
  it.runIf(isTsrun)('refuses a limit below what is used, which stays as it was', () => {
    const { id } = create({ memory: { limit: 64 * MIB } });
    const file = isV2 ? 'memory.max' : 'memory.limit_in_bytes';
    const asked = { memory: { limit: 4096, checkBeforeUpdate: true } };
    const args = ['update', '--resources', '-', id];
    const { status, stderr } = t.call(args, { input: JSON.stringify(asked) });
    expect(status).toBe(1);
    expect(stderr).toMatch(isV2 ? /rejecting memory limit 4096/ : /memory\.limit_in_bytes/);
    expect(readCgroup(id, 'memory', file)).toBe(`${64 * MIB}`);
  });
});

const show = (id: string, property: string): string =>
  spawnSync('systemctl', ['show', '--value', '--property', property, `tsrun-${id}.scope`], {
    encoding: 'utf8',
  }).stdout;

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
