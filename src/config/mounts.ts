/** mounts: what is mounted inside the root, in order. */

import type { Spec } from '../generated/spec.ts';
import type { PlanContext } from '../plan/context.ts';
import type { Step } from '../plan/step.ts';
import type { Problem } from '../spec/problem.ts';

export const checkMounts = (_spec: Spec): readonly Problem[] => [];

export const planMountSources = (_context: PlanContext): readonly Step[] => [];

export const planMounts = (_context: PlanContext): readonly Step[] => [];

export const planLateReadonly = (_context: PlanContext): readonly Step[] => [];
