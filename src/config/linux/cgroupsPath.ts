/** linux.cgroupsPath. */

import type { Spec } from '../../generated/spec.ts';
import type { PlanContext } from '../../plan/context.ts';
import type { Step } from '../../plan/step.ts';
import type { Problem } from '../../spec/problem.ts';

export const checkCgroupsPath = (_spec: Spec): readonly Problem[] => [];

export const planCgroup = (_context: PlanContext): readonly Step[] => [];

export const planJoinCgroup = (_context: PlanContext): readonly Step[] => [];
