import { describe, expect, it } from 'vitest';
import { planUnitUpdate } from '../../../../../src/config/linux/cgroupsPath/update.ts';
import type { LinuxResources } from '../../../../../src/generated/spec.ts';

const UNIT = { name: 'p-x.scope', bus: 'system', timeoutMs: 5000 } as const;

const plan = (resources: LinuxResources, devices = false) =>
  planUnitUpdate(UNIT, 2, resources, devices).map(({ op, origin }) =>
    op.call === 'unit_property' ? `${op.name}=${op.value} ${origin}` : op,
  );

describe('update of a container that systemd made the cgroup of', () => {
  it('tells systemd every limit, then has it set them', () => {
    expect(plan({ pids: { limit: 9 } })).toEqual([
      'TasksMax=uint64 9 /linux/resources/pids/limit',
      { call: 'set_unit', unit: 'p-x.scope', bus: 'system', timeout_ms: 5000 },
    ]);
  });

  it('asks nothing of systemd when no limit is a property', () => {
    expect(plan({})).toEqual([]);
  });

  it('puts new device rules in the place of the old', () => {
    const told = plan({ devices: [{ allow: true, access: 'rwm' }] }, true);
    expect(told.slice(0, 3)).toEqual([
      "DevicePolicy='auto' /linux/resources/devices",
      'DeviceAllow=@a(ss) [] /linux/resources/devices',
      'DeviceAllow=@a(ss) [] /linux/resources/devices',
    ]);
  });
});
