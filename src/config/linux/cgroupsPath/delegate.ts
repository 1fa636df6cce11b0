/**
 * linux.cgroupsPath: the cgroup given to the root of a container's user namespace, so that it can make
 * cgroups of its own (cgroups(7) "Cgroup delegation"). Only on v2, which the kernel keeps safe to
 * delegate, and only where the container sees the cgroup as its own and writable.
 */

import type { Spec } from '../../../generated/spec.ts';
import type { PlanContext } from '../../../plan/context.ts';
import { type Step, step } from '../../../plan/step.ts';
import { containerCgroup } from '../cgroupsPath.ts';
import { createsNamespace } from '../namespaces.ts';
import { toHostId } from '../uidMappings.ts';

/** By the runtime, which alone may give files away, once the cgroup and its limits are there. */
export function planDelegation(context: PlanContext): readonly Step[] {
  const { spec, host } = context;
  if (host.cgroup.version !== 2 || !seesItsCgroup(spec)) return [];
  const uid = toHostId(spec.linux?.uidMappings ?? [], 0);
  // Who is not root can only give to himself what is his already.
  if (uid === undefined || uid === host.euid) return [];
  return containerCgroup(context).directories.flatMap(({ hostPath: path, isShared }) =>
    isShared ? [] : step('runtime', '/linux/uidMappings', { call: 'cgroup_delegate', path, uid }),
  );
}

const seesItsCgroup = (spec: Spec): boolean =>
  createsNamespace(spec, 'user') &&
  createsNamespace(spec, 'cgroup') &&
  (spec.mounts ?? []).some(
    ({ destination, type, options = [] }) =>
      destination === '/sys/fs/cgroup' &&
      (type === 'cgroup' || type === 'cgroup2') &&
      !options.includes('ro'),
  );
