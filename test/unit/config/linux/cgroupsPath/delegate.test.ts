import { describe, expect, it } from 'vitest';
import { planDelegation } from '../../../../../src/config/linux/cgroupsPath/delegate.ts';
import type { Spec } from '../../../../../src/generated/spec.ts';
import type { CgroupLayout } from '../../../../../src/plan/context.ts';
import { contextOf, HOST, opsOf, specOf } from '../../../context.ts';

const MOUNT = { destination: '/sys/fs/cgroup', type: 'cgroup', source: 'cgroup' };
const LINUX: NonNullable<Spec['linux']> = {
  namespaces: [{ type: 'user' }, { type: 'cgroup' }, { type: 'mount' }],
  uidMappings: [{ containerID: 0, hostID: 100_000, size: 1000 }],
  gidMappings: [{ containerID: 0, hostID: 100_000, size: 1000 }],
};

const plan = (
  linux: NonNullable<Spec['linux']>,
  options: string[] = [],
  cgroup: CgroupLayout = HOST.cgroup,
) => {
  const spec = specOf({ linux, mounts: [{ ...MOUNT, options }] });
  return opsOf(planDelegation(contextOf(spec, { host: { cgroup } })));
};

describe('linux.cgroupsPath with a user namespace', () => {
  it('gives the cgroup to the root of the container', () => {
    expect(plan(LINUX)).toEqual([
      { call: 'cgroup_delegate', path: '/sys/fs/cgroup/web', uid: 100_000 },
    ]);
  });

  it('keeps it where the container cannot write to it or sees the host’s', () => {
    expect(plan(LINUX, ['ro'])).toEqual([]);
    expect(plan({ ...LINUX, namespaces: [{ type: 'user' }, { type: 'mount' }] })).toEqual([]);
    expect(plan({ ...LINUX, namespaces: [{ type: 'cgroup' }, { type: 'mount' }] })).toEqual([]);
  });

  it('keeps it on v1, where a delegated cgroup could undo the limits above it', () => {
    expect(plan(LINUX, [], { version: 1, hierarchies: [] })).toEqual([]);
  });
});
