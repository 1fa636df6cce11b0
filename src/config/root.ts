/** root: the container's root directory and whether it is read-only. */

import type { Spec } from '../generated/spec.ts';
import type { PlanContext } from '../plan/context.ts';
import type { Step } from '../plan/step.ts';
import type { Problem } from '../spec/problem.ts';

export const checkRoot = (_spec: Spec): readonly Problem[] => [];

export const planRootfs = (_context: PlanContext): readonly Step[] => [];

export const planPivot = (_context: PlanContext): readonly Step[] => [];

export const planRootReadonly = (_context: PlanContext): readonly Step[] => [];
