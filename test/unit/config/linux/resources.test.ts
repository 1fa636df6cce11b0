import { describe, expect, it } from 'vitest';
import { ioWeightOf } from '../../../../src/config/linux/resources/blockIO.ts';
import { weightOf } from '../../../../src/config/linux/resources/cpu.ts';
import {
  checkHostResources,
  checkResources,
  planLateDeviceRules,
  planResources,
} from '../../../../src/config/linux/resources.ts';
import type { LinuxResources, Spec } from '../../../../src/generated/spec.ts';
import type { CgroupLayout } from '../../../../src/plan/context.ts';
import type { Step } from '../../../../src/plan/step.ts';
import { contextOf, specOf } from '../../context.ts';

const CONTROLLERS = [
  'blkio',
  'cpu',
  'cpuset',
  'devices',
  'hugetlb',
  'memory',
  'net_cls',
  'net_prio',
  'pids',
  'rdma',
];
const V1 = {
  version: 1,
  hierarchies: CONTROLLERS.map((name) => ({
    controllers: [name],
    mountpoint: `/c/${name}`,
    own: '/',
  })),
} as const satisfies CgroupLayout;
const V2: CgroupLayout = {
  version: 2,
  mountpoint: '/c',
  own: '/me',
  controllers: ['cpu', 'cpuset', 'hugetlb', 'io', 'memory', 'pids', 'rdma'],
};

const contextFor = (resources: LinuxResources, cgroup: CgroupLayout, more: Partial<Spec> = {}) =>
  contextOf(specOf({ linux: { resources }, ...more }), { host: { cgroup } });

/** `memory/limit memory.max=5`: the property, the file, the line. Device rules apart. */
const limits = (resources: LinuxResources, cgroup: CgroupLayout) =>
  lines(
    planResources(contextFor(resources, cgroup)).filter(({ op }) => op.call !== 'bpf_device'),
  ).filter((l) => !l.includes('devices.'));

const lines = (steps: readonly Step[]) =>
  steps.map(({ actor, origin, op }) => {
    const property = origin.replace('/linux/resources/', '');
    const file = (path: string) => path.replace(/^\/c\/(?:[a-z_]+\/)?web\//, '');
    if (actor === 'runtime' && op.call === 'write') {
      return `${property} ${file(op.path)}=${op.data}`;
    }
    if (actor !== 'runtime' || op.call !== 'write_any') throw new Error(`${actor} ${op.call}`);
    return `${property} ${op.paths.map((path, i) => `${file(path)}=${op.data[i]}`).join(' or ')}`;
  });

const errors = (resources: LinuxResources) =>
  checkResources(specOf({ linux: { resources } }))
    .filter(({ severity }) => severity === 'error')
    .map(({ path }) => path.replace('/linux/resources/', ''));

const refused = (resources: LinuxResources, cgroup: CgroupLayout, severity = 'error') =>
  checkHostResources(contextFor(resources, cgroup))
    .filter((problem) => problem.severity === severity)
    .map(({ path }) => path.replace('/linux/resources/', ''));

describe('linux.resources.memory', () => {
  it.each<[string, NonNullable<LinuxResources['memory']>, string[], string[]]>([
    [
      'a limit with swap',
      { limit: 100, swap: 150, reservation: 50 },
      [
        'memory/limit memory.limit_in_bytes=100',
        'memory/swap memory.memsw.limit_in_bytes=150',
        'memory/reservation memory.soft_limit_in_bytes=50',
      ],
      [
        'memory/swap memory.swap.max=50',
        'memory/limit memory.max=100',
        'memory/reservation memory.low=50',
      ],
    ],
    [
      'no limits',
      { limit: -1, swap: -1 },
      ['memory/limit memory.limit_in_bytes=-1', 'memory/swap memory.memsw.limit_in_bytes=-1'],
      ['memory/swap memory.swap.max=max', 'memory/limit memory.max=max'],
    ],
    ['zero as not set', { limit: 0, swap: 0, reservation: 0 }, [], []],
    [
      'limits beyond 2^53 exactly',
      { limit: 9223372036854771711n, swap: 9223372036854771712n },
      [
        'memory/limit memory.limit_in_bytes=9223372036854771711',
        'memory/swap memory.memsw.limit_in_bytes=9223372036854771712',
      ],
      ['memory/swap memory.swap.max=1', 'memory/limit memory.max=9223372036854771711'],
    ],
    [
      'what only v1 has',
      { swappiness: 0, disableOOMKiller: true },
      ['memory/disableOOMKiller memory.oom_control=1', 'memory/swappiness memory.swappiness=0'],
      [],
    ],
  ])('writes %s', (_what, memory, v1, v2) => {
    expect(limits({ memory }, V1)).toEqual(v1);
    expect(limits({ memory }, V2)).toEqual(v2);
  });

  it.each<[string, NonNullable<LinuxResources['memory']>, string[]]>([
    ['swap without a limit', { swap: 5 }, ['memory/swap']],
    ['swap with no limit', { swap: 5, limit: -1 }, ['memory/swap']],
    ['swap below the limit', { swap: 5, limit: 6 }, ['memory/swap']],
    ['less than -1', { limit: -2, reservation: -5 }, ['memory/limit', 'memory/reservation']],
  ])('refuses %s', (_what, memory, expected) => {
    expect(errors({ memory })).toEqual(expected);
  });

  it('warns of what v2 does not have', () => {
    const memory = { swappiness: 1, disableOOMKiller: true };
    expect(refused({ memory }, V2, 'warning')).toEqual([
      'memory/swappiness',
      'memory/disableOOMKiller',
    ]);
    expect(refused({ memory }, V1, 'warning')).toEqual([]);
  });
});

describe('linux.resources.cpu', () => {
  it('writes every property on v1, periods before what they measure', () => {
    const cpu = {
      shares: 512,
      quota: 50_000,
      period: 100_000,
      burst: 1000,
      realtimeRuntime: 900,
      realtimePeriod: 1000,
      cpus: '0-1',
      mems: '0',
      idle: 0,
    };
    expect(limits({ cpu }, V1)).toEqual([
      'cpu/shares cpu.shares=512',
      'cpu/realtimePeriod cpu.rt_period_us=1000',
      'cpu/realtimeRuntime cpu.rt_runtime_us=900',
      'cpu/period cpu.cfs_period_us=100000',
      'cpu/quota cpu.cfs_quota_us=50000',
      'cpu/burst cpu.cfs_burst_us=1000',
      'cpu/idle cpu.idle=0',
      'cpu/cpus cpuset.cpus=0-1',
      'cpu/mems cpuset.mems=0',
    ]);
  });

  it.each<[NonNullable<LinuxResources['cpu']>, string[]]>([
    [{ quota: 5000, period: 10_000 }, ['cpu/quota cpu.max=5000 10000']],
    [{ quota: 5000 }, ['cpu/quota cpu.max=5000 100000']],
    [{ quota: -1, period: 10_000 }, ['cpu/quota cpu.max=max 10000']],
    [{ period: 10_000 }, ['cpu/period cpu.max=max 10000']],
    [{ shares: 1024, burst: 7 }, ['cpu/shares cpu.weight=100', 'cpu/burst cpu.max.burst=7']],
    [{ shares: 1024, idle: 1 }, ['cpu/idle cpu.idle=1']],
    [{ cpus: '0', mems: '' }, ['cpu/cpus cpuset.cpus=0']],
  ])('writes %j on v2', (cpu, expected) => {
    expect(limits({ cpu }, V2)).toEqual(expected);
  });

  it.each([
    [0, 1],
    [2, 1],
    [1024, 100],
    [262_144, 10_000],
    [1_000_000, 10_000],
    [512, 59],
    [2048, 174],
  ])('turns %i shares into the weight %i', (shares, weight) => {
    expect(weightOf(shares)).toBe(weight);
  });

  it('refuses lists that are none and an idle that is neither', () => {
    expect(errors({ cpu: { cpus: '0-', mems: 'a', idle: 2 } })).toEqual([
      'cpu/cpus',
      'cpu/mems',
      'cpu/idle',
    ]);
    expect(errors({ cpu: { cpus: '0-3,7', mems: '0-31:2/8', idle: 1 } })).toEqual([]);
  });

  it('refuses shares out of range on v1, which would take others instead', () => {
    const sharesRefused = (shares: number, layout: CgroupLayout) =>
      refused({ cpu: { shares } }, layout);
    expect([1, 262_145].flatMap((shares) => sharesRefused(shares, V1))).toHaveLength(2);
    expect([0, 2, 262_144].flatMap((shares) => sharesRefused(shares, V1))).toEqual([]);
    expect([1, 262_145].flatMap((shares) => sharesRefused(shares, V2))).toEqual([]);
  });

  it('refuses realtime limits on v2', () => {
    expect(refused({ cpu: { realtimeRuntime: 1 } }, V2)).toEqual(['cpu/realtimeRuntime']);
  });
});

describe('linux.resources.pids', () => {
  it.each([
    [5, '5'],
    [-1, 'max'],
    [0, '1'],
  ])('writes the limit %i as %s', (limit, value) => {
    for (const layout of [V1, V2]) {
      expect(limits({ pids: { limit } }, layout)).toEqual([`pids/limit pids.max=${value}`]);
    }
  });

  it('is left alone without a limit', () => {
    expect(limits({ pids: {} }, V1)).toEqual([]);
  });
});

describe('linux.resources.blockIO', () => {
  const blockIO = {
    weight: 500,
    weightDevice: [{ major: 8, minor: 0, weight: 10 }],
    throttleReadBpsDevice: [{ major: 8, minor: 0, rate: 1000 }],
    throttleWriteIOPSDevice: [{ major: 8, minor: 16, rate: 18446744073709551615n }],
  };

  it('writes weights and rates on v1', () => {
    expect(limits({ blockIO }, V1)).toEqual([
      'blockIO/weight blkio.bfq.weight=500 or blkio.weight=500',
      'blockIO/weightDevice/0/weight blkio.bfq.weight_device=8:0 10 or blkio.weight_device=8:0 10',
      'blockIO/throttleReadBpsDevice/0 blkio.throttle.read_bps_device=8:0 1000',
      'blockIO/throttleWriteIOPSDevice/0 blkio.throttle.write_iops_device=8:16 18446744073709551615',
    ]);
  });

  it('writes weights and rates on v2', () => {
    expect(limits({ blockIO }, V2)).toEqual([
      'blockIO/weight io.bfq.weight=500 or io.weight=4950',
      'blockIO/weightDevice/0/weight io.bfq.weight=8:0 10 or io.weight=8:0 1',
      'blockIO/throttleReadBpsDevice/0 io.max=8:0 rbps=1000',
      'blockIO/throttleWriteIOPSDevice/0 io.max=8:16 wiops=18446744073709551615',
    ]);
  });

  it('stretches 10 to 1000 to 1 to 10000', () => {
    expect([10, 100, 1000].map(ioWeightOf)).toEqual([1, 910, 10_000]);
  });

  it('refuses weights out of range, and leaf weights on v2', () => {
    expect(errors({ blockIO: { weight: 5, leafWeight: 1001 } })).toEqual([
      'blockIO/weight',
      'blockIO/leafWeight',
    ]);
    expect(refused({ blockIO: { leafWeight: 100 } }, V2)).toEqual(['blockIO/leafWeight']);
  });
});

describe('the other controllers of linux.resources', () => {
  const resources: LinuxResources = {
    hugepageLimits: [{ pageSize: '2MB', limit: 4194304 }],
    rdma: { mlx5_1: { hcaHandles: 3, hcaObjects: 10 }, mlx4_0: {} },
  };

  it('limits huge pages, used and reserved', () => {
    expect(limits(resources, V1).slice(0, 2)).toEqual([
      'hugepageLimits/0 hugetlb.2MB.limit_in_bytes=4194304',
      'hugepageLimits/0 hugetlb.2MB.rsvd.limit_in_bytes=4194304',
    ]);
    expect(limits(resources, V2).slice(0, 2)).toEqual([
      'hugepageLimits/0 hugetlb.2MB.max=4194304',
      'hugepageLimits/0 hugetlb.2MB.rsvd.max=4194304',
    ]);
  });

  it('refuses a page size that is none', () => {
    const hugepageLimits = [{ pageSize: '2M', limit: 1 }];
    expect(errors({ hugepageLimits })).toEqual(['hugepageLimits/0/pageSize']);
  });

  it('limits rdma handles and objects of a device', () => {
    const line = 'rdma/mlx5_1 rdma.max=mlx5_1 hca_handle=3 hca_object=10';
    expect(limits(resources, V1)).toContain(line);
    expect(limits(resources, V2)).toContain(line);
  });

  it('classifies packets on v1 and refuses to on v2', () => {
    const network = { classID: 1048577, priorities: [{ name: 'eth0', priority: 5 }] };
    expect(limits({ network }, V1)).toEqual([
      'network/classID net_cls.classid=1048577',
      'network/priorities/0 net_prio.ifpriomap=eth0 5',
    ]);
    expect(refused({ network }, V2)).toEqual(['network/classID', 'network/priorities']);
  });

  it('writes unified as it is and last on v2, and refuses it on v1', () => {
    const unified = { 'memory.max': '7', 'cgroup.max.depth': '2' };
    expect(limits({ unified, memory: { limit: 5 } }, V2)).toEqual([
      'memory/limit memory.max=5',
      'unified/memory.max memory.max=7',
      'unified/cgroup.max.depth cgroup.max.depth=2',
    ]);
    expect(refused({ unified }, V2)).toEqual([]);
    expect(refused({ unified }, V1)).toEqual(['unified']);
    expect(errors({ unified: { '../x.y': '1', memory: '1' } })).toEqual([
      'unified/..~1x.y',
      'unified/memory',
    ]);
  });
});

describe('linux.resources on a host that lacks a controller', () => {
  it('is refused by name', () => {
    const layout: CgroupLayout = { ...V2, controllers: ['memory'] };
    expect(refused({ pids: { limit: 5 }, memory: { limit: 5 } }, layout)).toEqual(['pids/limit']);
    expect(refused({ memory: { limit: 5 } }, { version: 0 })).toEqual(['memory/limit']);
    const hugepageLimits = [{ pageSize: '2MB', limit: 5 }];
    expect(refused({ hugepageLimits }, layout)).toEqual(['hugepageLimits/0']);
  });
});

describe('linux.resources.devices', () => {
  const DENY_ALL = { allow: false, access: 'rwm' };
  const rules = (resources: LinuxResources, more: Partial<Spec> = {}) =>
    lines(planResources(contextFor(resources, V1, more)));

  it('denies all, then allows what the rules in their order do and the default devices', () => {
    const devices = [
      { allow: true, type: 'c' as const, major: 9, minor: 9, access: 'rw' },
      DENY_ALL,
      { allow: true, type: 'c' as const, major: 1, minor: 3, access: 'rw' },
      { allow: true, type: 'b' as const, major: 8, minor: 1 },
      { allow: false, type: 'b' as const, major: 8, access: 'w' },
    ];
    expect(rules({ devices })).toEqual([
      'devices/1 devices.deny=a *:* rwm',
      'devices/2 devices.allow=c 1:3 rwm',
      'devices/3 devices.allow=b 8:1 rm',
      ' devices.allow=c *:* m',
      ' devices.allow=b *:* m',
      ' devices.allow=c 1:8 rwm',
      ' devices.allow=c 1:7 rwm',
      ' devices.allow=c 5:0 rwm',
      ' devices.allow=c 1:5 rwm',
      ' devices.allow=c 1:9 rwm',
      ' devices.allow=c 136:* rwm',
      ' devices.allow=c 5:2 rwm',
      ' devices.allow=c 10:200 rwm',
    ]);
  });

  it('denies all but the default devices when nothing is said', () => {
    const [first, ...rest] = lines(planResources(contextFor({}, V1)));
    expect(first).toBe(' devices.deny=a *:* rwm');
    expect(rest).toHaveLength(11);
  });

  it('allows everything when the last rule does, as a privileged container asks', () => {
    expect(rules({ devices: [DENY_ALL, { allow: true, access: 'rwm' }] })).toEqual([
      'devices/1 devices.allow=a *:* rwm',
    ]);
  });

  it('does not widen a rule for all types to every access: the kernel ignores the rest behind "a"', () => {
    expect(rules({ devices: [{ allow: true, access: 'm' }] }).slice(1, 3)).toEqual([
      'devices/0 devices.allow=c *:* m',
      'devices/0 devices.allow=b *:* m',
    ]);
  });

  it('come after the mounts when one of these opens a block device', () => {
    const more = { mounts: [{ destination: '/data', type: 'ext4', source: '/dev/sdb1' }] };
    expect(rules({}, more)).toEqual([]);
    expect(planLateDeviceRules(contextFor({}, V1, more))).toHaveLength(12);
    expect(planLateDeviceRules(contextFor({}, V1))).toEqual([]);
  });

  it('are left to the kernel in a user namespace', () => {
    const context = contextOf(specOf({}), { host: { cgroup: V1, inUserNamespace: true } });
    expect(planResources(context)).toEqual([]);
  });

  it('warns where nothing enforces them', () => {
    const layout: CgroupLayout = { version: 1, hierarchies: V1.hierarchies.slice(0, 1) };
    expect(refused({ devices: [DENY_ALL] }, layout, 'warning')).toEqual(['devices']);
    expect(refused({ devices: [DENY_ALL] }, V1, 'warning')).toEqual([]);
    expect(refused({ devices: [DENY_ALL] }, V2, 'warning')).toEqual([]);
  });

  it('refuses on v1 a rule that takes a part of a wider one away, which v1 ignores', () => {
    const devices = [
      { allow: true, type: 'c' as const, major: 10, access: 'rw' },
      { allow: false, type: 'c' as const, major: 10, minor: 229, access: 'rw' },
    ];
    expect(refused({ devices }, V1)).toEqual(['devices/1']);
    expect(refused({ devices }, V2)).toEqual([]);
  });

  it('become one program on v2', () => {
    const [step, ...none] = planResources(contextFor({ devices: [DENY_ALL] }, V2));
    expect(none).toEqual([]);
    expect(step).toMatchObject({
      actor: 'runtime',
      origin: '/linux/resources/devices',
      op: { call: 'bpf_device', path: '/c/web' },
    });
  });

  it('need no program on v2 when they allow everything', () => {
    expect(planResources(contextFor({ devices: [{ allow: true }] }, V2))).toEqual([]);
  });

  it('refuses an access that is none', () => {
    expect(errors({ devices: [{ allow: true, access: 'x' }] })).toEqual(['devices/0/access']);
  });
});
