import { describe, expect, it } from 'vitest';
import { planMounts } from '../../../../src/config/mounts.ts';
import type { Spec } from '../../../../src/generated/spec.ts';
import { AT_RECURSIVE } from '../../../../src/linux/constants/file.ts';
import {
  MOUNT_ATTR_NODEV,
  MOUNT_ATTR_NOEXEC,
  MOUNT_ATTR_NOSUID,
  MOUNT_ATTR_NOSYMFOLLOW,
  MOUNT_ATTR_RDONLY,
  MS_PRIVATE,
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

const setattr = (fd: string, set: number, clear: number) => ({
  call: 'mount_setattr',
  fd,
  flags: 0,
  attr_set: BigInt(set),
  attr_clr: BigInt(clear),
  propagation: 0n,
});

describe('a cgroup mount on cgroup v1', () => {
  it('is a tmpfs with the own cgroup of each hierarchy, read-only once that is filled', () => {
    const attach = (path: string) => ({
      call: 'attach',
      from: 'mount',
      root: 'root',
      path,
      flags: 0,
    });
    const hierarchy = (name: string) => [
      {
        call: 'open_tree',
        path: `/sys/fs/cgroup/${name}/c/web`,
        flags: OPEN_TREE_CLONE | AT_RECURSIVE,
        out: 'mount',
      },
      setattr(
        'mount',
        MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID,
        MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC | MOUNT_ATTR_NOSYMFOLLOW,
      ),
      attach(`/sys/fs/cgroup/${name}`),
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
        out: 'mount',
      },
      attach('/sys/fs/cgroup'),
      ...hierarchy('memory'),
      ...hierarchy('cpu,cpuacct'),
      link('cpu'),
      link('cpuacct'),
      expect.objectContaining({ call: 'openat2', path: '/sys/fs/cgroup', out: 'target' }),
      setattr('target', MOUNT_ATTR_RDONLY | NO_PRIVILEGES, MOUNT_ATTR_NOSYMFOLLOW),
    ]);
  });

  it('gives its propagation to the tmpfs and to what is in it', () => {
    const changed = ops(['rprivate']).filter(({ call }) => call === 'mount_setattr');
    expect(changed).toMatchObject(
      ['mount', 'mount', 'target'].map((fd) => ({ fd, propagation: BigInt(MS_PRIVATE) })),
    );
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
      { call: 'mount_setattr', fd: 'source:0', flags: 0, attr_set: BigInt(MOUNT_ATTR_RDONLY) },
      { call: 'mount_setattr', flags: AT_RECURSIVE, attr_set: BigInt(MOUNT_ATTR_RDONLY) },
      { call: 'attach', from: 'source:0' },
      { call: 'close' },
    ]);
    expect(ops(['ro'], [MOUNT_NS, user, CGROUP_NS], V2)[0]).toMatchObject({ call: 'fsmount' });
  });
});
