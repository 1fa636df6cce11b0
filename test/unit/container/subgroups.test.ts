import { describe, expect, it } from 'vitest';
import { cgroupsToEnter } from '../../../src/container/subgroups.ts';
import { setEngine } from '../../../src/engine/current.ts';
import { nodeEngine } from '../../../src/engine/node.ts';
import type { CgroupLayout } from '../../../src/plan/context.ts';

setEngine(nodeEngine());

const V1: CgroupLayout = {
  version: 1,
  hierarchies: [
    { controllers: ['cpu', 'cpuacct'], mountpoint: '/cg/cpu', own: '/' },
    { controllers: ['memory'], mountpoint: '/cg/memory', own: '/' },
    { controllers: ['name=systemd'], mountpoint: '/cg/systemd', own: '/' },
  ],
};
const V2: CgroupLayout = { version: 2, mountpoint: '/no/such', own: '/', controllers: [] };
const OWN = ['/cg/cpu/web', '/cg/memory/web', '/cg/systemd/web'];

const enter = (args: readonly string[], layout: CgroupLayout = V1, own: readonly string[] = OWN) =>
  cgroupsToEnter(own, args, layout, 1);

describe('exec --cgroup', () => {
  it("is the container's own cgroups when it is not given", () => {
    expect(enter([])).toEqual(OWN);
    expect(enter([], V2, ['/no/such/web'])).toEqual(['/no/such/web']);
  });
  it('is a sub-cgroup of every hierarchy without a controller', () => {
    expect(enter(['sub'])).toEqual(OWN.map((path) => `${path}/sub`));
    expect(enter(['/a//b/./c'], V2, ['/no/such/web'])).toEqual(['/no/such/web/a/b/c']);
  });
  it('is one of each hierarchy that is named, by any of its controllers', () => {
    expect(enter(['cpuacct:a', 'name=systemd,memory:b'])).toEqual([
      '/cg/cpu/web/a',
      '/cg/memory/web/b',
      '/cg/systemd/web/b',
    ]);
    expect(enter(['memory:b'])[0]).toBe('/cg/cpu/web');
  });
  it.each([
    ['a path out of the container', ['../other'], V1],
    ['one that comes back', ['a/../../web/b'], V1],
    ['a second path for all', ['a', 'memory:b'], V1],
    ['a controller twice', ['memory:a', 'memory:b'], V1],
    ['an empty controller', [':a'], V1],
    ['a controller that is not there', ['rdma:a'], V1],
    ['more than one colon', ['memory:a:b'], V1],
    ['controllers on v2', ['memory:a'], V2],
  ])('refuses %s', (_what, args, layout) => {
    expect(() => enter(args, layout)).toThrow(/--cgroup/);
  });
});
