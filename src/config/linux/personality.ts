/** linux.personality: which kernel uname(2) shows a 32-bit program. config-linux.md "Personality". */

import type { Spec } from '../../generated/spec.ts';
import { PER_LINUX, PER_LINUX32 } from '../../linux/constants/process.ts';
import type { PlanContext } from '../../plan/context.ts';
import { type Step, step } from '../../plan/step.ts';
import { type Problem, warning } from '../../spec/problem.ts';

const ORIGIN = '/linux/personality';

const DOMAINS = { LINUX: PER_LINUX, LINUX32: PER_LINUX32 } as const;

/** The specification defines no flag. */
export const checkPersonality = (spec: Spec): readonly Problem[] =>
  (spec.linux?.personality?.flags ?? []).map((flag, i) =>
    warning(`${ORIGIN}/flags/${i}`, 'is no known flag: ignored', flag),
  );

export function planPersonality({ spec }: PlanContext): readonly Step[] {
  const domain = spec.linux?.personality?.domain;
  return domain === undefined
    ? []
    : [step('init', ORIGIN, { call: 'personality', persona: DOMAINS[domain] })];
}
