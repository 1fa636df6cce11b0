/**
 * linux.cgroupsPath: where in the cgroup hierarchies the container is (config-linux.md "Cgroups Path").
 * Absolute: below the hierarchy's mount point. Relative, and without it the container's name: below the
 * cgroup of tsrun itself on v1; on v2 beside it, since a v2 cgroup with processes cannot hand its
 * controllers to children (cgroups(7) "no internal processes"). So it is with runc.
 */

import type { Spec } from '../../generated/spec.ts';
import { O_DIRECTORY, O_PATH } from '../../linux/constants/file.ts';
import type { PlanContext } from '../../plan/context.ts';
import { type ErrnoName, type Step, step } from '../../plan/step.ts';
import { error, type Problem } from '../../spec/problem.ts';

/** Where a container's processes are: one directory on v2, one a hierarchy on v1, none on 0. */
export interface ContainerCgroup {
  readonly version: 0 | 1 | 2;
  readonly directories: readonly {
    readonly controllers: readonly string[];
    readonly mountpoint: string;
    /** Below the mount point, absolute and clean: `/user.slice/web`. */
    readonly path: string;
    /** Both together: the directory as the host sees it. */
    readonly hostPath: string;
  }[];
}

const POINTER = '/linux/cgroupsPath';

export function checkCgroupsPath(spec: Spec): readonly Problem[] {
  const path = spec.linux?.cgroupsPath;
  return path?.includes('\0') ? [error(POINTER, 'must not contain NUL', path)] : [];
}

/** The container's cgroup: pure, so the same for a plan and for whoever removes it later. */
export function containerCgroup({ spec, host, options }: PlanContext): ContainerCgroup {
  const layout = host.cgroup;
  const wanted = spec.linux?.cgroupsPath || options.id;
  if (layout.version === 0) return { version: 0, directories: [] };
  if (layout.version === 2) {
    const { mountpoint, controllers, own } = layout;
    const path = locate(wanted, own.slice(0, own.lastIndexOf('/')));
    return { version: 2, directories: [directory(controllers, mountpoint, path)] };
  }
  return {
    version: 1,
    directories: layout.hierarchies.map(({ controllers, mountpoint, own }) =>
      directory(controllers, mountpoint, locate(wanted, own)),
    ),
  };
}

const directory = (controllers: readonly string[], mountpoint: string, path: string) => ({
  controllers,
  mountpoint,
  path,
  hostPath: path === '/' ? mountpoint : `${mountpoint}${path}`,
});

/** `..` never leads above the top: the path is cleaned before it is put below `base`. */
function locate(wanted: string, base: string): string {
  const inner = clean(wanted);
  return wanted.startsWith('/') ? inner : clean(`${base}${inner}`);
}

function clean(path: string): string {
  const parts: string[] = [];
  for (const part of path.split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '' && part !== '.') parts.push(part);
  }
  return `/${parts.join('/')}`;
}

/** `cgroup_create` for each hierarchy, by the runtime: only the host sees them. */
export function planCgroup(context: PlanContext): readonly Step[] {
  const { origin, extra } = circumstances(context);
  return containerCgroup(context).directories.map(({ mountpoint, path, controllers }) =>
    step('runtime', origin, { call: 'cgroup_create', mountpoint, path, controllers }, extra),
  );
}

/**
 * v1: the executor moves itself ("0") into every hierarchy before it clones init, so init and all after
 * it are counted from their first instruction. v2: clone3 gets the directory (CLONE_INTO_CGROUP, 5.7);
 * before that, the same move.
 */
export function planJoinCgroup(context: PlanContext): readonly Step[] {
  const { origin, extra } = circumstances(context);
  const { version, directories } = containerCgroup(context);
  const intoCgroup = version === 2 && context.host.kernel.cloneIntoCgroup;
  return directories.map(({ hostPath: path }) => {
    const op = intoCgroup
      ? ({ call: 'openat', path, flags: O_PATH | O_DIRECTORY, mode: 0, out: 'cgroup' } as const)
      : ({ call: 'write', path: `${path}/cgroup.procs`, data: '0' } as const);
    return step('outer', origin, op, extra);
  });
}

/** What it is to lack the right to make cgroups, and then to find none. */
const NO_PERMISSION: readonly ErrnoName[] = ['EACCES', 'EPERM', 'EROFS', 'ENOENT'];

/** A rootless container that asks for neither a place nor limits runs where tsrun is, if it must. */
function circumstances({ spec, options }: PlanContext) {
  const path = spec.linux?.cgroupsPath;
  const origin = path ? POINTER : '';
  const { devices: _rules, ...limits } = spec.linux?.resources ?? {};
  const asksForNothing = !path && Object.keys(limits).length === 0;
  return { origin, extra: options.rootless && asksForNothing ? { ignore: NO_PERMISSION } : {} };
}
