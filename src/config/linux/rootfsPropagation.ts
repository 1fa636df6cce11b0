/**
 * linux.rootfsPropagation: how mounts made later on the host appear in the container, and the
 * container's on the host. config-linux.md "Rootfs Mount Propagation"; mount_namespaces(7).
 */

import type { Linux, Spec } from '../../generated/spec.ts';
import {
  MS_PRIVATE,
  MS_REC,
  MS_SHARED,
  MS_SLAVE,
  MS_UNBINDABLE,
} from '../../linux/constants/mount.ts';
import type { PlanContext } from '../../plan/context.ts';
import { type Step, step } from '../../plan/step.ts';
import { error, type Problem } from '../../spec/problem.ts';
import { hasNamespace } from './namespaces.ts';

const ORIGIN = '/linux/rootfsPropagation';

type Propagation = NonNullable<Linux['rootfsPropagation']>;

/**
 * `before`: for all mounts of the new namespace, before any is made. `after`: for the container's root,
 * once it is `/`. An unbindable mount cannot be the source of a bind mount, as the rootfs itself and
 * volumes are: it becomes so at the end, and is private till then. A slave root stays the private mount it
 * has been since planRootfs: it would be no different, but volumes that are `shared` would no longer be.
 */
const PROPAGATION: Readonly<Record<Propagation, { before: number; after?: number }>> = {
  shared: { before: MS_SHARED, after: MS_SHARED },
  rshared: { before: MS_REC | MS_SHARED, after: MS_REC | MS_SHARED },
  slave: { before: MS_SLAVE },
  rslave: { before: MS_REC | MS_SLAVE },
  private: { before: MS_PRIVATE },
  rprivate: { before: MS_REC | MS_PRIVATE },
  unbindable: { before: MS_REC | MS_PRIVATE, after: MS_UNBINDABLE },
  runbindable: { before: MS_REC | MS_PRIVATE, after: MS_REC | MS_UNBINDABLE },
};

/** Without the property: the host's new mounts appear in the container, never the other way. */
const DEFAULT = { before: MS_REC | MS_SLAVE };

export const checkRootfsPropagation = (spec: Spec): readonly Problem[] =>
  spec.linux?.rootfsPropagation !== undefined && !hasNamespace(spec, 'mount')
    ? [error(ORIGIN, 'needs a mount namespace: linux.namespaces has no entry of type mount')]
    : [];

export const planRootfsPropagation = ({ spec }: PlanContext): readonly Step[] =>
  hasNamespace(spec, 'mount') ? [change(rowOf(spec).before)] : [];

export function planFinalPropagation({ spec }: PlanContext): readonly Step[] {
  const { after } = rowOf(spec);
  return hasNamespace(spec, 'mount') && after !== undefined ? [change(after)] : [];
}

const rowOf = (spec: Spec): { before: number; after?: number } =>
  spec.linux?.rootfsPropagation === undefined ? DEFAULT : PROPAGATION[spec.linux.rootfsPropagation];

const change = (flags: number): Step =>
  step('init', ORIGIN, { call: 'mount', target: '/', flags: BigInt(flags) });
