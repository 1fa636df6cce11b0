/**
 * linux.mountLabel: the SELinux context of every file in the file systems that are mounted for the
 * container. config-linux.md "Mount Label", mount(8) "context=".
 */

import type { Spec } from '../../generated/spec.ts';
import type { PlanContext } from '../../plan/context.ts';
import { error, type Problem } from '../../spec/problem.ts';

const ORIGIN = '/linux/mountLabel';

/** Kernels that label these themselves refuse the option. */
const LABELLED_BY_KERNEL = new Set(['proc', 'sysfs', 'mqueue', 'cgroup', 'cgroup2']);

/** The option stands in quotes, as it holds commas. */
export const checkMountLabel = (spec: Spec): readonly Problem[] =>
  /[\0"]/.test(spec.linux?.mountLabel ?? '')
    ? [error(ORIGIN, 'must not contain NUL or quotes', spec.linux?.mountLabel)]
    : [];

export function checkMountLabelHost({ spec, host }: PlanContext): readonly Problem[] {
  const label = spec.linux?.mountLabel ?? '';
  return host.lsm.selinux || label === ''
    ? []
    : [error(ORIGIN, 'is specified, but selinux is disabled or not supported on this host', label)];
}

/** The label of a new file system of this type; undefined where there is none to give. */
export function mountLabel({ spec }: Pick<PlanContext, 'spec'>, type: string): string | undefined {
  const label = spec.linux?.mountLabel ?? '';
  return label === '' || LABELLED_BY_KERNEL.has(type) ? undefined : label;
}
