import { describe, expect, it } from 'vitest';
import { recordedCgroup } from '../../../../../src/config/linux/cgroupsPath.ts';
import { mergeResources } from '../../../../../src/config/linux/resources/merge.ts';
import { planUpdate } from '../../../../../src/config/linux/resources.ts';
import type { LinuxResources } from '../../../../../src/generated/spec.ts';
import type { CgroupLayout } from '../../../../../src/plan/context.ts';

const V1 = recordedCgroup(
  {
    version: 1,
    hierarchies: ['memory', 'cpu', 'cpuset', 'pids', 'blkio', 'devices'].map((name) => ({
      controllers: [name],
      mountpoint: `/c/${name}`,
      own: '/',
    })),
  },
  ['/c/memory/web', '/c/cpu/web', '/c/cpuset/web', '/c/pids/web', '/c/blkio/web', '/c/devices/web'],
);
const V2 = recordedCgroup(
  { version: 2, mountpoint: '/c', own: '/', controllers: ['memory', 'cpu', 'io', 'pids'] },
  ['/c/web'],
);

/** `file=data` of the plan and of its undo, for files that hold `files`. */
function plan(
  cgroup: typeof V1,
  before: LinuxResources,
  asked: LinuxResources,
  files: Readonly<Record<string, string>> = {},
) {
  const merged = mergeResources(before, asked);
  const { steps, undo } = planUpdate(cgroup, { before, asked, merged }, ({ file }) => files[file]);
  const lines = (all: typeof steps) =>
    all.map(({ op }) => {
      if (op.call === 'write') return `${op.path.replace(/^.*\//, '')}=${op.data}`;
      return op.call;
    });
  return { steps: lines(steps), undo: lines(undo) };
}

describe('the plan of an update', () => {
  it('writes what is asked for and nothing else', () => {
    const before = { memory: { limit: 1000 }, pids: { limit: 5 }, cpu: { shares: 512 } };
    expect(plan(V1, before, { pids: { limit: 7 } }).steps).toEqual(['pids.max=7']);
    expect(plan(V2, before, { pids: { limit: 7 } }).steps).toEqual(['pids.max=7']);
  });

  it('keeps the other of quota and period', () => {
    const before = { cpu: { quota: 5000, period: 10_000 } };
    expect(plan(V2, before, { cpu: { quota: 7000 } }).steps).toEqual(['cpu.max=7000 10000']);
    expect(plan(V2, before, { cpu: { period: 20_000 } }).steps).toEqual(['cpu.max=5000 20000']);
    expect(plan(V1, before, { cpu: { quota: 7000 } }).steps).toEqual(['cpu.cfs_quota_us=7000']);
  });

  it('counts swap without memory on v2, whichever of the two changes', () => {
    const before = { memory: { limit: 100, swap: 300 } };
    expect(plan(V2, before, { memory: { limit: 200 } }).steps).toEqual([
      'memory.swap.max=100',
      'memory.max=200',
    ]);
    expect(plan(V2, before, { memory: { swap: 400 } }).steps).toEqual([
      'memory.swap.max=300',
      'memory.max=100',
    ]);
  });

  it('takes the limit of swap away with the one of memory', () => {
    const before = { memory: { limit: 100, swap: 300 } };
    const asked = { memory: { limit: -1 } };
    const files = { 'memory.memsw.limit_in_bytes': '300\n' };
    expect(plan(V1, before, asked, files).steps).toEqual([
      'memory.memsw.limit_in_bytes=-1',
      'memory.limit_in_bytes=-1',
    ]);
    expect(plan(V2, before, asked).steps).toEqual(['memory.swap.max=max', 'memory.max=max']);
    expect(mergeResources(before, asked)).toEqual({ memory: { limit: -1, swap: -1 } });
  });
  it('takes the zeros of an engine that sends all there is, docker for one, as not given', () => {
    const before = {
      memory: { limit: 64, swap: 128, reservation: 32 },
      cpu: { shares: 100, quota: 5000, period: 10_000, cpus: '0', burst: 5 },
    };
    const asked = {
      memory: { limit: 0, swap: 0, reservation: 0 },
      cpu: { shares: 0, quota: 0, period: 0, cpus: '', mems: '', burst: 0 },
      pids: { limit: 60 },
    };
    expect(mergeResources(before, asked)).toEqual({
      memory: before.memory,
      cpu: { ...before.cpu, burst: 0 },
      pids: { limit: 60 },
    });
  });

  it.each<[string, LinuxResources, Readonly<Record<string, string>>, readonly string[]]>([
    [
      'growing memory: the limit of both first',
      { memory: { limit: 500, swap: 600 } },
      { 'memory.limit_in_bytes': '100', 'memory.memsw.limit_in_bytes': '200' },
      ['memory.memsw.limit_in_bytes=600', 'memory.limit_in_bytes=500'],
    ],
    [
      'shrinking memory: the limit of memory first',
      { memory: { limit: 50, swap: 60 } },
      { 'memory.limit_in_bytes': '100', 'memory.memsw.limit_in_bytes': '200' },
      ['memory.limit_in_bytes=50', 'memory.memsw.limit_in_bytes=60'],
    ],
    [
      'a shorter period: the quota first',
      { cpu: { quota: 500, period: 1000 } },
      { 'cpu.cfs_period_us': '2000' },
      ['cpu.cfs_quota_us=500', 'cpu.cfs_period_us=1000'],
    ],
    [
      'a longer period: the period first',
      { cpu: { quota: 500, period: 3000 } },
      { 'cpu.cfs_period_us': '2000' },
      ['cpu.cfs_period_us=3000', 'cpu.cfs_quota_us=500'],
    ],
    [
      'a smaller burst and a shorter period: burst, quota, period',
      { cpu: { quota: 500, period: 1000, burst: 10 } },
      { 'cpu.cfs_period_us': '2000', 'cpu.cfs_burst_us': '900' },
      ['cpu.cfs_burst_us=10', 'cpu.cfs_quota_us=500', 'cpu.cfs_period_us=1000'],
    ],
    [
      'a larger burst: behind the quota',
      { cpu: { quota: 500, burst: 400 } },
      { 'cpu.cfs_burst_us': '0' },
      ['cpu.cfs_quota_us=500', 'cpu.cfs_burst_us=400'],
    ],
    [
      'no longer idle: before the shares',
      { cpu: { shares: 500, idle: 0 } },
      {},
      ['cpu.idle=0', 'cpu.shares=500'],
    ],
  ])('writes in an order the kernel accepts, %s', (_what, asked, files, expected) => {
    expect(plan(V1, {}, asked, files).steps).toEqual(expected);
  });

  it('forgets the shares of before when the cgroup becomes idle', () => {
    expect(mergeResources({ cpu: { shares: 512, cpus: '0' } }, { cpu: { idle: 1 } })).toEqual({
      cpu: { cpus: '0', idle: 1 },
    });
  });

  it('takes a burst back with zero', () => {
    expect(plan(V2, {}, { cpu: { burst: 0 } }).steps).toEqual(['cpu.max.burst=0']);
  });

  it('merges lists by what their elements are about', () => {
    const device = (minor: number, rate: number) => ({ major: 8, minor, rate });
    const before: LinuxResources = {
      blockIO: { weight: 10, throttleReadBpsDevice: [device(0, 1), device(16, 2)] },
      hugepageLimits: [{ pageSize: '2MB', limit: 1 }],
      rdma: { a: { hcaHandles: 1 } },
      unified: { 'x.y': '1' },
      network: { classID: 1, priorities: [{ name: 'lo', priority: 1 }] },
    };
    const asked: LinuxResources = {
      blockIO: { throttleReadBpsDevice: [device(16, 3), device(32, 4)] },
      hugepageLimits: [{ pageSize: '1GB', limit: 2 }],
      rdma: { a: { hcaObjects: 2 } },
      unified: { 'x.z': '2' },
      network: { priorities: [{ name: 'lo', priority: 2 }] },
    };
    expect(mergeResources(before, asked)).toEqual({
      blockIO: { weight: 10, throttleReadBpsDevice: [device(0, 1), device(16, 3), device(32, 4)] },
      hugepageLimits: [
        { pageSize: '2MB', limit: 1 },
        { pageSize: '1GB', limit: 2 },
      ],
      rdma: { a: { hcaHandles: 1, hcaObjects: 2 } },
      unified: { 'x.y': '1', 'x.z': '2' },
      network: { classID: 1, priorities: [{ name: 'lo', priority: 2 }] },
    });
  });

  it('changes the device rules that differ, as lines on v1 and as a program on v2', () => {
    const fuse = { allow: true, type: 'c' as const, major: 10, minor: 229, access: 'rw' };
    const before = { devices: [{ allow: false }] };
    const asked = { devices: [{ allow: false }, fuse] };
    expect(plan(V1, before, asked)).toEqual({
      steps: ['devices.allow=c 10:229 rw'],
      undo: ['devices.deny=c 10:229 rw'],
    });
    expect(plan(V2, before, asked)).toEqual({ steps: ['bpf_device'], undo: ['bpf_device'] });
    expect(plan(V2, before, { devices: [] }).steps).toEqual([]);
  });
});

describe('the undoing of an update', () => {
  it('writes what the files held, the last first', () => {
    const asked = { memory: { limit: 50, swap: 60 }, pids: { limit: 3 } };
    const files = {
      'memory.limit_in_bytes': '100\n',
      'memory.memsw.limit_in_bytes': '200\n',
      'pids.max': 'max\n',
    };
    expect(plan(V1, {}, asked, files).undo).toEqual([
      'pids.max=max',
      'memory.memsw.limit_in_bytes=200',
      'memory.limit_in_bytes=100',
    ]);
  });

  it('brings back the line of the device, or what stands for none', () => {
    const rate = (minor: number) => ({ major: 8, minor, rate: 5 });
    const asked = { blockIO: { throttleReadBpsDevice: [rate(0), rate(16)] } };
    const v1 = { 'blkio.throttle.read_bps_device': '8:0 7\n8:32 9\n' };
    expect(plan(V1, {}, asked, v1).undo).toEqual([
      'blkio.throttle.read_bps_device=8:16 0',
      'blkio.throttle.read_bps_device=8:0 7',
    ]);
    const v2 = { 'io.max': '8:0 rbps=7 wbps=max riops=max wiops=max\n' };
    expect(plan(V2, {}, asked, v2).undo).toEqual([
      'io.max=8:16 rbps=max wbps=max riops=max wiops=max',
      'io.max=8:0 rbps=7 wbps=max riops=max wiops=max',
    ]);
  });

  it('knows files that are not read as they are written', () => {
    const oom = { 'memory.oom_control': 'oom_kill_disable 0\nunder_oom 0\noom_kill 0\n' };
    expect(plan(V1, {}, { memory: { disableOOMKiller: true } }, oom).undo).toEqual([
      'memory.oom_control=0',
    ]);
    const cpus = { 'cpuset.cpus': '\n' };
    expect(plan(V2, {}, { cpu: { cpus: '0' } }, cpus).undo).toEqual(['cpuset.cpus=\n']);
  });

  it('leaves files alone that are not there', () => {
    expect(plan(V1, {}, { cpu: { burst: 0 } }).undo).toEqual([]);
  });
});

describe('recordedCgroup', () => {
  it('finds the hierarchy of each directory, wherever tsrun itself is now', () => {
    const layout: CgroupLayout = {
      version: 1,
      hierarchies: [
        { controllers: ['cpu', 'cpuacct'], mountpoint: '/c/cpu', own: '/elsewhere' },
        { controllers: ['cpuset'], mountpoint: '/c/cpuset', own: '/elsewhere' },
      ],
    };
    expect(recordedCgroup(layout, ['/c/cpuset/a/web', '/c/cpu/web', '/gone/web'])).toMatchObject({
      version: 1,
      directories: [
        { controllers: ['cpuset'], path: '/a/web', hostPath: '/c/cpuset/a/web' },
        { controllers: ['cpu', 'cpuacct'], path: '/web', hostPath: '/c/cpu/web' },
      ],
    });
    expect(recordedCgroup({ version: 0 }, ['/c/web']).directories).toEqual([]);
  });
});
