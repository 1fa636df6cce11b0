import { describe, expect, it } from 'vitest';
import { planLateReadonly, planMounts } from '../../../../src/config/mounts.ts';
import { TARGET_DIRECTORY, TARGET_PROC } from '../../../../src/generated/ops.ts';
import type { Mount, Spec } from '../../../../src/generated/spec.ts';
import { AT_RECURSIVE, O_DIRECTORY, O_PATH } from '../../../../src/linux/constants/file.ts';
import {
  MOUNT_ATTR_NODEV,
  MOUNT_ATTR_NOSUID,
  MOUNT_ATTR_RDONLY,
  MS_I_VERSION,
  MS_NOSUID,
  MS_PRIVATE,
  MS_RDONLY,
  MS_REC,
  MS_REMOUNT,
  MS_SILENT,
} from '../../../../src/linux/constants/mount.ts';
import { contextOf, HOST, opsOf, specOf } from '../../context.ts';

const OLD_KERNEL = { host: { kernel: { ...HOST.kernel, mountApi: false } } };
const LINUX: NonNullable<Spec['linux']> = { namespaces: [{ type: 'mount' }] };

const contextFor = (mount: Mount, facts = {}, linux = LINUX) =>
  contextOf(specOf({ mounts: [mount], linux }), facts);
const ops = (mount: Mount, facts = {}, linux = LINUX) =>
  opsOf(planMounts(contextFor(mount, facts, linux)));

describe('a mount of a file system', () => {
  it('is made detached, then attached', () => {
    expect(
      ops({
        destination: 'run',
        type: 'tmpfs',
        source: 'tmpfs',
        options: ['nosuid', 'nodev', 'sync', 'mode=755,size=64k', 'rprivate'],
      }),
    ).toEqual([
      {
        call: 'fsmount',
        fstype: 'tmpfs',
        source: 'tmpfs',
        options: ['sync', 'mode=755', 'size=64k'],
        attributes: MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV,
        out: 'mount',
      },
      { call: 'attach', from: 'mount', root: 'root', path: '/run', flags: 0 },
      expect.objectContaining({ call: 'mount_setattr', propagation: BigInt(MS_PRIVATE) }),
    ]);
  });

  it.each([
    ['proc', '/proc', TARGET_DIRECTORY | TARGET_PROC],
    ['sysfs', '/sys', TARGET_DIRECTORY],
    ['mqueue', '/dev/mqueue', 0],
    ['ramfs', '/r', 0],
  ])('of type %s takes what place it should (CVE-2019-19921)', (type, destination, flags) => {
    expect(ops({ destination, type })).toContainEqual(
      expect.objectContaining({ call: 'attach', path: destination, flags }),
    );
  });

  it('with ro is read-only itself, and its mount', () => {
    expect(ops({ destination: '/sys', type: 'sysfs', options: ['ro'] })[0]).toMatchObject({
      options: ['ro'],
      attributes: MOUNT_ATTR_RDONLY,
    });
  });

  it.each([
    ['iversion', MS_I_VERSION],
    ['silent', MS_SILENT],
  ])('with %s, which fsconfig(2) does not know, is made by mount(2)', (option, flag) => {
    expect(
      ops({ destination: '/r', type: 'ramfs', source: 'r', options: [option, 'a=1', 'b'] }),
    ).toMatchObject([
      { call: 'open_target', path: '/r' },
      {
        call: 'mount',
        source: 'r',
        target_fd: 'target',
        fstype: 'ramfs',
        flags: BigInt(flag),
        data: 'a=1,b',
      },
      { call: 'openat2', path: '/r', out: 'mount' },
    ]);
  });

  it.each([
    ['a value longer than fsconfig(2) takes', `lowerdir=/${'l'.repeat(250)}:/m`],
    ['fewer characters, but more bytes', `lowerdir=/${'é'.repeat(100)}`],
    ["overlay's escapes", 'lowerdir=/a\\:b'],
  ])('with %s is made by mount(2)', (_, option) => {
    const [, mount] = ops({ destination: '/o', type: 'overlay', options: [option] });
    expect(mount).toMatchObject({ call: 'mount', fstype: 'overlay', data: option });
  });

  it('with remount changes the superblock of what is there', () => {
    expect(ops({ destination: '/r', options: ['remount', 'ro', 'size=1m'] })).toMatchObject([
      { call: 'openat2', path: '/r', out: 'target' },
      {
        call: 'mount',
        target_fd: 'target',
        flags: BigInt(MS_REMOUNT | MS_RDONLY),
        data: 'size=1m',
      },
    ]);
  });

  it('on an old kernel is made by mount(2), then opened for what follows', () => {
    expect(
      ops({ destination: '/proc', type: 'proc', options: ['nosuid', 'rprivate'] }, OLD_KERNEL),
    ).toMatchObject([
      { call: 'open_target', flags: TARGET_DIRECTORY | TARGET_PROC, out: 'target' },
      { call: 'mount', fstype: 'proc', target_fd: 'target', flags: BigInt(MS_NOSUID) },
      { call: 'openat2', path: '/proc', out: 'mount' },
      { call: 'mount', target_fd: 'mount', flags: BigInt(MS_PRIVATE | MS_REC) },
    ]);
  });
});

describe('a tmpfs', () => {
  const covered = {
    call: 'openat2',
    root: 'root',
    path: '/t',
    flags: O_PATH | O_DIRECTORY,
    out: 'covered:0',
  };

  it('without mode= takes over the mode of the directory it covers, if there is one', () => {
    const [opened, made] = planMounts(contextFor({ destination: '/t', type: 'tmpfs' }));
    expect(opened).toMatchObject({ op: covered, ignore: ['ENOENT'] });
    expect(made?.op).toMatchObject({ call: 'fsmount', mode_of: 'covered:0' });
    expect(ops({ destination: '/t', type: 'tmpfs' }, OLD_KERNEL)).toContainEqual(
      expect.objectContaining({ call: 'mount', mode_of: 'covered:0' }),
    );
  });

  it('with tmpcopyup is filled before it covers', () => {
    const calls = ops({ destination: '/t', type: 'tmpfs', options: ['tmpcopyup', 'mode=700'] });
    expect(calls[1]).toHaveProperty('mode_of', undefined);
    expect(calls).toMatchObject([
      covered,
      { call: 'fsmount' },
      { call: 'copy_up', from: 'covered:0', to: 'mount' },
      { call: 'attach' },
    ]);
  });

  it.each([
    ['/t', 'tmpfs'],
    ['/dev', 'devtmpfs'],
  ])('with ro is read-only at the end, as is /dev: %s', (destination, type) => {
    const mount = { destination, type, options: ['ro', 'nosuid', 'mode=755'] };
    expect(ops(mount)[0]).toMatchObject({ options: ['mode=755'], attributes: MOUNT_ATTR_NOSUID });
    expect(opsOf(planLateReadonly(contextFor(mount)))).toMatchObject([
      { call: 'openat2', path: destination, out: 'mount' },
      { call: 'mount_setattr', fd: 'mount', flags: 0, attr_set: BigInt(MOUNT_ATTR_RDONLY) },
    ]);
    expect(opsOf(planLateReadonly(contextFor(mount, OLD_KERNEL)))[1]).toEqual({
      call: 'remount_bind',
      fd: 'mount',
      flags: BigInt(MS_RDONLY | MS_NOSUID),
      cleared: 0n,
    });
  });

  it('without ro stays as it is', () => {
    expect(planLateReadonly(contextFor({ destination: '/t', type: 'tmpfs' }))).toEqual([]);
  });
});

describe('sysfs in a user namespace that shares the network of the host', () => {
  const sys = { destination: '/sys', type: 'sysfs', options: ['nosuid', 'ro', 'x=1'] };
  const user = { type: 'user' } as const;

  it('is a bind mount of /sys, since mounting one is EPERM, and all below is as read-only', () => {
    const context = contextFor(
      sys,
      { host: { euid: 1000 } },
      { namespaces: [{ type: 'mount' }, user] },
    );
    expect(opsOf(planMounts(context))).toMatchObject([
      { call: 'open_tree', path: '/sys' },
      { call: 'mount_setattr', flags: 0 },
      {
        call: 'mount_setattr',
        flags: AT_RECURSIVE,
        attr_set: BigInt(MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID),
      },
      { call: 'attach' },
    ]);
  });

  it('is a sysfs with a network namespace', () => {
    const linux: NonNullable<Spec['linux']> = {
      namespaces: [{ type: 'mount' }, user, { type: 'network' }],
    };
    expect(ops({ ...sys, options: [] }, {}, linux)[0]).toMatchObject({ call: 'fsmount' });
  });
});
