/** process.oomScoreAdj: -1000 (never) to 1000 (first); absent: as the caller's. proc_pid_oom_score_adj(5). */

import type { Spec } from '../../generated/spec.ts';
import type { PlanContext } from '../../plan/context.ts';
import { type Step, step } from '../../plan/step.ts';
import { error, type Problem } from '../../spec/problem.ts';

const ORIGIN = '/process/oomScoreAdj';

export function checkOomScoreAdj(spec: Spec): readonly Problem[] {
  const score = spec.process?.oomScoreAdj ?? 0;
  return score < -1000 || score > 1000
    ? [error(ORIGIN, 'must be between -1000 and 1000', score)]
    : [];
}

/** Rootless, a value below the caller's is refused with EACCES: a wish the kernel may decline. */
export function planOomScoreAdj({ spec, options }: PlanContext): readonly Step[] {
  const score = spec.process?.oomScoreAdj;
  if (score === undefined) return [];
  return [
    step(
      'outer',
      ORIGIN,
      { call: 'write', dirfd: 'proc', path: 'self/oom_score_adj', data: `${score}` },
      options.rootless ? { ignore: ['EACCES'], warn: true } : {},
    ),
  ];
}
