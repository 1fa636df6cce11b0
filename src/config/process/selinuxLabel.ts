/**
 * process.selinuxLabel: the SELinux context the program runs in from its execve on, and the one of its
 * session keyring. config.md "Linux Process", selinux(8), setexeccon(3), setkeycreatecon(3).
 */

import type { Spec } from '../../generated/spec.ts';
import type { PlanContext } from '../../plan/context.ts';
import { type Actor, type Step, step } from '../../plan/step.ts';
import { error, type Problem } from '../../spec/problem.ts';

const ORIGIN = '/process/selinuxLabel';

export const checkSelinuxLabel = (spec: Spec): readonly Problem[] =>
  spec.process?.selinuxLabel?.includes('\0') ? [error(ORIGIN, 'must not contain NUL')] : [];

/** Whether the policy knows the label only the kernel says: EINVAL of the write. */
export function checkSelinux({ spec, host }: PlanContext): readonly Problem[] {
  const label = spec.process?.selinuxLabel ?? '';
  return host.lsm.selinux || label === ''
    ? []
    : [error(ORIGIN, 'is specified, but selinux is disabled or not supported on this host', label)];
}

/** As process.apparmorProfile, and for the same reasons at the same place. */
export const planSelinuxLabel = (context: PlanContext): readonly Step[] =>
  planLabel(context, 'exec', 'init');

/** The next keys init makes, its session keyring. An execve ends it: setkeycreatecon(3). */
export const planKeyLabel = (context: PlanContext): readonly Step[] =>
  planLabel(context, 'keycreate', 'init');

/** For `exec`, before the container is joined: the child inherits both. */
export const planExecSelinuxLabel = (context: PlanContext): readonly Step[] => [
  ...planLabel(context, 'exec', 'outer'),
  ...planLabel(context, 'keycreate', 'outer'),
];

/** Kernels without keyrings have no keycreate. */
function planLabel(
  { host, spec }: PlanContext,
  name: 'exec' | 'keycreate',
  actor: Actor,
): readonly Step[] {
  const data = spec.process?.selinuxLabel ?? '';
  if (data === '' || !host.lsm.selinux) return [];
  const op = { call: 'write_attr', proc: 'proc', name, data } as const;
  return [step(actor, ORIGIN, op, name === 'keycreate' ? { ignore: ['ENOENT'] } : {})];
}
