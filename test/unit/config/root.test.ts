import { describe, expect, it } from 'vitest';
import {
  checkRoot,
  planHostRootfs,
  planPivot,
  planRootfs,
  planRootReadonly,
} from '../../../src/config/root.ts';
import type { Spec } from '../../../src/generated/spec.ts';
import { AT_RECURSIVE, O_DIRECTORY, O_PATH } from '../../../src/linux/constants/file.ts';
import {
  MNT_DETACH,
  MOUNT_ATTR_RDONLY,
  MS_BIND,
  MS_MOVE,
  MS_PRIVATE,
  MS_RDONLY,
  MS_REC,
  MS_SLAVE,
  OPEN_TREE_CLONE,
} from '../../../src/linux/constants/mount.ts';
import { contextOf, HOST, opsOf, specOf } from '../context.ts';

const OLD_KERNEL = { host: { kernel: { ...HOST.kernel, mountApi: false } } };
const MOUNT_NS: NonNullable<Spec['linux']> = { namespaces: [{ type: 'mount' }] };

const spec = (readonly = false) => specOf({ root: { path: 'rootfs', readonly }, linux: MOUNT_NS });

describe('root', () => {
  it('is required', () => {
    const { root: _, ...rootless } = spec();
    expect(checkRoot(rootless)).toMatchObject([{ severity: 'error', path: '/root' }]);
    expect(checkRoot(specOf({ root: { path: '' } }))).toMatchObject([{ path: '/root/path' }]);
    expect(checkRoot(spec(true))).toEqual([]);
  });
});

describe('root.path', () => {
  it('becomes a mount of its own below a private one, and the working directory', () => {
    expect(opsOf(planRootfs(contextOf(spec())))).toEqual([
      { call: 'private_parent', not_root: 1 },
      { call: 'open_tree', path: '.', flags: OPEN_TREE_CLONE | AT_RECURSIVE, out: 'root' },
      { call: 'move_mount', from: 'root', path: '.' },
      { call: 'fchdir', fd: 'root' },
    ]);
  });

  it('takes the place of the old root, which goes without the mounts of the host', () => {
    expect(opsOf(planPivot(contextOf(spec())))).toEqual([
      { call: 'openat', path: '/', flags: O_PATH | O_DIRECTORY, mode: 0, out: 'old-root' },
      { call: 'pivot_root', new_root: '.', put_old: '.' },
      {
        call: 'mount_setattr',
        fd: 'old-root',
        flags: AT_RECURSIVE,
        attr_set: 0n,
        attr_clr: 0n,
        propagation: BigInt(MS_SLAVE),
      },
      { call: 'umount2', path: '.', flags: MNT_DETACH },
      { call: 'close', fd: 'old-root' },
      { call: 'chdir', path: '/' },
    ]);
  });

  it('with --no-pivot covers the old root, the procfs and sysfs of the host taken away', () => {
    expect(opsOf(planPivot(contextOf(spec(), { options: { noPivot: true } })))).toEqual([
      { call: 'umount_pseudo', proc: 'proc', except: '/bundle/rootfs' },
      { call: 'move_mount', from: 'root', path: '/' },
      { call: 'chroot', path: '.' },
      { call: 'chdir', path: '/' },
    ]);
  });

  it('is entered by chroot alone without a mount namespace', () => {
    const context = contextOf(specOf({}));
    expect(opsOf(planRootfs(context))).toEqual([
      { call: 'openat', path: '.', flags: O_PATH | O_DIRECTORY, mode: 0, out: 'root' },
    ]);
    expect(opsOf(planPivot(context))).toEqual([
      { call: 'chroot', path: '.' },
      { call: 'chdir', path: '/' },
    ]);
  });

  it('is mounted over itself on the host when it has mounts and no mount namespace', () => {
    const context = contextOf(specOf({ mounts: [{ destination: '/tmp', type: 'tmpfs' }] }));
    const path = '/bundle/rootfs';
    expect(planHostRootfs(context).every(({ actor }) => actor === 'runtime')).toBe(true);
    expect(opsOf(planHostRootfs(context))).toEqual([
      { call: 'open_tree', path, flags: OPEN_TREE_CLONE, out: 'rootfs-cover' },
      { call: 'open_tree', path, flags: OPEN_TREE_CLONE | AT_RECURSIVE, out: 'rootfs-tree' },
      { call: 'save_state', status: 'creating' },
      { call: 'move_mount', from: 'rootfs-cover', path },
      { call: 'mount', target_fd: 'rootfs-cover', flags: BigInt(MS_PRIVATE) },
      { call: 'move_mount', from: 'rootfs-tree', to: 'rootfs-cover' },
      { call: 'mount', target_fd: 'rootfs-tree', flags: BigInt(MS_PRIVATE | MS_REC) },
    ]);
    expect(opsOf(planPivot(context))).toEqual([
      { call: 'chroot', path: '.' },
      { call: 'chdir', path: '/' },
    ]);
    expect(planHostRootfs(contextOf(specOf({})))).toEqual([]);
    expect(planHostRootfs(contextOf(spec()))).toEqual([]);
  });

  it('is bound and moved by mount(2) on an old kernel', () => {
    expect(opsOf(planRootfs(contextOf(spec(), OLD_KERNEL)))).toMatchObject([
      { call: 'private_parent', not_root: 1 },
      { call: 'mount', source: '.', target: '.', flags: BigInt(MS_BIND | MS_REC) },
      { call: 'openat', path: '/bundle/rootfs', out: 'root' },
      { call: 'fchdir', fd: 'root' },
    ]);
    expect(opsOf(planPivot(contextOf(spec(), OLD_KERNEL)))).toMatchObject([
      { call: 'openat', path: '/' },
      { call: 'pivot_root' },
      { call: 'fchdir', fd: 'old-root' },
      { call: 'mount', target: '.', flags: BigInt(MS_SLAVE | MS_REC) },
      { call: 'umount2', path: '.', flags: MNT_DETACH },
      { call: 'close' },
      { call: 'chdir', path: '/' },
    ]);
    const noPivot = { ...OLD_KERNEL, options: { noPivot: true } };
    expect(opsOf(planPivot(contextOf(spec(), noPivot)))).toContainEqual({
      call: 'mount',
      source: '.',
      target: '/',
      flags: BigInt(MS_MOVE),
    });
  });
});

describe('root.readonly', () => {
  it('makes the root mount read-only, not the mounts in it', () => {
    expect(opsOf(planRootReadonly(contextOf(spec(true))))).toEqual([
      {
        call: 'mount_setattr',
        fd: 'root',
        flags: 0,
        attr_set: BigInt(MOUNT_ATTR_RDONLY),
        attr_clr: 0n,
        propagation: 0n,
      },
    ]);
    expect(opsOf(planRootReadonly(contextOf(spec(true), OLD_KERNEL)))).toEqual([
      { call: 'remount_bind', fd: 'root', flags: BigInt(MS_RDONLY), cleared: 0n },
    ]);
    expect(planRootReadonly(contextOf(spec(false)))).toEqual([]);
  });

  it('is of a mount of its own without a mount namespace, lest it be the host that changes', () => {
    const shared = specOf({ root: { path: 'rootfs', readonly: true } });
    expect(checkRoot(shared)).toEqual([]);
    expect(planHostRootfs(contextOf(shared))).not.toEqual([]);
    expect(planRootReadonly(contextOf(shared))).toMatchObject([{ op: { fd: 'root' } }]);
  });
});
