/** process.env. */

import type { Spec } from '../../generated/spec.ts';
import type { PlanContext } from '../../plan/context.ts';
import type { Step } from '../../plan/step.ts';
import type { Problem } from '../../spec/problem.ts';

export const checkEnv = (_spec: Spec): readonly Problem[] => [];

export const planHome = (_context: PlanContext): readonly Step[] => [];
