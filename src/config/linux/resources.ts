/** linux.resources: limits, one file a controller in resources/. */

import type { Spec } from '../../generated/spec.ts';
import type { PlanContext } from '../../plan/context.ts';
import type { Step } from '../../plan/step.ts';
import type { Problem } from '../../spec/problem.ts';

export const checkResources = (_spec: Spec): readonly Problem[] => [];

export const planResources = (_context: PlanContext): readonly Step[] => [];
