import { describe, expect, it } from 'vitest';
import { checkDevices, makedev, planDevices } from '../../../../src/config/linux/devices.ts';
import type { LinuxDevice, Spec } from '../../../../src/generated/spec.ts';
import { S_IFBLK, S_IFCHR, S_IFIFO } from '../../../../src/linux/constants/file.ts';
import { MS_BIND, OPEN_TREE_CLONE } from '../../../../src/linux/constants/mount.ts';
import { contextOf, HOST, opsOf, specOf, specOfLinux } from '../../context.ts';

const namespaces: NonNullable<Spec['linux']>['namespaces'] = [{ type: 'mount' }];
const withDevices = (...devices: LinuxDevice[]) => specOfLinux({ namespaces, devices });

const DEFAULTS = ['null', 'zero', 'full', 'random', 'urandom', 'tty'].map((name) => `/dev/${name}`);

const nodes = (spec: Spec, facts = {}) =>
  opsOf(planDevices(contextOf(spec, facts))).flatMap((op) => (op.call === 'mknodat' ? [op] : []));

describe('the default devices', () => {
  it('are there without being listed, for everybody to read and write', () => {
    expect(nodes(specOfLinux({ namespaces })).map(({ path }) => path)).toEqual(DEFAULTS);
    expect(nodes(specOfLinux({ namespaces }))[0]).toEqual({
      call: 'mknodat',
      root: 'root',
      path: '/dev/null',
      mode: S_IFCHR | 0o666,
      dev: 0x103n,
      uid: 0,
      gid: 0,
    });
  });

  it('yield to a device listed at their path', () => {
    const made = nodes(
      withDevices({ path: '/dev//null', type: 'c', major: 1, minor: 3, fileMode: 0o600, gid: 7 }),
    ).filter(({ path }) => path === '/dev/null');
    expect(made).toMatchObject([{ mode: S_IFCHR | 0o600, gid: 7 }]);
  });

  it('come with the symlinks of /dev, of which /dev/core needs a /proc/kcore', () => {
    const links = opsOf(planDevices(contextOf(specOfLinux({ namespaces })))).flatMap((op) =>
      op.call === 'symlinkat' ? [[op.path, op.target, op.exists]] : [],
    );
    expect(links).toEqual([
      ['/dev/ptmx', 'pts/ptmx', 'root'],
      ['/dev/fd', '/proc/self/fd', 'root'],
      ['/dev/stdin', '/proc/self/fd/0', 'root'],
      ['/dev/stdout', '/proc/self/fd/1', 'root'],
      ['/dev/stderr', '/proc/self/fd/2', 'root'],
      ['/dev/core', '/proc/kcore', 'kcore'],
    ]);
  });

  it('are left out when /dev is a bind mount, whose directory is the host’s', () => {
    const mounts = [{ destination: '/dev/', source: '/dev', options: ['rbind'] }];
    expect(planDevices(contextOf(specOf({ mounts, linux: { namespaces } })))).toEqual([]);
  });
});

describe('linux.devices', () => {
  it.each([
    ['c', S_IFCHR],
    ['u', S_IFCHR],
    ['b', S_IFBLK],
  ] as const)('of type %s are made with their numbers, mode and owner', (type, format) => {
    const device = {
      path: '/dev/x',
      type,
      major: 10,
      minor: 229,
      fileMode: 0o20640,
      uid: 1,
      gid: 2,
    };
    const context = contextOf(withDevices(device));
    expect(planDevices(context)).toContainEqual({
      actor: 'init',
      origin: '/linux/devices/0',
      op: {
        call: 'mknodat',
        root: 'root',
        path: '/dev/x',
        mode: format | 0o640,
        dev: makedev(10, 229),
        uid: 1,
        gid: 2,
      },
    });
  });

  it('may be something else only where the config mounts it', () => {
    const context = contextOf(
      specOf({
        linux: { namespaces: [{ type: 'mount' }] },
        mounts: [{ destination: '/dev/random', type: 'bind', source: '/dev/urandom' }],
      }),
    );
    const tolerant = planDevices(context).filter(
      ({ op, ignore }) => op.call === 'mknodat' && ignore?.includes('EEXIST'),
    );
    expect(opsOf(tolerant)).toMatchObject([{ path: '/dev/random' }]);
  });

  it('of type p are fifos', () => {
    expect(nodes(withDevices({ path: '/dev/fifo', type: 'p' }))).toContainEqual(
      expect.objectContaining({ path: '/dev/fifo', mode: S_IFIFO | 0o666, dev: 0n }),
    );
  });

  it('do not replace the symlink /dev/ptmx', () => {
    const made = nodes(withDevices({ path: '/dev/ptmx', type: 'c', major: 5, minor: 2 }));
    expect(made.map(({ path }) => path)).toEqual(DEFAULTS);
  });

  it('have an absolute path, and numbers unless they are fifos', () => {
    expect(
      checkDevices(withDevices({ path: 'x', type: 'p' }, { path: '/x', type: 'b' })),
    ).toMatchObject([
      { path: '/linux/devices/0/path' },
      { path: '/linux/devices/1/major' },
      { path: '/linux/devices/1/minor' },
    ]);
  });
});

describe('devices in a user namespace', () => {
  const bind = (name: string) => [
    { call: 'open_tree', path: name, flags: OPEN_TREE_CLONE, out: 'mount' },
    { call: 'attach', from: 'mount', root: 'root', path: name, flags: 0 },
  ];
  const user = [...(namespaces ?? []), { type: 'user' } as const];

  it.each([
    ['of the container', specOfLinux({ namespaces: user }), {}],
    ['of tsrun', specOfLinux({ namespaces }), { host: { inUserNamespace: true } }],
  ])('%s are the nodes of the host, mounted', (_, spec, facts) => {
    expect(opsOf(planDevices(contextOf(spec, facts))).slice(0, 12)).toEqual(DEFAULTS.flatMap(bind));
  });

  it('are bound by mount(2) on an old kernel', () => {
    const host = { inUserNamespace: true, kernel: { ...HOST.kernel, mountApi: false } };
    expect(
      opsOf(planDevices(contextOf(specOfLinux({ namespaces }), { host }))).slice(0, 3),
    ).toMatchObject([
      { call: 'openat', path: '/dev/null', out: 'mount' },
      { call: 'open_target', path: '/dev/null' },
      { call: 'mount', source_fd: 'mount', target_fd: 'target', flags: BigInt(MS_BIND) },
    ]);
  });

  it('can still be fifos', () => {
    const spec = specOfLinux({ namespaces: user, devices: [{ path: '/f', type: 'p' }] });
    expect(nodes(spec).map(({ path }) => path)).toEqual(['/f']);
  });

  it('need a mount namespace', () => {
    expect(checkDevices(specOfLinux({ namespaces: [{ type: 'user' }] }))).toMatchObject([
      { severity: 'error', path: '/linux/namespaces' },
    ]);
  });
});

describe('makedev', () => {
  it.each([
    [1, 3, 0x103n],
    [254, 0x12345, 0x1230fe45n],
    [0xfffff, 0xfffff, 0xff000ffffffffn],
  ])('packs %i:%i as makedev(3)', (major, minor, dev) => {
    expect(makedev(major, minor)).toBe(dev);
  });
});
