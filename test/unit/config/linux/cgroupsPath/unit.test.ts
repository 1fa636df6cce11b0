import { describe, expect, it } from 'vitest';
import {
  checkSystemdUnit,
  expandSlice,
  systemdUnit,
} from '../../../../../src/config/linux/cgroupsPath/unit.ts';
import type { CreateOptions, HostFacts } from '../../../../../src/plan/context.ts';
import { contextOf, HOST, specOfLinux } from '../../../context.ts';

const context = (
  cgroupsPath: string | undefined,
  options: Partial<CreateOptions> = {},
  host: Partial<HostFacts> = {},
) =>
  contextOf(specOfLinux(cgroupsPath === undefined ? {} : { cgroupsPath }), {
    options: { systemdCgroup: true, ...options },
    host,
  });

describe('linux.cgroupsPath for systemd', () => {
  it.each([
    ['system.slice:podman:abc', 'podman-abc.scope', '/system.slice/podman-abc.scope'],
    [undefined, 'tsrun-web.scope', '/system.slice/tsrun-web.scope'],
    ['', 'tsrun-web.scope', '/system.slice/tsrun-web.scope'],
    [':cri:x', 'cri-x.scope', '/system.slice/cri-x.scope'],
    ['::x', 'x.scope', '/system.slice/x.scope'],
    ['a-b-c.slice:p:x', 'p-x.scope', '/a.slice/a-b.slice/a-b-c.slice/p-x.scope'],
    ['-:p:x', 'p-x.scope', '/p-x.scope'],
    ['-.slice:p:x', 'p-x.scope', '/p-x.scope'],
    ['a.slice:p:a-b.slice', 'a-b.slice', '/a.slice/a-b.slice'],
  ])('%s is the unit %s in %s', (path, name, place) => {
    expect(systemdUnit(context(path))).toMatchObject({ name, path: place, bus: 'system' });
    expect(checkSystemdUnit(context(path))).toEqual([]);
  });

  it.each([
    '/abs/path',
    'a:b',
    'a.slice:b:c:d',
    'a.slice:b:',
    'a:b:c',
    'a/b.slice:p:x',
    'a--b.slice:p:x',
    '-a.slice:p:x',
    'a.slice:p:x/y',
    `a.slice:p:${'x'.repeat(250)}`,
  ])('refuses %s', (path) => {
    expect(checkSystemdUnit(context(path))).toMatchObject([
      { severity: 'error', path: '/linux/cgroupsPath' },
    ]);
  });

  it('means nothing with the cgroupfs driver', () => {
    const plain = context('a.slice:p:x', { systemdCgroup: false });
    expect(systemdUnit(plain)).toBeUndefined();
    expect(checkSystemdUnit(plain)).toEqual([]);
  });

  it('takes a cgroup file system', () => {
    const none = context('a.slice:p:x', {}, { cgroup: { version: 0 } });
    expect(systemdUnit(none)).toBeUndefined();
    expect(checkSystemdUnit(none)).toHaveLength(1);
  });

  it.each([
    ['/user.slice/user-1001.slice/session-3.scope', 1001],
    ['/user.slice/user-1001.slice/user@1001.service/app.slice/x.scope', 1001],
    ['/elsewhere', 1000],
  ])('rootless, in %s, is below the systemd of user %i', (own, uid) => {
    const cgroup = {
      ...HOST.cgroup,
      own,
      version: 2 as const,
      mountpoint: '/sys/fs/cgroup',
      controllers: [],
    };
    const rootless = context(undefined, { rootless: true }, { euid: 1000, cgroup });
    const manager = `/user.slice/user-${uid}.slice/user@${uid}.service`;
    expect(systemdUnit(rootless)).toMatchObject({
      bus: 'user',
      slice: 'user.slice',
      path: `${manager}/user.slice/tsrun-web.scope`,
    });
  });
});

describe('expandSlice', () => {
  it('refuses what is no slice', () => {
    expect(['a', '.slice', 'a.scope', '/a.slice', 'a-.slice'].map(expandSlice)).toEqual(
      Array.from({ length: 5 }, () => undefined),
    );
  });
});
