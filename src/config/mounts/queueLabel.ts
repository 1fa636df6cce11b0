/** linux.mountLabel of a message queue file system: it takes no option, but its root an attribute. */

import type { PlanContext } from '../../plan/context.ts';
import { type Step, step } from '../../plan/step.ts';
import { MOUNT, type MountEntry } from './entry.ts';

/** Of the mount at the slot mount; a kernel whose policy gives the label itself has no such attribute. */
export function planQueueLabel({ spec }: PlanContext, entry: MountEntry): readonly Step[] {
  const label = spec.linux?.mountLabel ?? '';
  if (entry.type !== 'mqueue' || label === '') return [];
  const op = { call: 'setxattr', fd: MOUNT, name: 'security.selinux', value: label } as const;
  return [step('init', entry.origin, op, { ignore: ['EOPNOTSUPP'] })];
}
