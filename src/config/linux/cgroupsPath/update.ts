/** linux.cgroupsPath with the systemd driver, `update`: the unit's properties are the new limits too. */
import type { LinuxResources } from '../../../generated/spec.ts';
import { type Step, step } from '../../../plan/step.ts';
import type { CgroupVersion } from '../resources/setting.ts';
import { deviceProperties, unitProperties } from '../resources/unitProperties.ts';
import { limitSettings } from '../resources.ts';

/** The unit as it was started. */
interface RunningUnit {
  readonly name: string;
  readonly bus: 'system' | 'user';
  readonly timeoutMs: number;
}

/**
 * All that `resources` come to, none when that is nothing. To be performed before the files are written:
 * systemd writes them too, and rounds. `devices`: the rules are among what changes.
 */
export function planUnitUpdate(
  { name: unit, bus, timeoutMs }: RunningUnit,
  version: CgroupVersion,
  resources: LinuxResources,
  devices: boolean,
): readonly Step[] {
  const properties = [
    ...unitProperties(limitSettings(resources, version), version),
    ...(devices ? deviceProperties(resources) : []),
  ].map(({ name, value, origin }) =>
    step('runtime', origin, { call: 'unit_property', name, value, required: 0 }),
  );
  if (properties.length === 0) return [];
  const set = step('runtime', '/linux/resources', {
    call: 'set_unit',
    unit,
    bus,
    timeout_ms: timeoutMs,
  });
  return [...properties, set];
}
