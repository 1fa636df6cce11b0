/**
 * process.apparmorProfile: the AppArmor profile the program runs under from its execve on, or `unconfined`.
 * config.md "Linux Process", apparmor(7), aa_change_onexec(2).
 */

import type { Spec } from '../../generated/spec.ts';
import type { PlanContext } from '../../plan/context.ts';
import { type Actor, type Step, step } from '../../plan/step.ts';
import { error, type Problem } from '../../spec/problem.ts';

const ORIGIN = '/process/apparmorProfile';

/** The profile that confines nothing, which is how every process of a host without AppArmor runs. */
const UNCONFINED = 'unconfined';

export function checkApparmorProfile(spec: Spec): readonly Problem[] {
  const profile = spec.process?.apparmorProfile ?? '';
  return /[\0\n]/.test(profile) ? [error(ORIGIN, 'is no name of a profile', profile)] : [];
}

/** That the profile is loaded only the kernel says: ENOENT of the write. */
export function checkApparmor({ spec, host }: PlanContext): readonly Problem[] {
  const profile = spec.process?.apparmorProfile ?? '';
  return host.lsm.apparmor || profile === '' || profile === UNCONFINED
    ? []
    : [error(ORIGIN, 'cannot be applied: this host has no AppArmor', profile)];
}

/**
 * The kernel changes the profile at the next execve, so the way there is still unconfined; programs that
 * startContainer hooks run are confined already, as with runc. Before no_new_privs, which would narrow
 * what the profile may be, and before a filter that may refuse the write.
 */
export const planApparmorProfile = (context: PlanContext): readonly Step[] =>
  planProfile(context, 'init');

/**
 * For `exec`, before the container is joined: what the executor asks for its next execve its child
 * inherits, and the host's /proc need not come along into the container.
 */
export const planExecApparmorProfile = (context: PlanContext): readonly Step[] =>
  planProfile(context, 'outer');

function planProfile({ spec, host }: PlanContext, actor: Actor): readonly Step[] {
  const profile = spec.process?.apparmorProfile ?? '';
  if (profile === '' || !host.lsm.apparmor) return [];
  return [
    step(actor, ORIGIN, {
      call: 'write_attr',
      proc: 'proc',
      directory: 'apparmor',
      name: 'exec',
      data: `exec ${profile}`,
    }),
  ];
}
