/** linux.rootfsPropagation. */

import type { Spec } from '../../generated/spec.ts';
import type { PlanContext } from '../../plan/context.ts';
import type { Step } from '../../plan/step.ts';
import type { Problem } from '../../spec/problem.ts';

export const checkRootfsPropagation = (_spec: Spec): readonly Problem[] => [];

export const planRootfsPropagation = (_context: PlanContext): readonly Step[] => [];

export const planFinalPropagation = (_context: PlanContext): readonly Step[] => [];
