import { describe, expect, it } from 'vitest';
import {
  checkCgroupPermission,
  checkCgroupsPath,
  containerCgroup,
  planCgroup,
  planJoinCgroup,
  planJoinCgroupEarly,
  planMemoryCgroup,
} from '../../../../src/config/linux/cgroupsPath.ts';
import type { Spec } from '../../../../src/generated/spec.ts';
import { O_DIRECTORY, O_PATH } from '../../../../src/linux/constants/file.ts';
import type { CgroupLayout } from '../../../../src/plan/context.ts';
import { contextOf, HOST, OPTIONS, opsOf, outline, specOf, specOfLinux } from '../../context.ts';

const V1: CgroupLayout = {
  version: 1,
  hierarchies: [
    { controllers: ['cpu', 'cpuacct'], mountpoint: '/sys/fs/cgroup/cpu,cpuacct', own: '/' },
    { controllers: ['memory'], mountpoint: '/sys/fs/cgroup/memory', own: '/host/me' },
  ],
};
const V2: CgroupLayout = {
  version: 2,
  mountpoint: '/sys/fs/cgroup',
  own: '/user.slice/term.scope',
  controllers: ['cpu', 'memory'],
};

const paths = (cgroup: CgroupLayout, cgroupsPath?: string) =>
  containerCgroup(
    contextOf(specOfLinux(cgroupsPath === undefined ? {} : { cgroupsPath }), { host: { cgroup } }),
  ).directories.map(({ hostPath }) => hostPath);

describe('linux.cgroupsPath', () => {
  it.each([
    ['/pod/web', ['/sys/fs/cgroup/cpu,cpuacct/pod/web', '/sys/fs/cgroup/memory/pod/web']],
    ['pod/web', ['/sys/fs/cgroup/cpu,cpuacct/pod/web', '/sys/fs/cgroup/memory/host/me/pod/web']],
    [undefined, ['/sys/fs/cgroup/cpu,cpuacct/web', '/sys/fs/cgroup/memory/host/me/web']],
    ['../../..', ['/sys/fs/cgroup/cpu,cpuacct', '/sys/fs/cgroup/memory/host/me']],
    ['/a/../../b//c/.', ['/sys/fs/cgroup/cpu,cpuacct/b/c', '/sys/fs/cgroup/memory/b/c']],
  ])('puts %s, on v1, below the mount point or below tsrun itself', (path, expected) => {
    expect(paths(V1, path)).toEqual(expected);
  });

  it.each([
    ['/pod/web', '/sys/fs/cgroup/pod/web'],
    ['pod/web', '/sys/fs/cgroup/user.slice/pod/web'],
    [undefined, '/sys/fs/cgroup/user.slice/web'],
    ['../../x', '/sys/fs/cgroup/user.slice/x'],
  ])('puts %s, on v2, below the mount point or beside tsrun itself', (path, expected) => {
    expect(paths(V2, path)).toEqual([expected]);
  });

  it('is nowhere without cgroups', () => {
    expect(paths({ version: 0 }, '/x')).toEqual([]);
  });

  it('refuses NUL', () => {
    expect(checkCgroupsPath(specOfLinux({ cgroupsPath: 'a\0b' }))).toHaveLength(1);
  });

  it('is made by the runtime, with every controller of the hierarchy', () => {
    const context = contextOf(specOfLinux({ cgroupsPath: '/w' }), { host: { cgroup: V2 } });
    expect(planCgroup(context)).toEqual([
      {
        actor: 'runtime',
        origin: '/linux/cgroupsPath',
        op: {
          call: 'cgroup_create',
          mountpoint: '/sys/fs/cgroup',
          path: '/w',
          version: 2,
          controllers: ['cpu', 'memory'],
        },
      },
    ]);
  });

  it('is entered, on v1, by the executor before it clones init: memory is made meanwhile', () => {
    const context = contextOf(specOf({}), { host: { cgroup: V1 } });
    const order = [planCgroup, planJoinCgroupEarly, planMemoryCgroup, planJoinCgroup];
    expect(order.map((plan) => outline(plan(context)))).toEqual([
      ['runtime cgroup_create '],
      ['outer write '],
      ['runtime cgroup_create '],
      ['outer write '],
    ]);
    const join = { call: 'write', data: '0' };
    expect(opsOf(planJoinCgroupEarly(context))).toEqual([
      { ...join, path: '/sys/fs/cgroup/cpu,cpuacct/web/tasks' },
    ]);
    expect(opsOf(planJoinCgroup(context))).toEqual([
      { ...join, path: '/sys/fs/cgroup/memory/host/me/web/tasks' },
    ]);
  });

  it('is entered, on v1, when systemd has made its unit', () => {
    const context = contextOf(specOfLinux({ cgroupsPath: 'a.slice:tsrun:web' }), {
      host: { cgroup: V1 },
      options: { systemdCgroup: true },
    });
    expect(planJoinCgroupEarly(context)).toEqual([]);
    expect(planJoinCgroup(context)).toHaveLength(2);
  });

  it('is opened, on v2, for clone3 to put init into it', () => {
    const context = contextOf(specOf({}), { host: { cgroup: V2 } });
    expect(opsOf(planJoinCgroup(context))).toEqual([
      {
        call: 'openat',
        path: '/sys/fs/cgroup/user.slice/web',
        flags: O_PATH | O_DIRECTORY,
        mode: 0,
        out: 'cgroup',
      },
    ]);
  });

  it('is entered by a write on v2 where clone3 knows no CLONE_INTO_CGROUP', () => {
    const kernel = { ...HOST.kernel, cloneIntoCgroup: false };
    const context = contextOf(specOf({}), { host: { cgroup: V2, kernel } });
    expect(opsOf(planJoinCgroup(context))).toEqual([
      { call: 'write', path: '/sys/fs/cgroup/user.slice/web/cgroup.procs', data: '0' },
    ]);
  });

  describe('where tsrun may make no cgroup', () => {
    const [cpu, memory] = V1.version === 1 ? V1.hierarchies : [];
    if (cpu === undefined || memory === undefined) throw new Error('V1 has two hierarchies');
    const cgroup: CgroupLayout = {
      version: 1,
      hierarchies: [cpu, { ...memory, denied: true }],
    };
    const contextFor = (linux: NonNullable<Spec['linux']>, rootless = true) =>
      contextOf(specOfLinux(linux), { host: { cgroup }, options: { ...OPTIONS, rootless } });
    const steps = (linux: NonNullable<Spec['linux']>, rootless?: boolean) => {
      const context = contextFor(linux, rootless);
      const planners = [planCgroup, planMemoryCgroup, planJoinCgroupEarly, planJoinCgroup];
      return planners.flatMap((plan) => plan(context)).length;
    };

    it('leaves a rootless container that asks for nothing in the own one of tsrun', () => {
      const rules = [{ allow: false, access: 'rwm' }];
      expect(steps({})).toBe(2);
      expect(steps({ resources: { devices: rules } })).toBe(2);
      expect(containerCgroup(contextFor({})).directories[1]).toMatchObject({
        hostPath: '/sys/fs/cgroup/memory/host/me',
        isShared: true,
      });
      expect(checkCgroupPermission(contextFor({}))).toEqual([]);
    });

    it.each<[string, NonNullable<Spec['linux']>]>([
      ['/linux/resources', { resources: { pids: { limit: 1 } } }],
      ['/linux/cgroupsPath', { cgroupsPath: 'w' }],
    ])('refuses %s, which it cannot carry out', (path, linux) => {
      expect(steps(linux)).toBe(4);
      expect(checkCgroupPermission(contextFor(linux))).toMatchObject([{ severity: 'error', path }]);
    });

    it('tries an absolute path, which may lie where it has the right', () => {
      expect(checkCgroupPermission(contextFor({ cgroupsPath: '/w' }))).toEqual([]);
    });

    it('tries all for root, whatever access(2) says', () => {
      expect(steps({}, false)).toBe(4);
    });
  });
});
