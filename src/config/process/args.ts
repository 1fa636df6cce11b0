/** process.args. */

import type { Spec } from '../../generated/spec.ts';
import type { PlanContext } from '../../plan/context.ts';
import type { Step } from '../../plan/step.ts';
import type { Problem } from '../../spec/problem.ts';

export const checkArgs = (_spec: Spec): readonly Problem[] => [];

export const planFindExecutable = (_context: PlanContext): readonly Step[] => [];

export const planExecve = (_context: PlanContext): readonly Step[] => [];
