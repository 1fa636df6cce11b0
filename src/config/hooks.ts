/** hooks: programs run at fixed points of the lifecycle. */

import type { Spec } from '../generated/spec.ts';
import type { PlanContext } from '../plan/context.ts';
import type { Step } from '../plan/step.ts';
import type { Problem } from '../spec/problem.ts';

export const checkHooks = (_spec: Spec): readonly Problem[] => [];

export const planRuntimeHooks = (_context: PlanContext): readonly Step[] => [];

export const planCreateContainerHooks = (_context: PlanContext): readonly Step[] => [];

export const planStartContainerHooks = (_context: PlanContext): readonly Step[] => [];
