/** process.rlimits: soft and hard are u64, 2^64-1 is RLIM_INFINITY. config.md "Process", prlimit(2). */

import type { Rlimit, Spec } from '../../generated/spec.ts';
import { RLIMITS } from '../../linux/constants/process.ts';
import type { PlanContext } from '../../plan/context.ts';
import { INIT, type Step, step } from '../../plan/step.ts';
import { error, type Problem } from '../../spec/problem.ts';
import { hasNamespace } from '../linux/namespaces.ts';

const ORIGIN = '/process/rlimits';

export function checkRlimits(spec: Spec): readonly Problem[] {
  const problems: Problem[] = [];
  const seen = new Set<Rlimit['type']>();
  for (const [i, { type, soft, hard }] of (spec.process?.rlimits ?? []).entries()) {
    if (seen.has(type)) problems.push(error(`${ORIGIN}/${i}/type`, 'is listed twice', type));
    seen.add(type);
    if (BigInt(soft) > BigInt(hard))
      problems.push(error(`${ORIGIN}/${i}/soft`, `exceeds hard (${hard})`, soft));
  }
  return problems;
}

/**
 * One prlimit an entry, in the order of the file. Raising a hard limit takes CAP_SYS_RESOURCE in the
 * initial user namespace: init has it as much as tsrun, but not inside a user namespace, where the
 * runtime does it from outside.
 */
export const planRlimits = ({ spec }: PlanContext): readonly Step[] =>
  (spec.process?.rlimits ?? []).map(({ type, soft, hard }, i) => {
    const limit = {
      call: 'prlimit',
      resource: RLIMITS[type],
      soft: BigInt(soft),
      hard: BigInt(hard),
    } as const;
    return hasNamespace(spec, 'user')
      ? step('runtime', `${ORIGIN}/${i}`, { ...limit, pid: INIT })
      : step('init', `${ORIGIN}/${i}`, limit);
  });
