/** --systemd-cgroup and --cgroup-manager: who makes the cgroup, and what systemd knows of it. */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isV2 } from './cgroupFiles.ts';
import type { Config } from './config.ts';
import { cgroupsOf, fields, isTsrun, useContainers } from './runtime.ts';

const t = useContainers();

/** systemd runs in few containers, and in the virtual machine of test/vm only when it is asked for. */
const hasSystemd = existsSync('/run/systemd/system') && isV2;

const systemctl = (...args: string[]) => spawnSync('systemctl', args, { encoding: 'utf8' }).stdout;

/** What systemd says of a unit, `Name=value` a line. */
const show = (unit: string): Readonly<Record<string, string>> =>
  Object.fromEntries(
    systemctl('show', unit)
      .split('\n')
      .map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
  );

const create = (edit: (config: Config, id: string) => void, options = {}) => {
  const id = t.newId();
  const bundle = t.bundle((config) => {
    config.process.args = ['sleep', '1000'];
    edit(config, id);
  });
  const result = t.call(['--systemd-cgroup', 'create', '--bundle', bundle, id], options);
  return { id, result };
};

const read = (unit: string, file: string) =>
  readFileSync(join('/sys/fs/cgroup/system.slice', unit, file), 'utf8').trim();

const MIB = 1 << 20;

describe.skipIf(!hasSystemd)(
  '--systemd-cgroup (skipped without a running systemd and cgroup v2)',
  () => {
    it('makes a scope that holds the container, with its limits as properties and in the files', () => {
      const { id, result } = create((config, name) => {
        config.linux.cgroupsPath = `system.slice:test:${name}`;
        config.linux.resources = {
          memory: { limit: 64 * MIB, reservation: 32 * MIB, swap: 128 * MIB },
          cpu: { quota: 50_000, period: 100_000, cpus: '0' },
          pids: { limit: 77 },
          unified: { 'memory.high': `${60 * MIB}` },
        };
        config.annotations = {
          'org.systemd.property.TimeoutStopUSec': 'uint64 5000000',
          'org.systemd.property.CollectMode': "'inactive-or-failed'",
        };
      });
      expect(result).toMatchObject({ status: 0 });
      const unit = `test-${id}.scope`;
      expect(show(unit)).toMatchObject({
        ActiveState: 'active',
        Slice: 'system.slice',
        Delegate: 'yes',
        ControlGroup: `/system.slice/${unit}`,
        MemoryMax: `${64 * MIB}`,
        MemoryLow: `${32 * MIB}`,
        MemorySwapMax: `${64 * MIB}`,
        MemoryHigh: `${60 * MIB}`,
        CPUQuotaPerSecUSec: '500ms',
        CPUQuotaPeriodUSec: '100ms',
        AllowedCPUs: '0',
        TasksMax: '77',
        DevicePolicy: 'strict',
        TimeoutStopUSec: '5s',
        CollectMode: 'inactive-or-failed',
      });
      expect(read(unit, 'cgroup.procs')).toBe(`${t.state(id).pid}`);
      expect(read(unit, 'memory.max')).toBe(`${64 * MIB}`);
      expect(read(unit, 'cpu.max')).toBe('50000 100000');
      expect(read(unit, 'pids.max')).toBe('77');
      expect(read(unit, 'cpuset.cpus')).toBe('0');
      expect(t.call(['delete', '--force', id])).toMatchObject({ status: 0 });
      expect(show(unit)).toMatchObject({ LoadState: 'not-found' });
      expect(cgroupsOf(id)).toEqual([]);
    });

    it('update changes property and file alike, exact in the file', () => {
      const { id, result } = create((config, name) => {
        config.linux.cgroupsPath = `:test:${name}`;
      });
      expect(result).toMatchObject({ status: 0 });
      const flags = ['--memory', `${48 * MIB}`, '--cpu-quota', '33300', '--cpu-period', '100000'];
      expect(t.call(['update', ...flags, id])).toMatchObject({ status: 0 });
      const unit = `test-${id}.scope`;
      expect(show(unit)).toMatchObject({ MemoryMax: `${48 * MIB}`, CPUQuotaPerSecUSec: '340ms' });
      expect(read(unit, 'memory.max')).toBe(`${48 * MIB}`);
      expect(read(unit, 'cpu.max')).toBe('33300 100000');
    });

    it('nests slices by their dashes', () => {
      const { id, result } = create((config, name) => {
        config.linux.cgroupsPath = `tsrt-inner.slice:test:${name}`;
      });
      expect(result).toMatchObject({ status: 0 });
      expect(show(`test-${id}.scope`)).toMatchObject({
        ControlGroup: `/tsrt.slice/tsrt-inner.slice/test-${id}.scope`,
      });
      t.call(['delete', '--force', id]);
      systemctl('stop', 'tsrt-inner.slice', 'tsrt.slice');
    });

    it.runIf(isTsrun)('names the property systemd refuses, and leaves nothing', () => {
      const { id, result } = create((config) => {
        config.annotations = { 'org.systemd.property.CollectMode': "'never'" };
      });
      expect(result.status).toBe(1);
      expect(result.stderr).toContain('annotations["org.systemd.property.CollectMode"]');
      expect(cgroupsOf(id)).toEqual([]);
    });

    it('a device that is not allowed cannot be opened, one that is can', () => {
      const id = t.newId();
      const bundle = t.bundle((config) => {
        config.process.args = ['sh', '-c', 'head -c 1 /dev/full >/dev/null; head -c 1 /dev/kmsg'];
        config.linux.cgroupsPath = `:test:${id}`;
        config.linux.devices = [{ path: '/dev/kmsg', type: 'c', major: 1, minor: 11 }];
        config.linux.resources = { devices: [{ allow: false, access: 'rwm' }] };
      });
      const result = t.call(['--systemd-cgroup', 'run', '--bundle', bundle, id]);
      expect(result.status).not.toBe(0);
      expect(result.stderr).toContain('/dev/kmsg: Operation not permitted');
      expect(result.stderr).not.toContain('/dev/full: Operation');
    });
  },
);

describe.runIf(isTsrun)('a systemd that does not answer', () => {
  let server: Server;
  let socket = '';
  beforeAll(async () => {
    socket = join(t.directory, 'bus');
    server = createServer();
    await new Promise<void>((done) => server.listen(socket, done));
  });
  afterAll(() => server.close());

  it('is waited for as long as --systemd-timeout says; the error names unit and time', () => {
    const id = t.newId();
    const bundle = t.bundle((config) => {
      config.linux.cgroupsPath = `:test:${id}`;
    });
    const started = Date.now();
    const options = { env: { DBUS_SYSTEM_BUS_ADDRESS: `unix:path=${socket}` } };
    const args = ['--systemd-cgroup', '--systemd-timeout', '1', 'create', '--bundle', bundle, id];
    const result = t.call(args, options);
    expect(result.status).toBe(1);
    expect(result.stderr).toContain(`test-${id}.scope`);
    expect(result.stderr).toContain('ETIMEDOUT');
    expect(result.stderr).toContain('within 1 s');
    expect(Date.now() - started).toBeGreaterThanOrEqual(1000);
    expect(t.call(['state', id]).status).toBe(1);
  });
});

describe.runIf(isTsrun)('--cgroup-manager disabled', () => {
  it('makes no cgroup: the container is in that of its caller', () => {
    const id = t.newId();
    const bundle = t.bundle((config) => {
      config.process.args = ['cat', '/proc/self/cgroup'];
      config.linux.namespaces = config.linux.namespaces.filter(({ type }) => type !== 'cgroup');
    });
    const own = readFileSync('/proc/self/cgroup', 'utf8');
    const result = t.call(['--cgroup-manager', 'disabled', 'run', '--bundle', bundle, id]);
    expect(result).toMatchObject({ status: 0, stdout: own });
    expect(Object.keys(fields(own)).length).toBeGreaterThan(0);
  });

  it('refuses limits, by their names', () => {
    const bundle = t.bundle((config) => {
      config.linux.resources = { pids: { limit: 5 } };
    });
    const result = t.call(['--cgroup-manager=disabled', 'create', '--bundle', bundle, t.newId()]);
    expect(result.status).toBe(1);
    expect(result.stderr).toContain('linux.resources.pids.limit');
  });
});
