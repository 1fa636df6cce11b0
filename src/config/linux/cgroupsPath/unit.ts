/**
 * linux.cgroupsPath for systemd: `slice:prefix:name`, a transient scope `prefix-name.scope` in a slice
 * (systemd.slice(5), systemd.scope(5)). Names and defaults are runc's.
 */

import type { PlanContext } from '../../../plan/context.ts';
import { error, type Problem } from '../../../spec/problem.ts';

/** A unit of systemd's, and where its cgroup is. */
export interface SystemdUnit {
  readonly name: string;
  readonly slice: string;
  readonly bus: 'system' | 'user';
  /** Below the hierarchy's mount point, absolute. */
  readonly path: string;
}

const POINTER = '/linux/cgroupsPath';
const SLICE = '.slice';
const ROOT_SLICE = '-.slice';

/** unit-name.c: letters, digits and these, at most 255 in all. */
const UNIT_NAME = /^[A-Za-z0-9:_.\\@-]{1,255}$/;

export const checkSystemdUnit = (context: PlanContext): readonly Problem[] => {
  if (!context.options.systemdCgroup) return [];
  const { cgroupsPath } = context.spec.linux ?? {};
  if (context.host.cgroup.version === 0) {
    return [error(POINTER, 'the systemd cgroup driver needs a cgroup file system')];
  }
  const parts = partsOf(context);
  if (parts === undefined) {
    return [
      {
        ...error(POINTER, 'is not for systemd cgroups', cgroupsPath),
        expected: '"slice:prefix:name"',
      },
    ];
  }
  if (expandSlice(parts.slice) === undefined) {
    return [error(POINTER, 'names no slice', parts.slice)];
  }
  const name = nameOf(parts);
  return UNIT_NAME.test(name) ? [] : [error(POINTER, 'makes no name of a unit', name)];
};

/**
 * The unit of a container; undefined when systemd makes no cgroups here, or the config's path, which
 * checkSystemdUnit reports, names none.
 */
export function systemdUnit(context: PlanContext): SystemdUnit | undefined {
  const { options, host } = context;
  if (!options.systemdCgroup || host.cgroup.version === 0) return undefined;
  const parts = partsOf(context);
  const slicePath = parts === undefined ? undefined : expandSlice(parts.slice);
  if (parts === undefined || slicePath === undefined) return undefined;
  const name = nameOf(parts);
  const bus = options.rootless ? 'user' : 'system';
  const base = bus === 'user' ? userManager(context) : '';
  return { name, slice: parts.slice, bus, path: `${base}${slicePath}/${name}` };
}

interface Parts {
  readonly slice: string;
  readonly prefix: string;
  readonly name: string;
}

function partsOf({ spec, options, host }: PlanContext): Parts | undefined {
  const path = spec.linux?.cgroupsPath || `:tsrun:${options.id}`;
  const [slice = '', prefix = '', name = '', ...more] = path.split(':');
  if (name === '' || more.length > 0) return undefined;
  const usual = options.rootless && host.cgroup.version === 2 ? 'user.slice' : 'system.slice';
  return { slice: slice === '-' ? ROOT_SLICE : slice || usual, prefix, name };
}

/** A name that is a slice's stays as it is: the container is then a slice of its own. */
function nameOf({ prefix, name }: Parts): string {
  if (name.endsWith(SLICE)) return name;
  return prefix === '' ? `${name}.scope` : `${prefix}-${name}.scope`;
}

/**
 * Dashes nest slices: `a-b.slice` is `/a.slice/a-b.slice`. The root slice is the empty path; undefined
 * for what is no slice.
 */
export function expandSlice(slice: string): string | undefined {
  if (slice === ROOT_SLICE) return '';
  if (!slice.endsWith(SLICE) || !UNIT_NAME.test(slice)) return undefined;
  const parts = slice.slice(0, -SLICE.length).split('-');
  if (parts.includes('')) return undefined;
  return parts.map((_, i) => `/${parts.slice(0, i + 1).join('-')}${SLICE}`).join('');
}

/** Where a user's own systemd has its units: of the user whose slice tsrun is in, or tsrun's own. */
function userManager({ host }: PlanContext): string {
  const layout = host.cgroup;
  const own = layout.version === 2 ? layout.own : '';
  const uid = /^\/user\.slice\/user-(\d+)\.slice(\/|$)/.exec(own)?.[1] ?? `${host.euid}`;
  return `/user.slice/user-${uid}.slice/user@${uid}.service`;
}
