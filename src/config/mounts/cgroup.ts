/** Mounts of types cgroup and cgroup2: the container's own cgroups. cgroups(7), cgroup_namespaces(7). */

import { AT_RECURSIVE } from '../../linux/constants/file.ts';
import {
  MOUNT_ATTR_NODEV,
  MOUNT_ATTR_NOEXEC,
  MOUNT_ATTR_NOSUID,
  MOUNT_ATTR_RDONLY,
  MS_RDONLY,
  OPEN_TREE_CLONE,
} from '../../linux/constants/mount.ts';
import type { PlanContext } from '../../plan/context.ts';
import { type Slot, type Step, step } from '../../plan/step.ts';
import { type ContainerCgroup, containerCgroup } from '../linux/cgroupsPath.ts';
import { createsNamespace } from '../linux/namespaces.ts';
import { attach, setPropagation } from './attach.ts';
import { mountAttributes } from './attributes.ts';
import { initStep, MOUNT, type MountEntry, ROOT } from './entry.ts';
import { planFilesystem } from './filesystem.ts';

type Hierarchy = ContainerCgroup['directories'][number];

/** The tmpfs that holds the hierarchies of cgroup v1. */
const TOP: Slot = 'cgroups';

const TOP_ATTRIBUTES = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;

/**
 * On cgroup v2 the unified hierarchy. On v1, where a hierarchy is a file system of its own: a tmpfs with
 * one directory a hierarchy, named as on the host, and a symlink for each controller of a shared one
 * (`cpu` → `cpu,cpuacct`).
 */
export function planCgroupMount(context: PlanContext, entry: MountEntry): readonly Step[] {
  if (context.host.cgroup.version !== 1)
    return planFilesystem(context, { ...entry, type: 'cgroup2' });
  const hierarchies = containerCgroup(context).directories;
  return [
    initStep(entry, {
      call: 'fsmount',
      fstype: 'tmpfs',
      source: 'tmpfs',
      options: ['mode=755'],
      attributes: TOP_ATTRIBUTES,
      out: TOP,
    }),
    ...attach({ ...entry, options: { ...entry.options, propagation: [] } }, TOP),
    ...hierarchies.flatMap((hierarchy) => planHierarchy(context, entry, hierarchy)),
    ...hierarchies.flatMap((hierarchy) => planSymlinks(entry, hierarchy)),
    ...(entry.options.flags & MS_RDONLY ? [makeTopReadonly(entry)] : []),
    ...setPropagation(entry, TOP),
    initStep(entry, { call: 'close', fd: TOP }),
  ];
}

/** With a cgroup namespace a mount of the file system begins at the container's cgroup by itself. */
function planHierarchy(
  context: PlanContext,
  entry: MountEntry,
  hierarchy: Hierarchy,
): readonly Step[] {
  const place = { ...entry, destination: `${entry.destination}/${nameOf(hierarchy)}` };
  const attributes = mountAttributes(entry.options.flags);
  if (createsNamespace(context.spec, 'cgroup'))
    return [
      initStep(entry, {
        call: 'fsmount',
        fstype: 'cgroup',
        source: 'cgroup',
        options: hierarchy.controllers,
        attributes: attributes | TOP_ATTRIBUTES,
        out: MOUNT,
      }),
      ...attach(place, MOUNT),
    ];
  return [
    initStep(entry, {
      call: 'open_tree',
      path: hierarchy.hostPath,
      flags: OPEN_TREE_CLONE | AT_RECURSIVE,
      out: MOUNT,
    }),
    initStep(entry, {
      call: 'mount_setattr',
      fd: MOUNT,
      flags: 0,
      attr_set: BigInt(attributes),
      attr_clr: 0n,
      propagation: 0n,
    }),
    ...attach(place, MOUNT),
  ];
}

const nameOf = ({ mountpoint }: Hierarchy): string =>
  mountpoint.slice(mountpoint.lastIndexOf('/') + 1);

function planSymlinks(entry: MountEntry, hierarchy: Hierarchy): readonly Step[] {
  const name = nameOf(hierarchy);
  if (!name.includes(',')) return [];
  return name.split(',').map((controller) =>
    step(
      'init',
      entry.origin,
      {
        call: 'symlinkat',
        root: ROOT,
        path: `${entry.destination}/${controller}`,
        target: name,
        exists: ROOT,
      },
      { ignore: ['EEXIST'] },
    ),
  );
}

const makeTopReadonly = (entry: MountEntry): Step =>
  initStep(entry, {
    call: 'mount_setattr',
    fd: TOP,
    flags: 0,
    attr_set: BigInt(MOUNT_ATTR_RDONLY),
    attr_clr: 0n,
    propagation: 0n,
  });
