/** --systemd-cgroup and --cgroup-manager: who makes the cgroup, and what systemd knows of it. */
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hierarchyOf, isV2 } from './cgroupFiles.ts';
import { addNamespace, type Config, grant, removeNamespace } from './config.ts';
import { cgroupsOf, fields, isTsrun, until, useContainers } from './runtime.ts';

const t = useContainers();

/** systemd runs in few containers, and in the virtual machine of test/vm only when it is asked for. */
const hasSystemd = existsSync('/run/systemd/system');

const systemctl = (...args: string[]) => spawnSync('systemctl', args, { encoding: 'utf8' }).stdout;

/** What systemd says of a unit, `Name=value` a line; the last of a name. */
const show = (unit: string, prefix: readonly string[] = []): Readonly<Record<string, string>> => {
  const [command = 'systemctl', ...args] = [
    ...prefix,
    'systemctl',
    ...flagsOf(prefix),
    'show',
    unit,
  ];
  return Object.fromEntries(
    spawnSync(command, args, { encoding: 'utf8' })
      .stdout.split('\n')
      .map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
  );
};
const flagsOf = (prefix: readonly string[]) => (prefix.length > 0 ? ['--user'] : []);

const create = (edit: (config: Config, id: string) => void, options = {}) => {
  const id = t.newId();
  const bundle = t.bundle((config) => {
    config.process.args = ['sleep', '1000'];
    edit(config, id);
  });
  const result = t.call(['--systemd-cgroup', 'create', '--bundle', bundle, id], options);
  return { id, result };
};

const read = (unit: string, controller: string, file: string) =>
  readFileSync(join(hierarchyOf(controller), 'system.slice', unit, file), 'utf8').trim();

const MIB = 1 << 20;

/** Properties and files that both versions have under other names. */
const LIMITS = isV2
  ? {
      resources: {
        memory: { limit: 64 * MIB, reservation: 32 * MIB, swap: 128 * MIB },
        cpu: { quota: 50_000, period: 100_000, cpus: '0' },
        pids: { limit: 77 },
        unified: { 'memory.high': `${60 * MIB}` },
      },
      properties: {
        MemoryMax: `${64 * MIB}`,
        MemoryLow: `${32 * MIB}`,
        MemorySwapMax: `${64 * MIB}`,
        MemoryHigh: `${60 * MIB}`,
        CPUQuotaPerSecUSec: '500ms',
        CPUQuotaPeriodUSec: '100ms',
        AllowedCPUs: '0',
        TasksMax: '77',
      },
      files: [
        ['memory', 'memory.max', `${64 * MIB}`],
        ['cpu', 'cpu.max', '50000 100000'],
        ['pids', 'pids.max', '77'],
        ['cpuset', 'cpuset.cpus', '0'],
      ],
    }
  : {
      resources: {
        memory: { limit: 64 * MIB, reservation: 32 * MIB, swap: 128 * MIB },
        cpu: { shares: 512, quota: 50_000, period: 100_000, cpus: '0' },
        pids: { limit: 77 },
      },
      properties: {
        MemoryLimit: `${64 * MIB}`,
        CPUShares: '512',
        CPUQuotaPerSecUSec: '500ms',
        CPUQuotaPeriodUSec: '100ms',
        TasksMax: '77',
      },
      files: [
        ['memory', 'memory.limit_in_bytes', `${64 * MIB}`],
        ['memory', 'memory.soft_limit_in_bytes', `${32 * MIB}`],
        ['memory', 'memory.memsw.limit_in_bytes', `${128 * MIB}`],
        ['cpu', 'cpu.shares', '512'],
        ['cpu', 'cpu.cfs_quota_us', '50000'],
        ['pids', 'pids.max', '77'],
        ['cpuset', 'cpuset.cpus', '0'],
      ],
    };

const MEMORY = isV2 ? 'memory.max' : 'memory.limit_in_bytes';
const PROPERTY = isV2 ? 'MemoryMax' : 'MemoryLimit';

describe.skipIf(!hasSystemd)('--systemd-cgroup (skipped without a running systemd)', () => {
  it('makes a scope that holds the container, with its limits as properties and in the files', () => {
    const { id, result } = create((config, name) => {
      config.linux.cgroupsPath = `system.slice:test:${name}`;
      config.linux.resources = LIMITS.resources;
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
      ...LIMITS.properties,
      DevicePolicy: 'strict',
      TimeoutStopUSec: '5s',
      CollectMode: 'inactive-or-failed',
    });
    expect(read(unit, isV2 ? '' : 'systemd', 'cgroup.procs')).toBe(`${t.state(id).pid}`);
    for (const [controller = '', file = '', value] of LIMITS.files) {
      expect(read(unit, controller, file), file).toBe(value);
    }
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
    expect(show(unit)).toMatchObject({ [PROPERTY]: `${48 * MIB}`, CPUQuotaPerSecUSec: '340ms' });
    expect(read(unit, 'memory', MEMORY)).toBe(`${48 * MIB}`);
    expect(isV2 ? read(unit, 'cpu', 'cpu.max') : read(unit, 'cpu', 'cpu.cfs_quota_us')).toBe(
      isV2 ? '33300 100000' : '33300',
    );
  });

  it.runIf(isTsrun)('update of the device rules reaches systemd, which keeps to them', async () => {
    const KMSG = { allow: true, type: 'c' as const, major: 1, minor: 11, access: 'r' };
    const id = t.newId();
    const loop = 'while true; do if (: < /dev/k) 2>/dev/null; then echo yes; else echo no; fi';
    const bundle = t.bundle((config) => {
      const lost = '(: > /dev/null) 2>/dev/null || echo null is lost; sleep 0.02; done';
      config.process.args = ['sh', '-c', `mknod /dev/k c 1 11; ${loop}; ${lost}`];
      config.linux.cgroupsPath = `:test:${id}`;
      config.linux.resources = { devices: [{ allow: false }] };
      grant(config, 'CAP_MKNOD', 'CAP_SYSLOG');
    });
    const run = t.spawn(['--systemd-cgroup', 'run', '--bundle', bundle, id]);
    const last = () => run.stdout().trim().split('\n').at(-1);
    await until(() => last() === 'no', 'the device to be refused');
    const updateTo = (...devices: object[]) =>
      t.call(['update', '--resources', '-', id], { input: JSON.stringify({ devices }) });
    expect(updateTo({ allow: false }, KMSG)).toMatchObject({ status: 0, stderr: '' });
    await until(() => last() === 'yes', 'the device to be allowed');
    expect(show(`test-${id}.scope`)['DeviceAllow']).toContain('/dev/char/1:11 r');
    // It makes its programs anew; on v1 its lists, emptied for a moment.
    if (isV2) systemctl('daemon-reload');
    await new Promise((done) => setTimeout(done, 200));
    expect(last()).toBe('yes');
    expect(updateTo({ allow: false })).toMatchObject({ status: 0, stderr: '' });
    await until(() => last() === 'no', 'the device to be refused again');
    expect(run.stdout()).not.toContain('null is lost');
    t.call(['delete', '--force', id]);
    await run.ended;
  });

  it('nests slices by their dashes', () => {
    const id = t.newId();
    const bundle = t.bundle((config) => {
      config.linux.cgroupsPath = `tsrt-inner.slice:test:${id}`;
    });
    // As crun spells it.
    const globals = isTsrun ? ['--cgroup-manager', 'systemd'] : ['--systemd-cgroup'];
    const result = t.call([...globals, 'create', '--bundle', bundle, id]);
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
});

/**
 * A user's own systemd, which on v1 has no controllers to give. Only in the virtual machine: to start one
 * changes the host. User 33 is www-data wherever Debian is.
 */
const hasUsers = hasSystemd && isV2 && process.env['TSRUN_VM'] !== undefined;
const UID = 33;

describe.skipIf(!hasUsers)("a user's systemd (skipped outside of test/vm with systemd)", () => {
  const as = ['setpriv', `--reuid=${UID}`, `--regid=${UID}`, '--clear-groups'];
  const prefix = [...as, 'env', `XDG_RUNTIME_DIR=/run/user/${UID}`];
  const manager = `/sys/fs/cgroup/user.slice/user-${UID}.slice/user@${UID}.service`;

  beforeAll(() => {
    systemctl('start', `user@${UID}.service`);
    chmodSync(join(t.stateRoot), 0o777);
  });

  /** A container of the user's, whose ids are all his own one. */
  const start = (edit: (config: Config) => void = () => {}, env = {}) => {
    const id = t.newId();
    const bundle = t.bundle((config) => {
      config.process.args = ['sleep', '1000'];
      config.process.user = { uid: 0, gid: 0 };
      addNamespace(config, 'user');
      config.linux.uidMappings = [{ containerID: 0, hostID: UID, size: 1 }];
      config.linux.gidMappings = [{ containerID: 0, hostID: UID, size: 1 }];
      for (const mount of config.mounts) {
        mount.options = mount.options?.filter((option) => option !== 'gid=5') ?? [];
      }
      edit(config);
    });
    const args = ['--systemd-cgroup', 'run', '--detach', '--bundle', bundle, id];
    const result = t.call(args, { prefix, env });
    const scope = `${isTsrun ? 'tsrun' : 'runc'}-${id}.scope`;
    return { id, result, scope, directory: join(manager, 'user.slice', scope) };
  };
  const call = (...args: string[]) => t.call(args, { prefix });

  it('makes the scope in the slice of the user, delegated, with limits in property and file', () => {
    const { id, result, scope, directory } = start((config) => {
      config.linux.resources = { memory: { limit: 64 * MIB }, pids: { limit: 55 } };
    });
    // runc warns of a default device that is not there.
    expect(result).toMatchObject({ status: 0, ...(isTsrun ? { stderr: '' } : {}) });
    expect(show(scope, prefix)).toMatchObject({
      ActiveState: 'active',
      Delegate: 'yes',
      MemoryMax: `${64 * MIB}`,
      TasksMax: '55',
    });
    expect(readFileSync(join(directory, 'memory.max'), 'utf8')).toBe(`${64 * MIB}\n`);
    const { pid } = JSON.parse(call('state', id).stdout) as { pid: number };
    expect(readFileSync(join(directory, 'cgroup.procs'), 'utf8')).toBe(`${pid}\n`);
    expect(call('update', '--memory', `${80 * MIB}`, id)).toMatchObject({ status: 0, stderr: '' });
    expect(show(scope, prefix)).toMatchObject({ MemoryMax: `${80 * MIB}` });
    expect(call('delete', '--force', id)).toMatchObject({ status: 0, stderr: '' });
    expect(existsSync(directory)).toBe(false);
    expect(show(scope, prefix)).toMatchObject({ LoadState: 'not-found' });
  });

  // runc 1.1.5 leaves them where they were called.
  it.runIf(isTsrun)(
    'moves the processes of exec, which their caller may not, and into sub-cgroups too',
    () => {
      const { id, directory } = start((config) => removeNamespace(config, 'cgroup'));
      const path = directory.slice('/sys/fs/cgroup'.length);
      const own = call('exec', id, 'cat', '/proc/self/cgroup');
      expect(own).toMatchObject({ status: 0, stdout: `0::${path}\n`, stderr: '' });
      mkdirSync(join(directory, 'sub'));
      const sub = call('exec', '--cgroup', 'sub', id, 'cat', '/proc/self/cgroup');
      expect(sub).toMatchObject({ status: 0, stdout: `0::${path}/sub\n`, stderr: '' });
      expect(call('delete', '--force', id)).toMatchObject({ status: 0 });
    },
  );

  it.runIf(isTsrun)('is spoken to by its own socket where there is no bus', () => {
    const { id, result, directory } = start(() => {}, {
      DBUS_SESSION_BUS_ADDRESS: 'unix:path=/no/such/bus',
    });
    expect(result).toMatchObject({ status: 0, stderr: '' });
    expect(existsSync(directory)).toBe(true);
    expect(call('delete', '--force', id)).toMatchObject({ status: 0 });
  });
});

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
    // Not asked again to clean up.
    expect(Date.now() - started).toBeLessThan(1900);
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
