/** linux.cgroupsPath and linux.resources: read back in the files of the container's cgroups (v1). */
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { addNamespace, type Config } from './config.ts';
import { cgroupsOf, isTsrun, until, useContainers } from './runtime.ts';

const t = useContainers();
const isV1 = existsSync('/sys/fs/cgroup/memory/memory.limit_in_bytes');

const sleeping = (config: Config) => {
  config.process.args = ['sleep', '1000'];
};
const read = (id: string, controller: string, file: string) => {
  const directory = cgroupsOf(id).find((path) => path.startsWith(`/sys/fs/cgroup/${controller}/`));
  if (directory === undefined) throw new Error(`${id} has no ${controller} cgroup`);
  return readFileSync(join(directory, file), 'utf8').trim();
};

// Pure v2 is tested in a virtual machine: this needs the v1 hierarchies.
describe.runIf(isV1)('linux.resources', () => {
  it.each<[string, string, string, NonNullable<Config['linux']['resources']>, string]>([
    [
      'memory.limit',
      'memory',
      'memory.limit_in_bytes',
      { memory: { limit: 33554432 } },
      '33554432',
    ],
    [
      'memory.reservation',
      'memory',
      'memory.soft_limit_in_bytes',
      { memory: { reservation: 16777216 } },
      '16777216',
    ],
    ['cpu.shares', 'cpu', 'cpu.shares', { cpu: { shares: 300 } }, '300'],
    ['cpu.quota', 'cpu', 'cpu.cfs_quota_us', { cpu: { quota: 25000 } }, '25000'],
    ['cpu.period', 'cpu', 'cpu.cfs_period_us', { cpu: { period: 50000 } }, '50000'],
    ['cpu.cpus', 'cpuset', 'cpuset.cpus', { cpu: { cpus: '0' } }, '0'],
    ['cpu.mems', 'cpuset', 'cpuset.mems', { cpu: { mems: '0' } }, '0'],
    ['pids.limit', 'pids', 'pids.max', { pids: { limit: 17 } }, '17'],
  ])('%s is in %s %s', (_property, controller, file, resources, value) => {
    const { id, result } = t.create((config) => {
      sleeping(config);
      config.linux.resources = resources;
    });
    expect(result).toMatchObject({ status: 0, stderr: '' });
    expect(read(id, controller, file)).toBe(value);
  });
  it('what is not asked for stays as the kernel makes it', () => {
    const { id } = t.create(sleeping);
    expect(read(id, 'pids', 'pids.max')).toBe('max');
    expect(read(id, 'cpu', 'cpu.cfs_quota_us')).toBe('-1');
    expect(BigInt(read(id, 'memory', 'memory.limit_in_bytes'))).toBeGreaterThan(1n << 50n);
  });
  it('pids.limit stops a fork bomb', () => {
    const { stderr } = t.sh('for i in 1 2 3 4 5 6 7 8 9; do sleep 1 & done; wait', (config) => {
      config.linux.resources = { pids: { limit: 4 } };
    });
    expect(stderr).toContain("can't fork");
  });
  it('memory.limit ends a process that takes more', () => {
    const result = t.sh('head -c 200m /dev/zero | tail | wc -c', (config) => {
      config.linux.resources = { memory: { limit: 20971520, swap: 20971520 } };
    });
    expect(result.stdout).not.toBe(`${200 * 1024 * 1024}\n`);
  });
  it('holds from the first instruction of the process', () => {
    const { stdout } = t.sh('cat /proc/self/cgroup', (config) => {
      config.linux.resources = { pids: { limit: 50 } };
    });
    for (const controller of ['memory', 'pids', 'cpu', 'devices', 'freezer']) {
      expect(stdout).toMatch(new RegExp(`:${controller}:.*${t.mark}`));
    }
  });
  it('refuses a limit the kernel refuses, by its property', () => {
    const result = t.run((config) => {
      config.linux.resources = { cpu: { cpus: '4000' } };
    });
    expect(result.status).toBe(1);
    expect(result.stderr).toContain('cpuset.cpus');
    expect(cgroupsOf(t.mark)).toEqual([]);
  });
});

describe.runIf(isV1)('linux.cgroupsPath', () => {
  it('absolute: from the top of each hierarchy', () => {
    const path = `/${t.mark}-parent/child`;
    const { id } = t.create((config) => {
      sleeping(config);
      config.linux.cgroupsPath = path;
    });
    const procs = readFileSync(`/sys/fs/cgroup/pids${path}/cgroup.procs`, 'utf8').trim();
    expect(procs).toBe(`${t.state(id).pid}`);
    expect(readFileSync(`/proc/${procs}/cgroup`, 'utf8')).toContain(`:memory:${path}\n`);
    t.delete(id);
    expect(existsSync(`/sys/fs/cgroup/pids${path}`)).toBe(false);
    // The parent may hold others: the runtime leaves it, so the test removes it.
    for (const controller of readdirSync('/sys/fs/cgroup')) {
      const parent = `/sys/fs/cgroup/${controller}/${t.mark}-parent`;
      if (existsSync(parent)) rmdirSync(parent);
    }
  });
  it('absent: one of its own, named after the id', () => {
    const { id } = t.create(sleeping);
    const found = cgroupsOf(id);
    expect(found.length).toBeGreaterThan(3);
    expect(found.every((path) => path.endsWith(`/${id}`))).toBe(true);
  });
  it('is removed with what the container made in it', async () => {
    const { id } = t.create((config) => {
      addNamespace(config, 'cgroup');
      config.mounts.push({
        destination: '/sys/fs/cgroup',
        type: 'cgroup',
        source: 'cgroup',
        options: ['rw'],
      });
      config.process.args = ['sh', '-c', 'mkdir -p /sys/fs/cgroup/pids/a/b; exec sleep 1000'];
    });
    t.call(['start', id]);
    await until(() => cgroupsOf(id).some((path) => existsSync(join(path, 'a/b'))), 'the cgroups');
    expect(t.call(['delete', '--force', id])).toMatchObject({ status: 0, stderr: '' });
    expect(cgroupsOf(id)).toEqual([]);
  });
  // runc 1.1 only warns of it.
  it.runIf(isTsrun)('refuses a cgroup that has processes, and leaves it alone', () => {
    const path = `/${t.mark}-taken`;
    const at = (config: Config) => {
      sleeping(config);
      config.linux.cgroupsPath = path;
    };
    const first = t.create(at);
    const second = t.create(at);
    expect(second.result.status).toBe(1);
    expect(second.result.stderr).toContain("container's cgroup is not empty: 1 process");
    expect(t.state(first.id).status).toBe('created');
    expect(existsSync(`/sys/fs/cgroup/pids${path}`)).toBe(true);
  });
  it('refuses a cgroup that is frozen', () => {
    const freezer = `/sys/fs/cgroup/freezer/${t.mark}-cold`;
    mkdirSync(freezer);
    try {
      writeFileSync(join(freezer, 'freezer.state'), 'FROZEN');
      const { result } = t.create((config) => {
        sleeping(config);
        config.linux.cgroupsPath = `/${t.mark}-cold`;
      });
      expect(result.status).toBe(1);
      expect(result.stderr).toContain("container's cgroup unexpectedly frozen");
    } finally {
      writeFileSync(join(freezer, 'freezer.state'), 'THAWED');
      rmdirSync(freezer);
    }
  });
  it('belongs to root, mode 755', () => {
    const { id } = t.create(sleeping);
    for (const path of cgroupsOf(id)) {
      expect(statSync(path)).toMatchObject({ uid: 0, gid: 0, mode: 0o40755 });
    }
  });
});
