/** update: every flag and --resources, read back in the files of the cgroup, and what a failure leaves. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { cgroupDirectory, hierarchyOf, isV2, readCgroup } from './cgroupFiles.ts';
import { type Config, grant } from './config.ts';
import { isTsrun, until, useContainers } from './runtime.ts';

const t = useContainers();
type Resources = NonNullable<Config['linux']['resources']>;

const MIB = 1 << 20;

function start(resources: Resources = {}, edit: (config: Config) => void = () => {}) {
  const created = t.create((config) => {
    config.process.args = ['sleep', '1000'];
    config.linux.resources = resources;
    edit(config);
  });
  expect(created.result).toMatchObject({ status: 0 });
  return created;
}

/** Updates from a file of linux.resources. */
const updateFrom = (id: string, resources: Resources) =>
  t.call(['update', '--resources', '-', id], { input: JSON.stringify(resources) });

interface Case {
  readonly args: readonly string[];
  readonly before?: Resources;
  readonly v1: readonly (readonly [controller: string, file: string, value: string])[];
  readonly v2: readonly (readonly [controller: string, file: string, value: string])[];
}

/** What runc 1.1.5 has not. */
const NEW: readonly Case[] = [
  {
    args: ['--cpu-burst', '3000'],
    before: { cpu: { quota: 5000, period: 10_000 } },
    v1: [['cpu', 'cpu.cfs_burst_us', '3000']],
    v2: [['cpu', 'cpu.max.burst', '3000']],
  },
  {
    args: ['--cpu-idle', '1'],
    v1: [['cpu', 'cpu.idle', '1']],
    v2: [['cpu', 'cpu.idle', '1']],
  },
  {
    args: ['--memory', '-1'],
    before: { memory: { limit: 32 * MIB, swap: 64 * MIB } },
    v1: [
      ['memory', 'memory.limit_in_bytes', '9223372036854771712'],
      ['memory', 'memory.memsw.limit_in_bytes', '9223372036854771712'],
    ],
    v2: [['memory', 'memory.max', 'max']],
  },
  {
    args: ['--memory-swap', '80m'],
    before: { memory: { limit: 32 * MIB, swap: 64 * MIB } },
    v1: [['memory', 'memory.memsw.limit_in_bytes', `${80 * MIB}`]],
    v2: [['memory', 'memory.swap.max', `${48 * MIB}`]],
  },
];

const CASES: readonly Case[] = [
  {
    args: ['--memory', '32m'],
    v1: [['memory', 'memory.limit_in_bytes', `${32 * MIB}`]],
    v2: [['memory', 'memory.max', `${32 * MIB}`]],
  },
  {
    args: ['--memory', '128m', '--memory-swap', '256m'],
    before: { memory: { limit: 32 * MIB, swap: 64 * MIB } },
    v1: [
      ['memory', 'memory.limit_in_bytes', `${128 * MIB}`],
      ['memory', 'memory.memsw.limit_in_bytes', `${256 * MIB}`],
    ],
    v2: [['memory', 'memory.max', `${128 * MIB}`]],
  },
  {
    args: ['--memory', '16m', '--memory-swap', '24m'],
    before: { memory: { limit: 32 * MIB, swap: 64 * MIB } },
    v1: [
      ['memory', 'memory.limit_in_bytes', `${16 * MIB}`],
      ['memory', 'memory.memsw.limit_in_bytes', `${24 * MIB}`],
    ],
    v2: [['memory', 'memory.max', `${16 * MIB}`]],
  },
  {
    args: ['--memory-reservation', '8m'],
    v1: [['memory', 'memory.soft_limit_in_bytes', `${8 * MIB}`]],
    v2: [['memory', 'memory.low', `${8 * MIB}`]],
  },
  {
    args: ['--cpu-quota', '40000'],
    before: { cpu: { quota: 25_000, period: 50_000 } },
    v1: [
      ['cpu', 'cpu.cfs_quota_us', '40000'],
      ['cpu', 'cpu.cfs_period_us', '50000'],
    ],
    v2: [['cpu', 'cpu.max', '40000 50000']],
  },
  {
    args: ['--cpu-period', '20000'],
    before: { cpu: { quota: 10_000, period: 50_000 } },
    v1: [
      ['cpu', 'cpu.cfs_quota_us', '10000'],
      ['cpu', 'cpu.cfs_period_us', '20000'],
    ],
    v2: [['cpu', 'cpu.max', '10000 20000']],
  },
  {
    args: ['--cpu-share', '2048'],
    v1: [['cpu', 'cpu.shares', '2048']],
    v2: [['cpu', 'cpu.weight', '174']],
  },
  {
    args: ['--cpuset-cpus', '0', '--cpuset-mems', '0'],
    v1: [
      ['cpuset', 'cpuset.cpus', '0'],
      ['cpuset', 'cpuset.mems', '0'],
    ],
    v2: [
      ['cpuset', 'cpuset.cpus', '0'],
      ['cpuset', 'cpuset.mems', '0'],
    ],
  },
  {
    args: ['--blkio-weight', '300'],
    v1: [['blkio', 'blkio.bfq.weight', '300']],
    v2: [['io', 'io.bfq.weight', 'default 300']],
  },
  {
    args: ['--pids-limit', '23'],
    v1: [['pids', 'pids.max', '23']],
    v2: [['pids', 'pids.max', '23']],
  },
  {
    args: ['--pids-limit', '-1'],
    before: { pids: { limit: 5 } },
    v1: [['pids', 'pids.max', 'max']],
    v2: [['pids', 'pids.max', 'max']],
  },
];

describe('update', () => {
  const cases = [...CASES, ...(isTsrun ? NEW : [])].map(
    (one) => [one.args.join(' '), one] as const,
  );
  it.each(cases)('%s', (_title, { args, before, v1, v2 }) => {
    const { id } = start(before);
    expect(t.call(['update', ...args, id])).toEqual({ status: 0, stdout: '', stderr: '' });
    const wanted = isV2 ? v2 : v1;
    const read = wanted.map(([controller, file]) => [
      controller,
      file,
      readCgroup(id, controller, file),
    ]);
    expect(read).toEqual(wanted);
  });

  const hasRealtime = !isV2 && existsSync(join(hierarchyOf('cpu'), 'cpu.rt_runtime_us'));
  it.runIf(hasRealtime)('--cpu-rt-period 800000 --cpu-rt-runtime 2000', () => {
    const { id } = start();
    const args = ['update', '--cpu-rt-period', '800000', '--cpu-rt-runtime', '2000', id];
    expect(t.call(args)).toMatchObject({ status: 0, stderr: '' });
    expect(readCgroup(id, 'cpu', 'cpu.rt_period_us')).toBe('800000');
    expect(readCgroup(id, 'cpu', 'cpu.rt_runtime_us')).toBe('2000');
  });
  it('--kernel-memory and --kernel-memory-tcp are taken and change nothing', () => {
    const { id } = start({ memory: { limit: 32 * MIB } });
    const args = ['update', '--kernel-memory', '1m', '--kernel-memory-tcp', '1m', id];
    expect(t.call(args).status).toBe(0);
    const limit = isV2 ? 'memory.max' : 'memory.limit_in_bytes';
    expect(readCgroup(id, 'memory', limit)).toBe(`${32 * MIB}`);
  });
  it('--resources reads linux.resources from standard input and from a file', () => {
    const { id } = start();
    expect(updateFrom(id, { pids: { limit: 9 } })).toMatchObject({ status: 0, stderr: '' });
    expect(readCgroup(id, 'pids', 'pids.max')).toBe('9');
    const file = join(t.newDirectory(), 'resources.json');
    writeFileSync(file, JSON.stringify({ pids: { limit: 8 } }));
    expect(t.call(['update', '-r', file, id])).toMatchObject({ status: 0, stderr: '' });
    expect(readCgroup(id, 'pids', 'pids.max')).toBe('8');
  });

  it('one after another keeps what the one before has set', () => {
    const { id } = start({ cpu: { quota: 25_000, period: 50_000 } });
    expect(t.call(['update', '--cpu-period', '100000', id])).toMatchObject({ status: 0 });
    expect(t.call(['update', '--cpu-quota', '60000', id])).toMatchObject({ status: 0 });
    const value = isV2
      ? readCgroup(id, 'cpu', 'cpu.max')
      : `${readCgroup(id, 'cpu', 'cpu.cfs_quota_us')} ${readCgroup(id, 'cpu', 'cpu.cfs_period_us')}`;
    expect(value).toBe('60000 100000');
  });

  it.runIf(isTsrun)(
    'refuses cache and bandwidth of a container that has no class of service',
    () => {
      const { id } = start();
      for (const flag of ['--l3-cache-schema=L3:0=f', '--mem-bw-schema=MB:0=50']) {
        const { status, stderr } = t.call(['update', flag, id]);
        expect(status).toBe(1);
        expect(stderr).toContain('no class of service');
      }
    },
  );

  it('works on a paused container', () => {
    const { id } = start();
    t.call(['start', id]);
    t.call(['pause', id]);
    expect(t.call(['update', '--pids-limit', '11', id])).toMatchObject({ status: 0, stderr: '' });
    expect(readCgroup(id, 'pids', 'pids.max')).toBe('11');
    t.call(['resume', id]);
  });

  it('refuses a container that has stopped', async () => {
    const { id } = start();
    t.call(['kill', id, 'KILL']);
    await t.waitFor(id, 'stopped');
    const { status, stderr } = t.call(['update', '--pids-limit', '5', id]);
    expect(status).toBe(1);
    expect(stderr).toContain('container not running');
  });

  it.runIf(isTsrun)('refuses what contradicts what the container has', () => {
    const { id } = start({ memory: { limit: 32 * MIB, swap: 64 * MIB } });
    const { status, stderr } = t.call(['update', '--memory-swap', '16m', id]);
    expect(status).toBe(1);
    expect(stderr).toContain('memory+swap limit should be >= memory limit');
  });

  it('writes the old values back when the kernel refuses one', () => {
    const { id } = start({ pids: { limit: 30 }, memory: { limit: 64 * MIB } });
    const file = isV2 ? 'memory.max' : 'memory.limit_in_bytes';
    const failed = updateFrom(id, { memory: { limit: 32 * MIB }, cpu: { cpus: '4000' } });
    expect(failed.status).toBe(1);
    expect(failed.stderr).toContain('cpuset.cpus');
    expect(readCgroup(id, 'memory', file)).toBe(`${64 * MIB}`);
    expect(readCgroup(id, 'pids', 'pids.max')).toBe('30');
  });

  it.runIf(isTsrun)('keeps the config as it was when the kernel refuses', () => {
    const { id } = start({ pids: { limit: 30 } });
    const config = () => readFileSync(join(t.stateRoot, id, 'config.json'), 'utf8');
    const before = config();
    expect(updateFrom(id, { pids: { limit: 5 }, cpu: { cpus: '4000' } }).status).toBe(1);
    expect(config()).toBe(before);
    expect(updateFrom(id, { pids: { limit: 5 } }).status).toBe(0);
    const { linux } = JSON.parse(config()) as Config;
    expect(linux.resources).toEqual({ pids: { limit: 5 } });
  });
});

describe.runIf(isTsrun)('update of linux.resources.devices', () => {
  const KMSG = { allow: true, type: 'c' as const, major: 1, minor: 11, access: 'r' };
  /** Opens a device it makes each time something changes, and tells whether it could. */
  const script = [
    'mknod /dev/k c 1 11',
    'while true; do if (: < /dev/k) 2>/dev/null; then echo yes; else echo no; fi',
    '(: > /dev/null) 2>/dev/null || echo null is lost',
    'sleep 0.02; done',
  ].join('; ');
  const opener = (resources: Resources) => {
    const created = start(resources, (config) => {
      config.process.args = ['sh', '-c', script];
      grant(config, 'CAP_MKNOD', 'CAP_SYSLOG');
    });
    t.call(['start', created.id]);
    const last = () => created.output().trim().split('\n').at(-1);
    return { ...created, last };
  };

  it('gives a device and takes it again, and the others work all the while', async () => {
    const { id, last, output } = opener({ devices: [{ allow: false }] });
    await until(() => last() === 'no', 'the device to be refused');
    expect(updateFrom(id, { devices: [{ allow: false }, KMSG] })).toMatchObject({ stderr: '' });
    await until(() => last() === 'yes', 'the device to be allowed');
    for (let i = 0; i < 5; i += 1) {
      updateFrom(id, { devices: [{ allow: false }, { ...KMSG, access: i % 2 ? 'r' : 'rw' }] });
    }
    expect(updateFrom(id, { devices: [{ allow: false }] })).toMatchObject({ stderr: '' });
    await until(() => last() === 'no', 'the device to be refused again');
    expect(output()).not.toContain('null is lost');
  });

  it('leaves the rules alone when it is about something else', async () => {
    const { id, last } = opener({ devices: [{ allow: false }, KMSG] });
    await until(() => last() === 'yes', 'the device to be allowed');
    expect(t.call(['update', '--pids-limit', '50', id])).toMatchObject({ status: 0 });
    expect(readCgroup(id, 'pids', 'pids.max')).toBe('50');
    await new Promise((done) => setTimeout(done, 100));
    expect(last()).toBe('yes');
  });

  it.skipIf(isV2)('is in devices.list, with nothing but the difference', () => {
    const { id } = start({ devices: [{ allow: false }] });
    const before = readCgroup(id, 'devices', 'devices.list').split('\n');
    expect(updateFrom(id, { devices: [{ allow: false }, KMSG] })).toMatchObject({ stderr: '' });
    const after = readCgroup(id, 'devices', 'devices.list').split('\n');
    expect(after.filter((line) => !before.includes(line))).toEqual(['c 1:11 r']);
    expect(before.filter((line) => !after.includes(line))).toEqual([]);
    expect(cgroupDirectory(id, 'devices')).toContain(id);
  });
});
