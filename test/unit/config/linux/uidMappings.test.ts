import { describe, expect, it } from 'vitest';
import {
  checkIdMappings,
  deniesSetgroups,
  planBecomeRoot,
  planIdMappings,
  toHostId,
} from '../../../../src/config/linux/uidMappings.ts';
import type { IdMapping, Spec } from '../../../../src/generated/spec.ts';
import { contextOf, opsOf, outline, ROOTLESS, specOfLinux } from '../../context.ts';

const map = (...extents: readonly [number, number, number][]): readonly IdMapping[] =>
  extents.map(([containerID, hostID, size]) => ({ containerID, hostID, size }));

const userns = (uidMappings: readonly IdMapping[], gidMappings = uidMappings): Spec =>
  specOfLinux({ namespaces: [{ type: 'user' }], uidMappings, gidMappings });

const SUBIDS = userns(map([0, 1000, 1], [1, 100000, 65536]));
const SELF = userns(map([0, 1000, 1]));
const TOOLS = { newuidmap: '/usr/bin/newuidmap', newgidmap: '/usr/bin/newgidmap' };

describe('linux.uidMappings and linux.gidMappings', () => {
  it('finds the id on the host', () => {
    const extents = map([0, 1000, 1], [1, 100000, 10]);
    expect([0, 1, 10, 11].map((id) => toHostId(extents, id))).toEqual([
      1000,
      100000,
      100009,
      undefined,
    ]);
  });

  it('writes both maps by the runtime, every extent in one write', () => {
    expect(opsOf(planIdMappings(contextOf(SUBIDS)))).toEqual([
      { call: 'proc_write', pid: 'init', file: 'uid_map', data: '0 1000 1\n1 100000 65536\n' },
      { call: 'proc_write', pid: 'init', file: 'gid_map', data: '0 1000 1\n1 100000 65536\n' },
    ]);
    expect(outline(planIdMappings(contextOf(SUBIDS)))).toEqual([
      'runtime proc_write /linux/uidMappings',
      'runtime proc_write /linux/gidMappings',
    ]);
  });

  it('gives up setgroups to map its own group without privileges', () => {
    const context = contextOf(SELF, { host: { ...ROOTLESS, idmapTools: TOOLS } });
    expect(deniesSetgroups(context)).toBe(true);
    expect(opsOf(planIdMappings(context))).toEqual([
      { call: 'proc_write', pid: 'init', file: 'uid_map', data: '0 1000 1\n' },
      { call: 'proc_write', pid: 'init', file: 'setgroups', data: 'deny' },
      { call: 'proc_write', pid: 'init', file: 'gid_map', data: '0 1000 1\n' },
    ]);
  });

  it('asks newuidmap and newgidmap for more than its own ids', () => {
    const context = contextOf(SUBIDS, { host: { ...ROOTLESS, idmapTools: TOOLS } });
    expect(deniesSetgroups(context)).toBe(false);
    expect(opsOf(planIdMappings(context))).toEqual([
      {
        call: 'newidmap',
        program: '/usr/bin/newuidmap',
        pid: 'init',
        map: ['0', '1000', '1', '1', '100000', '65536'],
      },
      {
        call: 'newidmap',
        program: '/usr/bin/newgidmap',
        pid: 'init',
        map: ['0', '1000', '1', '1', '100000', '65536'],
      },
    ]);
  });

  it('becomes root of a new user namespace', () => {
    expect(opsOf(planBecomeRoot(contextOf(SUBIDS)))).toEqual([
      { call: 'setgid', gid: 0 },
      { call: 'setuid', uid: 0 },
    ]);
    expect(planBecomeRoot(contextOf(specOfLinux({})))).toEqual([]);
  });

  it.each([
    ['no user namespace', specOfLinux({ uidMappings: map([0, 1, 1]) }), '/linux/uidMappings'],
    ['an empty extent', userns(map([0, 1, 0])), '/linux/uidMappings/0/size'],
    ['an id past the last', userns(map([0, 4294967295, 1])), '/linux/uidMappings/0/hostID'],
    [
      'extents that overlap in the container',
      userns(map([0, 1000, 10], [9, 2000, 1])),
      '/linux/uidMappings/1/containerID',
    ],
    [
      'extents that overlap on the host',
      userns(map([0, 1000, 10], [10, 1009, 1])),
      '/linux/uidMappings/1/hostID',
    ],
    ['a container without root', userns(map([1, 1000, 1])), '/linux/uidMappings'],
    ['a user namespace without maps', userns([]), '/linux/uidMappings'],
  ])('refuses %s', (_, spec, path) => {
    expect(checkIdMappings(spec)[0]).toMatchObject({ severity: 'error', path });
  });

  it('take maps beside a path for a description of the namespace that is joined', () => {
    const spec = specOfLinux({
      namespaces: [{ type: 'user', path: '/proc/7/ns/user' }],
      uidMappings: map([0, 1000, 1]),
      gidMappings: map([0, 1001, 1]),
    });
    expect(checkIdMappings(spec)).toEqual([]);
    expect(planIdMappings(contextOf(spec))).toEqual([]);
  });

  it('accepts good maps', () => {
    expect(checkIdMappings(SUBIDS)).toEqual([]);
  });
});
