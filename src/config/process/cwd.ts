/** process.cwd. */

import type { Spec } from '../../generated/spec.ts';
import type { PlanContext } from '../../plan/context.ts';
import type { Step } from '../../plan/step.ts';
import type { Problem } from '../../spec/problem.ts';

export const checkCwd = (_spec: Spec): readonly Problem[] => [];

export const planMakeCwd = (_context: PlanContext): readonly Step[] => [];

export const planChdir = (_context: PlanContext): readonly Step[] => [];

export const planVerifyCwd = (_context: PlanContext): readonly Step[] => [];
