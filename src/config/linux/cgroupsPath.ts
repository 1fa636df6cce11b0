/**
 * linux.cgroupsPath: where in the cgroup hierarchies the container is (config-linux.md "Cgroups Path").
 * Absolute: below the hierarchy's mount point. Relative, and without it the container's name: below the
 * cgroup of tsrun itself on v1; on v2 beside it, since a v2 cgroup with processes cannot hand its
 * controllers to children (cgroups(7) "no internal processes"). So it is with runc.
 */

import type { Spec } from '../../generated/spec.ts';
import { O_DIRECTORY, O_PATH } from '../../linux/constants/file.ts';
import type { PlanContext } from '../../plan/context.ts';
import { type Step, step } from '../../plan/step.ts';
import { error, type Problem } from '../../spec/problem.ts';
import { oncePer } from '../once.ts';
import { systemdUnit } from './cgroupsPath/unit.ts';
import { clonesIntoCgroup } from './namespaces.ts';

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
    /** tsrun's own: not made for the container, nor removed with it. */
    readonly isShared: boolean;
  }[];
}

const POINTER = '/linux/cgroupsPath';

export function checkCgroupsPath(spec: Spec): readonly Problem[] {
  const path = spec.linux?.cgroupsPath;
  return path?.includes('\0') ? [error(POINTER, 'must not contain NUL', path)] : [];
}

/**
 * The container's cgroup: pure, so the same for all who ask. A rootless container that asks for neither
 * a place nor limits stays in tsrun's own where tsrun may make none.
 */
export const containerCgroup = oncePer((context: PlanContext): ContainerCgroup => {
  const { spec, host, options } = context;
  const layout = host.cgroup;
  const wanted = spec.linux?.cgroupsPath || options.id;
  if (layout.version === 0) return { version: 0, directories: [] };
  const base = layout.version === 2 ? parentOf : (own: string) => own;
  const hierarchies = layout.version === 2 ? [layout] : layout.hierarchies;
  const unit = systemdUnit(context);
  const locate = locator(wanted);
  const directories = hierarchies.map(({ controllers, mountpoint, own, denied }) => {
    const isShared = unit === undefined && denied === true && isIndifferent(context);
    const path = unit?.path ?? (isShared ? own : locate(base(own)));
    const hostPath = path === '/' ? mountpoint : `${mountpoint}${path}`;
    return { controllers, mountpoint, path, hostPath, isShared };
  });
  return { version: layout.version, directories };
});

const parentOf = (path: string): string => path.slice(0, path.lastIndexOf('/'));

/** The cgroup of a container that exists: its directories (state.json cgroup_paths) on this host. */
export function recordedCgroup(
  layout: PlanContext['host']['cgroup'],
  hostPaths: readonly string[],
): ContainerCgroup {
  if (layout.version === 0) return { version: 0, directories: [] };
  const hierarchies = layout.version === 2 ? [layout] : layout.hierarchies;
  const directories = hostPaths.flatMap((hostPath) => {
    const hierarchy = hierarchies.find(({ mountpoint }) => hostPath.startsWith(`${mountpoint}/`));
    if (hierarchy === undefined) return [];
    const { controllers, mountpoint } = hierarchy;
    const path = hostPath.slice(mountpoint.length);
    return { controllers, mountpoint, path, hostPath, isShared: false };
  });
  return { version: layout.version, directories };
}

/** Rootless, and asks for nothing that a cgroup of its own would give. */
function isIndifferent({ spec, options }: PlanContext): boolean {
  const { devices: _rules, ...limits } = spec.linux?.resources ?? {};
  return options.rootless && !spec.linux?.cgroupsPath && Object.keys(limits).length === 0;
}

/** Where a limit or a place is asked for and no cgroup can be made for it. */
export function checkCgroupPermission(context: PlanContext): readonly Problem[] {
  const { spec, host, options } = context;
  const isAbsolute = spec.linux?.cgroupsPath?.startsWith('/') === true;
  const isOthers = options.systemdCgroup || host.cgroup.version === 0;
  if (isOthers || !options.rootless || isAbsolute) return [];
  const hierarchies = host.cgroup.version === 2 ? [host.cgroup] : host.cgroup.hierarchies;
  if (isIndifferent(context) || !hierarchies.some(({ denied }) => denied)) return [];
  const path = spec.linux?.cgroupsPath ? POINTER : '/linux/resources';
  return [
    error(
      path,
      'rootless needs no limits + no cgrouppath when no permission is granted for cgroups',
    ),
  ];
}

/** `..` never leads above the top: the path is cleaned before it is put below `base`. */
function locator(wanted: string): (base: string) => string {
  const inner = clean(wanted);
  return wanted.startsWith('/') ? () => inner : (base) => clean(`${base}${inner}`);
}

function clean(path: string): string {
  if (path.startsWith('/') && isClean(path)) return path;
  const parts: string[] = [];
  for (const part of path.split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '' && part !== '.') parts.push(part);
  }
  return `/${parts.join('/')}`;
}

/** Nearly every path is, and to see it is cheaper than to take it apart. */
const isClean = (path: string): boolean =>
  !path.includes('//') && !path.includes('/.') && (!path.endsWith('/') || path === '/');

type CgroupDirectory = ContainerCgroup['directories'][number];

/** `cgroup_create` for each hierarchy, by the runtime: only the host sees them. */
export const planCgroup = (context: PlanContext): readonly Step[] =>
  create(context, (directory) => !isSlow(context, directory));

export const planMemoryCgroup = (context: PlanContext): readonly Step[] =>
  create(context, (directory) => isSlow(context, directory));

/** v1: a memory cgroup takes the kernel longer than all others together, which are entered meanwhile. */
const isSlow = ({ host }: PlanContext, { controllers }: CgroupDirectory): boolean =>
  host.cgroup.version === 1 && controllers.includes('memory');

function create(
  context: PlanContext,
  isAsked: (directory: CgroupDirectory) => boolean,
): readonly Step[] {
  if (context.options.systemdCgroup) return [];
  const { version, directories } = containerCgroup(context);
  return directories.flatMap((directory) => {
    const { mountpoint, path, controllers, isShared } = directory;
    if (isShared || !isAsked(directory)) return [];
    const op = { call: 'cgroup_create', mountpoint, path, version, controllers } as const;
    return step('runtime', originOf(context), op);
  });
}

/**
 * v1: the executor moves itself ("0") into every hierarchy before it clones init, so init and all after
 * it are counted from their first instruction. v2: clone3 gets the directory (CLONE_INTO_CGROUP, 5.7);
 * before that, and where a user namespace is joined, the same move.
 */
export const planJoinCgroup = (context: PlanContext): readonly Step[] =>
  join(context, (directory) => !isJoinedEarly(context, directory));

export const planJoinCgroupEarly = (context: PlanContext): readonly Step[] =>
  join(context, (directory) => isJoinedEarly(context, directory));

/** Systemd has its say first, and the one group of v2 is entered when it has its limits. */
const isJoinedEarly = (context: PlanContext, directory: CgroupDirectory): boolean =>
  context.host.cgroup.version === 1 &&
  !context.options.systemdCgroup &&
  !isSlow(context, directory);

function join(
  context: PlanContext,
  isAsked: (directory: CgroupDirectory) => boolean,
): readonly Step[] {
  const { version, directories } = containerCgroup(context);
  const isSystemd = context.options.systemdCgroup;
  // Of a unit of systemd's the executor is a member already, in its one v2 directory.
  if (isSystemd && version === 2) return [];
  const intoCgroup = clonesIntoCgroup(context);
  return directories.flatMap((directory) => {
    const { hostPath: path, isShared } = directory;
    if (isShared || !isAsked(directory)) return [];
    const op = intoCgroup
      ? ({ call: 'openat', path, flags: O_PATH | O_DIRECTORY, mode: 0, out: 'cgroup' } as const)
      : joinCgroup(version, path);
    return step('outer', originOf(context), op);
  });
}

/**
 * The executor moves itself ("0"). v1: it is one thread, and to move that by `tasks` the kernel need not
 * hold up every fork and exec of the host, which cgroup.procs does: two RCU grace periods, 5 to 10 ms
 * (cgroup_attach_lock, Linux 5.5). v2's cgroup.threads moves only within one threaded domain.
 */
export const joinCgroup = (version: 0 | 1 | 2, hostPath: string) =>
  ({
    call: 'write',
    path: `${hostPath}/${version === 1 ? 'tasks' : 'cgroup.procs'}`,
    data: '0',
  }) as const;

const originOf = ({ spec }: PlanContext) => (spec.linux?.cgroupsPath ? POINTER : '');
