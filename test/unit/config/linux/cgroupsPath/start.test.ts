import { describe, expect, it } from 'vitest';
import {
  checkSystemdAnnotations,
  planSystemdUnit,
} from '../../../../../src/config/linux/cgroupsPath/start.ts';
import { planCgroup, planJoinCgroup } from '../../../../../src/config/linux/cgroupsPath.ts';
import { planResources, planUnitResources } from '../../../../../src/config/linux/resources.ts';
import type { Spec } from '../../../../../src/generated/spec.ts';
import type { CgroupLayout } from '../../../../../src/plan/context.ts';
import { contextOf, HOST, opsOf, outline, specOf } from '../../../context.ts';

const V1: CgroupLayout = {
  version: 1,
  hierarchies: [
    { controllers: ['memory'], mountpoint: '/sys/fs/cgroup/memory', own: '/me' },
    { controllers: ['name=systemd'], mountpoint: '/sys/fs/cgroup/systemd', own: '/me' },
  ],
};

const context = (spec: Partial<Spec>, cgroup: CgroupLayout = HOST.cgroup) =>
  contextOf(specOf(spec), { options: { systemdCgroup: true }, host: { cgroup } });

const properties = (spec: Partial<Spec>) =>
  new Map(
    planSystemdUnit(context(spec)).flatMap(({ op, origin }) =>
      op.call === 'unit_property'
        ? [[op.name, { value: op.value, origin, required: op.required }] as const]
        : [],
    ),
  );

const annotation = (name: string, value: string): Partial<Spec> => ({
  annotations: { [`org.systemd.property.${name}`]: value },
});

describe('linux.cgroupsPath with the systemd driver', () => {
  it('is a scope around the executor, then the directory as the container needs it', () => {
    const steps = planSystemdUnit(context({ linux: { cgroupsPath: 'a.slice:p:x' } }));
    expect(steps.every(({ actor }) => actor === 'runtime')).toBe(true);
    expect(opsOf(steps).filter(({ call }) => call !== 'unit_property')).toEqual([
      { call: 'start_unit', unit: 'p-x.scope', bus: 'system', timeout_ms: 30_000, pid: 'outer' },
      {
        call: 'cgroup_create',
        mountpoint: '/sys/fs/cgroup',
        path: '/a.slice/p-x.scope',
        version: 2,
        controllers: ['cpuset', 'cpu', 'io', 'memory', 'pids'],
        member: 'outer',
      },
    ]);
  });

  it('delegates the cgroup and counts everything', () => {
    const found = properties({});
    expect(found.get('Slice')?.value).toBe("'system.slice'");
    for (const name of [
      'Delegate',
      'CPUAccounting',
      'MemoryAccounting',
      'TasksAccounting',
      'IOAccounting',
    ]) {
      expect(found.get(name), name).toEqual({ value: 'true', origin: '', required: 1 });
    }
    expect(found.get('DefaultDependencies')?.value).toBe('false');
  });

  it('a slice wants its parent and is not delegated', () => {
    const found = properties({ linux: { cgroupsPath: 'a.slice:p:a-b.slice' } });
    expect(found.get('Wants')?.value).toBe("['a.slice']");
    expect(found.has('Slice') || found.has('Delegate')).toBe(false);
  });

  it('every limit is a property too, which names what asked for it and may be unknown', () => {
    const found = properties({ linux: { resources: { memory: { limit: 4096 } } } });
    expect(found.get('MemoryMax')).toEqual({
      value: 'uint64 4096',
      origin: '/linux/resources/memory/limit',
      required: 0,
    });
  });

  it('device rules are not told where a mount has to open a device first', () => {
    const mounts = [{ destination: '/d', type: 'ext4', source: '/dev/sda' }];
    expect(properties({}).has('DeviceAllow')).toBe(true);
    expect(properties({ mounts }).has('DeviceAllow')).toBe(false);
  });

  it('limits are written behind the unit, not before; init is in the cgroup by inheritance', () => {
    const limited = context({ linux: { resources: { pids: { limit: 5 } } } });
    expect(planCgroup(limited)).toEqual([]);
    expect(planResources(limited)).toEqual([]);
    expect(outline(planUnitResources(limited))).toContain(
      'runtime write /linux/resources/pids/limit',
    );
    expect(planJoinCgroup(limited)).toEqual([]);
  });

  it('on v1 the executor enters the same place in every hierarchy itself', () => {
    const v1 = context({}, V1);
    const made = opsOf(planSystemdUnit(v1)).flatMap((op) =>
      op.call === 'cgroup_create' ? [`${op.mountpoint}${op.path}`] : [],
    );
    const places = ['memory', 'systemd'].map(
      (name) => `/sys/fs/cgroup/${name}/system.slice/tsrun-web.scope`,
    );
    expect(made).toEqual(places);
    expect(opsOf(planJoinCgroup(v1))).toEqual(
      places.map((place) => ({ call: 'write', path: `${place}/tasks`, data: '0' })),
    );
  });
});

describe('annotations org.systemd.property.*', () => {
  it.each([
    ['CollectMode', "'inactive'", 'CollectMode', "'inactive'"],
    ['TimeoutStopUSec', 'uint64 5', 'TimeoutStopUSec', 'uint64 5'],
    ['TimeoutStopSec', '5', 'TimeoutStopUSec', 'uint64 5000000'],
    ['TimeoutStopSec', '0.5', 'TimeoutStopUSec', 'uint64 500000'],
    ['TimeoutStopSec', 'uint64 2', 'TimeoutStopUSec', 'uint64 2000000'],
  ])('%s=%s is the property %s=%s', (key, text, name, value) => {
    const origin = `/annotations/org.systemd.property.${key}`;
    expect(properties(annotation(key, text)).get(name)).toEqual({ value, origin, required: 1 });
    expect(checkSystemdAnnotations(context(annotation(key, text)))).toEqual([]);
  });

  it('count for more than what tsrun would say', () => {
    const steps = planSystemdUnit(context(annotation('Description', "'mine'")));
    const told = opsOf(steps).flatMap((op) =>
      op.call === 'unit_property' && op.name === 'Description' ? [op.value] : [],
    );
    expect(told).toEqual(["'mine'"]);
  });

  it.each([
    ['CollectMode', 'inactive'],
    ['TimeoutStopSec', "'soon'"],
    ['TimeoutStopSec', '-1'],
    ['ab', '1'],
    ['With_Bar', '1'],
  ])('%s=%s is refused', (key, text) => {
    const path = `/annotations/org.systemd.property.${key}`;
    expect(checkSystemdAnnotations(context(annotation(key, text)))).toMatchObject([
      { severity: 'error', path },
    ]);
  });
});
