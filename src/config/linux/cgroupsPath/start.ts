/**
 * linux.cgroupsPath with the systemd driver: the steps that have systemd make the container's cgroup. A
 * scope is made around a process, which is the executor before it clones init; so init begins in it.
 * Annotations `org.systemd.property.NAME` add properties to the unit.
 */

import type { PlanContext } from '../../../plan/context.ts';
import { OUTER, type Step, step } from '../../../plan/step.ts';
import { gvariantString, parseGvariant } from '../../../spec/gvariant.ts';
import { escapePointer } from '../../../spec/json.ts';
import { error, type Problem } from '../../../spec/problem.ts';
import { containerCgroup } from '../cgroupsPath.ts';
import {
  deviceProperties,
  type UnitPropertyText,
  unitProperties,
} from '../resources/unitProperties.ts';
import { hasOwnDeviceRules, limitSettings } from '../resources.ts';
import { type SystemdUnit, systemdUnit } from './unit.ts';

const ANNOTATION = 'org.systemd.property.';

/** How long systemd may take when --systemd-timeout says nothing. */
export const SYSTEMD_TIMEOUT_MS = 30_000;

export function checkSystemdAnnotations(context: PlanContext): readonly Problem[] {
  if (!context.options.systemdCgroup) return [];
  return annotations(context).flatMap(([key, value]) => {
    const path = originOf(key);
    if (!/^[A-Za-z]{3,}$/.test(key.slice(ANNOTATION.length))) {
      return [error(path, 'does not name a property of a systemd unit')];
    }
    return propertyOf(key, value) === undefined
      ? [{ ...error(path, 'cannot be read', value), expected: 'a value as GVariant text' }]
      : [];
  });
}

/** The unit, made and started; then its cgroup's own directories, and the limits systemd knows not. */
export function planSystemdUnit(context: PlanContext): readonly Step[] {
  const unit = systemdUnit(context);
  if (unit === undefined) return [];
  const origin = context.spec.linux?.cgroupsPath ? '/linux/cgroupsPath' : '';
  const start = step('runtime', origin, {
    call: 'start_unit',
    unit: unit.name,
    bus: unit.bus,
    timeout_ms: context.options.systemdTimeoutMs ?? SYSTEMD_TIMEOUT_MS,
    pid: OUTER,
  });
  const { version, directories } = containerCgroup(context);
  const own = directories.map(({ mountpoint, path, controllers }) =>
    step('runtime', origin, {
      call: 'cgroup_create',
      mountpoint,
      path,
      version,
      controllers,
      member: OUTER,
    }),
  );
  return [...properties(context, unit, origin), start, ...own];
}

/** What an annotation says counts for more than what tsrun would. */
function properties(context: PlanContext, unit: SystemdUnit, origin: string): readonly Step[] {
  const asked = annotations(context).flatMap(([key, value]) => propertyOf(key, value) ?? []);
  const isAsked = ({ name }: UnitPropertyText) => asked.some((other) => other.name === name);
  const own = [
    ...baseProperties(context, unit).map(([name, value]) => ({ name, value, origin })),
  ].filter((property) => !isAsked(property));
  const limits = limitProperties(context).filter((property) => !isAsked(property));
  return [
    ...[...own, ...asked].map((property) => planProperty(property, 1)),
    ...limits.map((property) => planProperty(property, 0)),
  ];
}

const planProperty = ({ name, value, origin }: UnitPropertyText, required: 0 | 1): Step =>
  step('runtime', origin, { call: 'unit_property', name, value, required });

const ACCOUNTING = ['CPU', 'Memory', 'Tasks'];

function baseProperties(
  { host, options }: PlanContext,
  { name, slice }: SystemdUnit,
): readonly (readonly [string, string])[] {
  const isSlice = name.endsWith('.slice');
  const blocks = host.cgroup.version === 2 ? 'IO' : 'BlockIO';
  return [
    ['Description', gvariantString(`tsrun container ${options.id}`)],
    isSlice ? ['Wants', `[${gvariantString(slice)}]`] : ['Slice', gvariantString(slice)],
    // Without it systemd would take the cgroup's contents for its own to arrange.
    ...(isSlice ? [] : ([['Delegate', 'true']] as const)),
    ...[...ACCOUNTING, blocks].map((what) => [`${what}Accounting`, 'true'] as const),
    // A container is none of what is stopped first when the machine goes down by itself.
    ['DefaultDependencies', 'false'],
  ];
}

function limitProperties(context: PlanContext): readonly UnitPropertyText[] {
  const { spec, host } = context;
  const { version } = host.cgroup;
  if (version === 0) return [];
  const resources = spec.linux?.resources ?? {};
  return [
    ...unitProperties(limitSettings(resources, version), version),
    ...(hasOwnDeviceRules(context) ? deviceProperties(resources) : []),
  ];
}

const annotations = ({ spec }: PlanContext): readonly (readonly [string, string])[] =>
  Object.entries(spec.annotations ?? {}).filter(([key]) => key.startsWith(ANNOTATION));

const originOf = (key: string) => `/annotations/${escapePointer(key)}`;

/** `…Sec` is not a property that can be set: systemd's is `…USec`, in microseconds. */
function propertyOf(key: string, text: string): UnitPropertyText | undefined {
  const name = key.slice(ANNOTATION.length);
  const parsed = parseGvariant(text);
  if (parsed === undefined) return undefined;
  const origin = originOf(key);
  if (!name.endsWith('Sec') || name.endsWith('USec')) return { name, value: text, origin };
  const { value } = parsed;
  if ((typeof value !== 'number' && typeof value !== 'bigint') || value < 0) return undefined;
  const usec =
    typeof value === 'bigint' ? value * 1_000_000n : BigInt(Math.round(value * 1_000_000));
  return { name: name.replace(/Sec$/, 'USec'), value: `uint64 ${usec}`, origin };
}
