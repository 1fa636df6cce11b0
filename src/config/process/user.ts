/** process.user: uid, gid, umask, additionalGids. */

import type { Spec } from '../../generated/spec.ts';
import type { PlanContext } from '../../plan/context.ts';
import type { Step } from '../../plan/step.ts';
import type { Problem } from '../../spec/problem.ts';

export const checkUser = (_spec: Spec): readonly Problem[] => [];

export const planUmask = (_context: PlanContext): readonly Step[] => [];

export const planUser = (_context: PlanContext): readonly Step[] => [];
