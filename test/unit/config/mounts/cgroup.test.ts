import { describe, expect, it } from 'vitest';
import { planMounts } from '../../../../src/config/mounts.ts';
import type { Spec } from '../../../../src/generated/spec.ts';
import { AT_RECURSIVE } from '../../../../src/linux/constants/file.ts';
import {
  MOUNT_ATTR_NODEV,
  MOUNT_ATTR_NOEXEC,
  MOUNT_ATTR_NOSUID,
  MOUNT_ATTR_RDONLY,
  OPEN_TREE_CLONE,
} from '../../../../src/linux/constants/mount.ts';
import type { CgroupLayout } from '../../../../src/plan/context.ts';
import { contextOf, opsOf, specOf } from '../../context.ts';

const V1: CgroupLayout = {
  version: 1,
  hierarchies: [
    { controllers: ['memory'], mountpoint: '/sys/fs/cgroup/memory', own: '/' },
    { controllers: ['cpu', 'cpuacct'], mountpoint: '/sys/fs/cgroup/cpu,cpuacct', own: '/' },
  ],
};

const MOUNT_NS = { type: 'mount' } as const;
const CGROUP_NS = { type: 'cgroup' } as const;
const NO_PRIVILEGES = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;

const ops = (
  options: readonly string[],
  namespaces: NonNullable<Spec['linux']>['namespaces'] = [MOUNT_NS],
  cgroup: CgroupLayout = V1,
  type = 'cgroup',
) => {
  const mounts = [{ destination: '/sys/fs/cgroup', type, source: 'cgroup', options }];
  const spec = specOf({ mounts, linux: { namespaces: namespaces ?? [], cgroupsPath: '/c/web' } });
  return opsOf(planMounts(contextOf(spec, { host: { cgroup } })));
};

describe('a cgroup mount on cgroup v1', () => {
  it('is a tmpfs with the own cgroup of each hierarchy, read-only once that is filled', () => {
    const attach = (from: string, path: string, like = {}) => [
      { call: 'open_target', root: 'root', path, flags: 0, ...like, out: 'target' },
      { call: 'move_mount', from, to: 'target' },
    ];
    const hierarchy = (name: string) => [
      {
        call: 'open_tree',
        path: `/sys/fs/cgroup/${name}/c/web`,
        flags: OPEN_TREE_CLONE | AT_RECURSIVE,
        out: 'mount',
      },
      {
        call: 'mount_setattr',
        fd: 'mount',
        flags: 0,
        attr_set: BigInt(MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID),
        attr_clr: 0n,
        propagation: 0n,
      },
      ...attach('mount', `/sys/fs/cgroup/${name}`),
    ];
    const link = (controller: string) => ({
      call: 'symlinkat',
      root: 'root',
      path: `/sys/fs/cgroup/${controller}`,
      target: 'cpu,cpuacct',
      exists: 'root',
    });
    expect(ops(['ro', 'nosuid'])).toEqual([
      {
        call: 'fsmount',
        fstype: 'tmpfs',
        source: 'tmpfs',
        options: ['mode=755'],
        attributes: NO_PRIVILEGES,
        out: 'cgroups',
      },
      ...attach('cgroups', '/sys/fs/cgroup'),
      ...hierarchy('memory'),
      ...hierarchy('cpu,cpuacct'),
      link('cpu'),
      link('cpuacct'),
      {
        call: 'mount_setattr',
        fd: 'cgroups',
        flags: 0,
        attr_set: BigInt(MOUNT_ATTR_RDONLY),
        attr_clr: 0n,
        propagation: 0n,
      },
      { call: 'close', fd: 'cgroups' },
    ]);
  });

  it('mounts the hierarchies themselves in a cgroup namespace, which has the own cgroup as root', () => {
    const made = ops([], [MOUNT_NS, CGROUP_NS]).filter(({ call }) => call === 'fsmount');
    expect(made.slice(1)).toEqual(
      [['memory'], ['cpu', 'cpuacct']].map((options) => ({
        call: 'fsmount',
        fstype: 'cgroup',
        source: 'cgroup',
        options,
        attributes: NO_PRIVILEGES,
        out: 'mount',
      })),
    );
  });
});

describe('a cgroup mount on cgroup v2', () => {
  const V2: CgroupLayout = {
    version: 2,
    mountpoint: '/sys/fs/cgroup',
    own: '/',
    controllers: ['memory'],
  };

  it.each(['cgroup', 'cgroup2'])('of type %s is the unified hierarchy', (type) => {
    expect(ops(['ro', 'nosuid'], [MOUNT_NS], V2, type)[0]).toEqual({
      call: 'fsmount',
      fstype: 'cgroup2',
      source: 'cgroup',
      options: [],
      attributes: MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID,
      out: 'mount',
    });
  });

  it('is a bind mount in a user namespace without a cgroup namespace, where mounting is EPERM', () => {
    const user = { type: 'user' } as const;
    expect(ops(['ro'], [MOUNT_NS, user], V2)).toMatchObject([
      { call: 'mount_setattr', fd: 'source:0', attr_set: BigInt(MOUNT_ATTR_RDONLY) },
      { call: 'open_target' },
      { call: 'move_mount', from: 'source:0' },
      { call: 'close' },
    ]);
    expect(ops(['ro'], [MOUNT_NS, user, CGROUP_NS], V2)[0]).toMatchObject({ call: 'fsmount' });
  });
});
