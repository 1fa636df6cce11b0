import { describe, expect, it } from 'vitest';
import { planMountSources, planMounts } from '../../../../src/config/mounts.ts';
import type { Mount, Spec } from '../../../../src/generated/spec.ts';
import { AT_RECURSIVE, O_PATH, O_RDONLY } from '../../../../src/linux/constants/file.ts';
import {
  MOUNT_ATTR_IDMAP,
  MOUNT_ATTR_NODEV,
  MOUNT_ATTR_NOEXEC,
  MOUNT_ATTR_NOSUID,
  MOUNT_ATTR_NOSYMFOLLOW,
  MOUNT_ATTR_RDONLY,
  MS_BIND,
  MS_NOSUID,
  MS_PRIVATE,
  MS_RDONLY,
  MS_REC,
  MS_RELATIME,
  MS_SHARED,
  MS_SLAVE,
  OPEN_TREE_CLONE,
} from '../../../../src/linux/constants/mount.ts';
import type { HostFacts } from '../../../../src/plan/context.ts';
import { contextOf, HOST, opsOf, outline, specOf } from '../../context.ts';

const MOUNT_NS = { type: 'mount' } as const;
const USER_NS = { type: 'user' } as const;
const OLD_KERNEL = { host: { kernel: { ...HOST.kernel, mountSetattr: false } } };

const planFor = (
  mounts: readonly Omit<Mount, 'destination'>[],
  linux: NonNullable<Spec['linux']> = {},
  facts: { host?: Partial<HostFacts> } = {},
) => {
  const spec = specOf({
    mounts: mounts.map((mount) => ({ destination: '/data', ...mount })),
    linux: { namespaces: [MOUNT_NS], ...linux },
  });
  const context = contextOf(spec, facts);
  return { outer: planMountSources(context), init: planMounts(context) };
};

const setattr = (fd: string, changes: object) => ({
  call: 'mount_setattr',
  fd,
  flags: 0,
  attr_set: 0n,
  attr_clr: 0n,
  propagation: 0n,
  ...changes,
});

describe('a bind mount', () => {
  it('is a clone of its source, attached where the destination leads inside the root', () => {
    const { outer, init } = planFor([{ source: '/srv', options: ['bind'] }]);
    expect(outer).toEqual([]);
    expect(opsOf(init)).toEqual([
      { call: 'open_tree', path: '/srv', flags: OPEN_TREE_CLONE, out: 'mount' },
      { call: 'attach', from: 'mount', root: 'root', path: '/data', flags: 0 },
    ]);
  });

  it('with rbind has what is mounted below; a relative source begins in the bundle', () => {
    const { init } = planFor([{ source: 'vol', options: ['rbind'] }]);
    expect(opsOf(init)[0]).toMatchObject({
      path: '/bundle/vol',
      flags: OPEN_TREE_CLONE | AT_RECURSIVE,
    });
  });

  it('has its attributes before it is attached, its propagation behind', () => {
    const { init } = planFor([{ source: '/srv', options: ['rbind', 'ro', 'rro', 'rprivate'] }]);
    expect(opsOf(init)).toEqual([
      expect.objectContaining({ call: 'open_tree' }),
      setattr('mount', {
        attr_set: BigInt(MOUNT_ATTR_RDONLY),
        attr_clr: BigInt(
          MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC | MOUNT_ATTR_NOSYMFOLLOW,
        ),
      }),
      setattr('mount', { flags: AT_RECURSIVE, attr_set: BigInt(MOUNT_ATTR_RDONLY) }),
      expect.objectContaining({ call: 'attach' }),
      setattr('mount', { flags: AT_RECURSIVE, propagation: BigInt(MS_PRIVATE) }),
    ]);
  });

  it('is cloned with its attributes in one call, where they are for all that is cloned', () => {
    const { init } = planFor([{ source: '/srv', options: ['bind', 'ro', 'dev'] }]);
    expect(opsOf(init)).toEqual([
      {
        call: 'open_tree_attr',
        path: '/srv',
        flags: OPEN_TREE_CLONE,
        attr_set: BigInt(MOUNT_ATTR_RDONLY),
        attr_clr: BigInt(
          MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC | MOUNT_ATTR_NOSYMFOLLOW,
        ),
        out: 'mount',
      },
      expect.objectContaining({ call: 'attach', path: '/data' }),
    ]);
  });

  it('applies several propagation options one by one', () => {
    const { init } = planFor([{ source: '/srv', options: ['bind', 'slave', 'rshared'] }]);
    expect(opsOf(init).slice(-2)).toEqual([
      setattr('mount', { propagation: BigInt(MS_SLAVE) }),
      setattr('mount', { flags: AT_RECURSIVE, propagation: BigInt(MS_SHARED) }),
    ]);
  });

  it('with remount changes the mount that is there', () => {
    const { outer, init } = planFor([{ options: ['bind', 'remount', 'nosuid'] }]);
    expect(outer).toEqual([]);
    expect(opsOf(init)).toMatchObject([
      { call: 'openat2', root: 'root', path: '/data', flags: O_PATH, out: 'target' },
      { call: 'mount_setattr', fd: 'target', attr_set: BigInt(MOUNT_ATTR_NOSUID) },
    ]);
  });
});

describe('a bind mount of a container with a user namespace', () => {
  const linux = { namespaces: [MOUNT_NS, USER_NS] };

  it('is opened by outer, a slave of the host, and keeps attributes nobody mentions', () => {
    const { outer, init } = planFor([{ source: '/srv', options: ['rbind', 'ro'] }], linux);
    expect(opsOf(outer)).toEqual([
      {
        call: 'open_tree',
        path: '/srv',
        flags: OPEN_TREE_CLONE | AT_RECURSIVE,
        out: 'source:0',
      },
      setattr('source:0', { flags: AT_RECURSIVE, propagation: BigInt(MS_SLAVE) }),
    ]);
    expect(opsOf(init)).toMatchObject([
      setattr('source:0', { attr_set: BigInt(MOUNT_ATTR_RDONLY) }),
      { call: 'attach', from: 'source:0', path: '/data' },
      { call: 'close', fd: 'source:0' },
    ]);
  });

  it.each([
    ['without privileges, which outer lacks too', linux, { host: { euid: 1000 } }],
    [
      'in a joined mount namespace, whose paths outer does not see',
      { namespaces: [{ type: 'mount', path: '/proc/1/ns/mnt' } as const, USER_NS] },
      {},
    ],
  ])('is opened by init %s', (_, where, facts) => {
    const { outer, init } = planFor([{ source: '/srv', options: ['bind'] }], where, facts);
    expect(outer).toEqual([]);
    expect(outline(init)[0]).toBe('init open_tree /mounts/0');
  });
});

describe('in the mount namespace of the host, a bind mount', () => {
  it('is no peer of its source, before its own propagation', () => {
    const { init } = planFor([{ source: '/srv', options: ['rbind', 'rshared'] }], {
      namespaces: [],
    });
    expect(opsOf(init).slice(-2)).toEqual([
      setattr('mount', { flags: AT_RECURSIVE, propagation: BigInt(MS_SLAVE) }),
      setattr('mount', { flags: AT_RECURSIVE, propagation: BigInt(MS_SHARED) }),
    ]);
  });
});

describe('an id-mapped mount', () => {
  const mappings = [{ containerID: 0, hostID: 5000, size: 10 }];
  const own = { uidMappings: mappings, gidMappings: mappings };

  it('is mapped by outer, by a user namespace of its mappings that equal ones share', () => {
    const { outer } = planFor([
      { source: '/a', options: ['bind'], ...own },
      { source: '/b', options: ['rbind', 'ridmap'], ...own },
    ]);
    expect(opsOf(outer).filter(({ call }) => call !== 'open_tree')).toEqual([
      setattr('source:0', { flags: AT_RECURSIVE, propagation: BigInt(MS_SLAVE) }),
      {
        call: 'create_userns',
        uid_map: '0 5000 10\n',
        gid_map: '0 5000 10\n',
        out: 'idmap:0',
      },
      setattr('source:0', { attr_set: BigInt(MOUNT_ATTR_IDMAP), userns: 'idmap:0' }),
      setattr('source:1', { flags: AT_RECURSIVE, propagation: BigInt(MS_SLAVE) }),
      setattr('source:1', {
        flags: AT_RECURSIVE,
        attr_set: BigInt(MOUNT_ATTR_IDMAP),
        userns: 'idmap:0',
      }),
    ]);
  });

  it('takes the mappings of the container, or of the user namespace it joins', () => {
    const idmap = [{ source: '/a', options: ['bind', 'idmap'] }];
    const created = planFor(idmap, {
      namespaces: [MOUNT_NS, USER_NS],
      uidMappings: mappings,
      gidMappings: mappings,
    });
    expect(opsOf(created.outer)).toContainEqual(
      expect.objectContaining({ call: 'create_userns', uid_map: '0 5000 10\n' }),
    );
    const joined = planFor(idmap, { namespaces: [MOUNT_NS, { ...USER_NS, path: '/run/user' }] });
    expect(opsOf(joined.outer)).toContainEqual({
      call: 'openat',
      path: '/run/user',
      flags: O_RDONLY,
      mode: 0,
      out: 'idmap:0',
    });
  });

  it('stays a peer of the host with a shared rootfs', () => {
    const { outer } = planFor([{ source: '/a', options: ['bind'], ...own }], {
      rootfsPropagation: 'rshared',
    });
    expect(outline(outer)).toEqual([
      'outer open_tree /mounts/0',
      'outer create_userns /mounts/0',
      'outer mount_setattr /mounts/0',
    ]);
  });
});

describe('a bind mount on a kernel without mount_setattr', () => {
  it('is made by mount(2), its flags by a second call', () => {
    const { init } = planFor(
      [{ source: '/srv', options: ['rbind', 'ro', 'atime', 'suid', 'rslave'] }],
      {},
      OLD_KERNEL,
    );
    expect(opsOf(init)).toMatchObject([
      { call: 'openat', path: '/srv', flags: O_PATH, out: 'mount' },
      { call: 'open_target', like: 'mount', out: 'target' },
      {
        call: 'mount',
        source_fd: 'mount',
        target_fd: 'target',
        flags: BigInt(MS_BIND | MS_REC),
      },
      { call: 'openat2', path: '/data', out: 'mount' },
      {
        call: 'remount_bind',
        fd: 'mount',
        flags: BigInt(MS_RDONLY | MS_RELATIME),
        cleared: expect.any(BigInt),
      },
      { call: 'mount', target_fd: 'mount', flags: BigInt(MS_SLAVE | MS_REC) },
    ]);
  });

  it('says which flags may not come back', () => {
    const { init } = planFor([{ source: '/srv', options: ['bind', 'suid'] }], {}, OLD_KERNEL);
    expect(opsOf(init)).toContainEqual({
      call: 'remount_bind',
      fd: 'mount',
      flags: 0n,
      cleared: BigInt(MS_NOSUID),
    });
  });

  it('with remount changes the mount that is there', () => {
    const { init } = planFor([{ options: ['bind', 'remount', 'ro'] }], {}, OLD_KERNEL);
    expect(opsOf(init)).toMatchObject([
      { call: 'openat2', path: '/data', out: 'target' },
      { call: 'remount_bind', fd: 'target', flags: BigInt(MS_RDONLY) },
    ]);
  });
});
