/** linux.seccomp. */

import type { Spec } from '../../generated/spec.ts';
import type { PlanContext } from '../../plan/context.ts';
import type { Step } from '../../plan/step.ts';
import type { Problem } from '../../spec/problem.ts';

export const checkSeccomp = (_spec: Spec): readonly Problem[] => [];

export const planSeccompEarly = (_context: PlanContext): readonly Step[] => [];

export const planSeccompLate = (_context: PlanContext): readonly Step[] => [];
