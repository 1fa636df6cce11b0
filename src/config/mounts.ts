/** mounts: what is mounted inside the root, in order. config.md "Mounts"; mount(8). */

import type { Spec } from '../generated/spec.ts';
import { MNT_DETACH, MOUNT_ATTR_RDONLY, UMOUNT_NOFOLLOW } from '../linux/constants/mount.ts';
import type { PlanContext } from '../plan/context.ts';
import type { Step } from '../plan/step.ts';
import type { Problem } from '../spec/problem.ts';
import { openDestination } from './mounts/attach.ts';
import { planBind, planBindSources } from './mounts/bind.ts';
import { planCgroupMount } from './mounts/cgroup.ts';
import { checkMount } from './mounts/check.ts';
import {
  configuredMounts,
  hasMountApi,
  initStep,
  isBind,
  isReadonlyLate,
  isRemount,
  MOUNT,
  type MountEntry,
  mountEntries,
} from './mounts/entry.ts';
import { planFilesystem } from './mounts/filesystem.ts';
import { planRemount, planRemountReadonly } from './mounts/mount2.ts';

export const checkMounts = (spec: Spec): readonly Problem[] =>
  configuredMounts(spec).flatMap((entry) => checkMount(spec, entry));

/** What outer opens for bind mounts, before the container's namespaces exist. */
export const planMountSources = (context: PlanContext): readonly Step[] =>
  planBindSources(context, mountEntries(context));

export const planMounts = (context: PlanContext): readonly Step[] =>
  mountEntries(context).flatMap((entry) => planMount(context, entry));

/** Of a container that runs: its own root directory is that of who has entered it. */
export const planRemoveMounts = (context: PlanContext): readonly Step[] =>
  mountEntries(context)
    .toReversed()
    .map((entry) =>
      initStep(entry, {
        call: 'umount2',
        path: entry.destination,
        flags: MNT_DETACH | UMOUNT_NOFOLLOW,
      }),
    );

function planMount(context: PlanContext, entry: MountEntry): readonly Step[] {
  if (isBind(entry)) return planBind(context, entry);
  if (isRemount(entry)) return planRemount(entry);
  if (entry.type === 'cgroup') return planCgroupMount(context, entry);
  return planFilesystem(context, entry);
}

/** /dev and tmpfs mounts with `ro`, now that everything inside them is there. */
export const planLateReadonly = (context: PlanContext): readonly Step[] =>
  mountEntries(context)
    .filter(isReadonlyLate)
    .flatMap((entry) => [openDestination(entry), makeReadonly(context, entry)]);

const makeReadonly = (context: PlanContext, entry: MountEntry): Step =>
  hasMountApi(context)
    ? initStep(entry, {
        call: 'mount_setattr',
        fd: MOUNT,
        flags: 0,
        attr_set: BigInt(MOUNT_ATTR_RDONLY),
        attr_clr: 0n,
        propagation: 0n,
      })
    : planRemountReadonly(entry);
