/** Mounts of type cgroup: the container's own cgroups. cgroups(7), cgroup_namespaces(7). */

import { MS_BIND, MS_RDONLY, MS_REC } from '../../linux/constants/mount.ts';
import type { PlanContext } from '../../plan/context.ts';
import { type Step, step } from '../../plan/step.ts';
import { type ContainerCgroup, containerCgroup } from '../linux/cgroupsPath.ts';
import { createsNamespace } from '../linux/namespaces.ts';
import { planBindByInit, planBindRemount } from './bind.ts';
import { type MountEntry, ROOT } from './entry.ts';
import { planFilesystem } from './filesystem.ts';
import { parseMountOptions } from './options.ts';

type Hierarchy = ContainerCgroup['directories'][number];

const UNPRIVILEGED = ['nosuid', 'nodev', 'noexec'];

/**
 * On cgroup v2 the unified hierarchy. On v1, where a hierarchy is a file system of its own: a tmpfs with
 * one directory a hierarchy, named as on the host, and a symlink for each controller of a shared one
 * (`cpu` → `cpu,cpuacct`).
 */
export function planCgroupMount(context: PlanContext, entry: MountEntry): readonly Step[] {
  if (context.host.cgroup.version !== 1)
    return planFilesystem(context, { ...entry, type: 'cgroup2' });
  const { flags, propagation } = entry.options;
  const hierarchies = containerCgroup(context).directories;
  // Filled first, read-only then.
  const isReadonly = (flags & MS_RDONLY) !== 0;
  return [
    ...planFilesystem(context, tmpfsOf(entry)),
    ...hierarchies.flatMap((hierarchy) => planHierarchy(context, entry, hierarchy)),
    ...hierarchies.flatMap((hierarchy) => planSymlinks(entry, hierarchy)),
    ...(isReadonly || propagation.length > 0
      ? planBindRemount(context, {
          ...entry,
          options: { ...(isReadonly ? READONLY : REMOUNT), propagation },
        })
      : []),
  ];
}

const UNPRIVILEGED_FLAGS = parseMountOptions(UNPRIVILEGED).flags;
const TMPFS_OPTIONS = parseMountOptions(['mode=755', ...UNPRIVILEGED]);
const REMOUNT = parseMountOptions(['bind', 'remount']);
const READONLY = parseMountOptions(['bind', 'remount', 'ro', ...UNPRIVILEGED]);

const tmpfsOf = (entry: MountEntry): MountEntry => ({
  ...entry,
  type: 'tmpfs',
  source: 'tmpfs',
  options: TMPFS_OPTIONS,
});

/** With a cgroup namespace a mount of the file system begins at the container's cgroup by itself. */
function planHierarchy(
  context: PlanContext,
  entry: MountEntry,
  hierarchy: Hierarchy,
): readonly Step[] {
  const { options } = entry;
  const destination = `${entry.destination}/${nameOf(hierarchy)}`;
  if (!createsNamespace(context.spec, 'cgroup')) {
    const flags = options.flags | MS_BIND | MS_REC;
    const source = hierarchy.hostPath;
    return planBindByInit(context, {
      ...entry,
      destination,
      source,
      options: { ...options, flags, data: [] },
    });
  }
  const flags = options.flags | UNPRIVILEGED_FLAGS;
  return planFilesystem(context, {
    ...entry,
    destination,
    source: 'cgroup',
    options: { ...options, flags, data: hierarchy.controllers },
  });
}

const nameOf = ({ mountpoint }: Hierarchy): string =>
  mountpoint.slice(mountpoint.lastIndexOf('/') + 1);

function planSymlinks(entry: MountEntry, hierarchy: Hierarchy): readonly Step[] {
  const target = nameOf(hierarchy);
  if (!target.includes(',')) return [];
  return target.split(',').map((controller) => {
    const path = `${entry.destination}/${controller}`;
    const op = { call: 'symlinkat', root: ROOT, path, target, exists: ROOT } as const;
    return step('init', entry.origin, op, { ignore: ['EEXIST'] });
  });
}
