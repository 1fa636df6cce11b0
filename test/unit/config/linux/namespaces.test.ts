import { describe, expect, it } from 'vitest';
import {
  checkJoinedMountNamespace,
  checkNamespaces,
  createsNamespace,
  hasNamespace,
  joinsNamespace,
  planCgroupNamespace,
  planClone,
  planEarlyNamespaces,
  planIpcNamespace,
  planJoinNamespaces,
  planLoopback,
} from '../../../../src/config/linux/namespaces.ts';
import type { LinuxNamespace } from '../../../../src/generated/spec.ts';
import { contextOf, opsOf, outline, ROOTLESS, specOf, specOfLinux } from '../../context.ts';

const namespaces = (...list: readonly LinuxNamespace[]) => specOfLinux({ namespaces: list });

const ALL = namespaces(
  { type: 'pid' },
  { type: 'network' },
  { type: 'mount' },
  { type: 'ipc' },
  { type: 'uts' },
  { type: 'user' },
  { type: 'cgroup' },
  { type: 'time' },
);

describe('linux.namespaces', () => {
  it('tells created, joined and shared namespaces apart', () => {
    const spec = namespaces({ type: 'pid' }, { type: 'network', path: '/run/netns/a' });
    expect(createsNamespace(spec, 'pid')).toBe(true);
    expect(joinsNamespace(spec, 'pid')).toBeUndefined();
    expect(createsNamespace(spec, 'network')).toBe(false);
    expect(joinsNamespace(spec, 'network')).toBe('/run/netns/a');
    expect(hasNamespace(spec, 'network')).toBe(true);
    expect(hasNamespace(spec, 'uts')).toBe(false);
  });

  it('without mount warns that mounts are made on the host, when there are any', () => {
    const mounts = [{ destination: '/tmp', type: 'tmpfs' }];
    expect(checkNamespaces(specOf({ mounts }))).toMatchObject([
      { severity: 'warning', path: '/linux/namespaces' },
    ]);
    expect(checkNamespaces(specOf({}))).toEqual([]);
    const linux = { namespaces: [{ type: 'mount' as const }] };
    expect(checkNamespaces(specOf({ mounts, linux }))).toEqual([]);
  });
  it('refuses to join the mount namespace tsrun is in', () => {
    const spec = namespaces({ type: 'pid' }, { type: 'mount', path: '/proc/1/ns/mnt' });
    const own = contextOf(spec, { host: { joinsOwnMountNamespace: true } });
    expect(checkJoinedMountNamespace(own)).toMatchObject([
      { severity: 'error', path: '/linux/namespaces/1/path' },
    ]);
    expect(checkJoinedMountNamespace(contextOf(spec))).toEqual([]);
  });
  it('takes an empty path for none', () => {
    expect(createsNamespace(namespaces({ type: 'pid', path: '' }), 'pid')).toBe(true);
  });

  it.each([
    [
      'the same type twice',
      namespaces({ type: 'pid' }, { type: 'pid' }),
      '/linux/namespaces/1/type',
    ],
    ['a relative path', namespaces({ type: 'ipc', path: 'ipc' }), '/linux/namespaces/0/path'],
  ])('refuses %s', (_, spec, path) => {
    expect(checkNamespaces(spec)).toMatchObject([{ severity: 'error', path }]);
  });

  it("creates all in one clone3 but cgroup, time and a user namespace's ipc, which init unshares", () => {
    expect(opsOf(planClone(contextOf(ALL)))).toEqual([
      { call: 'clone3', flags: 0x74020000n, cgroup: 'cgroup' },
    ]);
  });

  it('asks clone3 for a cgroup only on cgroup v2 and a kernel that can', () => {
    const kernel = { mountApi: true, mountSetattr: true, cloneIntoCgroup: false, setnsPidfd: true };
    const plain = [{ call: 'clone3', flags: 0n }];
    expect(opsOf(planClone(contextOf(namespaces(), { host: { kernel } })))).toEqual(plain);
    expect(opsOf(planClone(contextOf(namespaces(), { host: { cgroup: { version: 0 } } })))).toEqual(
      plain,
    );
  });

  it('unshares the cgroup namespace in init and brings lo up, each blamed on its entry', () => {
    expect(outline(planCgroupNamespace(contextOf(ALL)))).toEqual([
      'init unshare /linux/namespaces/6',
    ]);
    expect(outline(planLoopback(contextOf(ALL)))).toEqual(['init link_up /linux/namespaces/1']);
    const joined = namespaces({ type: 'network', path: '/n' }, { type: 'cgroup', path: '/c' });
    expect(planLoopback(contextOf(joined))).toEqual([]);
    expect(planCgroupNamespace(contextOf(joined))).toEqual([]);
  });

  it('are made before the cgroups are there where they need neither those nor mounts', () => {
    const spec = namespaces(
      ...(['mount', 'uts', 'network', 'pid', 'ipc'] as const).map((type) => ({ type })),
    );
    const context = contextOf(spec, { host: { cgroup: { version: 0 } } });
    // CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET
    expect(opsOf(planEarlyNamespaces(context))).toEqual([
      { call: 'unshare', flags: 0x4c000000 },
      { call: 'link_up', name: 'lo' },
    ]);
    // CLONE_NEWNS | CLONE_NEWPID
    expect(opsOf(planClone(context))).toEqual([{ call: 'clone3', flags: 0x20020000n }]);
    expect(planLoopback(context)).toEqual([]);
  });

  it('are all made behind a user namespace where there is one, for they must belong to it', () => {
    expect(planEarlyNamespaces(contextOf(ALL))).toEqual([]);
    const joined = namespaces({ type: 'user', path: '/u' }, { type: 'network' });
    expect(planEarlyNamespaces(contextOf(joined))).toEqual([]);
    expect(outline(planLoopback(contextOf(joined)))).toEqual(['init link_up /linux/namespaces/1']);
  });

  it('unshares ipc in init only next to a new user namespace', () => {
    expect(outline(planIpcNamespace(contextOf(ALL)))).toEqual([
      expect.stringMatching(/^init unshare \/linux\/namespaces\//),
    ]);
    expect(planIpcNamespace(contextOf(namespaces({ type: 'ipc' })))).toEqual([]);
  });

  it('goes to the rootfs even where nothing is joined', () => {
    expect(opsOf(planJoinNamespaces(contextOf(ALL)))).toEqual([
      { call: 'chdir', path: '/bundle/rootfs' },
    ]);
  });

  const joining = namespaces(
    { type: 'user', path: '/u' },
    { type: 'mount', path: '/m' },
    { type: 'uts' },
    { type: 'network', path: '/n' },
  );

  it('opens every path before the first setns, and as root joins the user namespace last', () => {
    expect(outline(planJoinNamespaces(contextOf(joining)))).toEqual([
      'outer openat /linux/namespaces/0',
      'outer openat /linux/namespaces/1',
      'outer openat /linux/namespaces/3',
      'outer prctl /linux/namespaces',
      'outer setns /linux/namespaces/1',
      'outer setns /linux/namespaces/3',
      'outer chdir /root/path',
      'outer setns /linux/namespaces/0',
      'outer setgid /linux/namespaces/0',
      'outer setuid /linux/namespaces/0',
    ]);
  });

  it('joins the user namespace first without privileges: it is what allows the others', () => {
    expect(outline(planJoinNamespaces(contextOf(joining, { host: ROOTLESS }))).slice(4)).toEqual([
      'outer setns /linux/namespaces/0',
      'outer setgid /linux/namespaces/0',
      'outer setuid /linux/namespaces/0',
      'outer setns /linux/namespaces/1',
      'outer setns /linux/namespaces/3',
      'outer chdir /root/path',
    ]);
  });

  it('checks the type of what it joins', () => {
    const spec = namespaces({ type: 'ipc', path: '/proc/7/ns/ipc' });
    expect(opsOf(planJoinNamespaces(contextOf(spec)))).toEqual([
      { call: 'openat', path: '/proc/7/ns/ipc', flags: 0, mode: 0, out: 'ns:ipc' },
      { call: 'prctl', option: 4, arg2: 0n, arg3: 0n, arg4: 0n, arg5: 0n },
      { call: 'setns', fd: 'ns:ipc', nstype: 0x08000000 },
      { call: 'chdir', path: '/bundle/rootfs' },
    ]);
  });
});
