/** process.capabilities: five sets. */

import type { Spec } from '../../generated/spec.ts';
import type { PlanContext } from '../../plan/context.ts';
import type { Step } from '../../plan/step.ts';
import type { Problem } from '../../spec/problem.ts';

export const checkCapabilities = (_spec: Spec): readonly Problem[] => [];

export const planBoundingSet = (_context: PlanContext): readonly Step[] => [];

export const planKeepCapabilities = (_context: PlanContext): readonly Step[] => [];

export const planCapabilities = (_context: PlanContext): readonly Step[] => [];
