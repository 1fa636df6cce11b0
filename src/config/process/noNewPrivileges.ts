/** process.noNewPrivileges. */
import type { PlanContext } from '../../plan/context.ts';
import type { Step } from '../../plan/step.ts';

export const planNoNewPrivileges = (_context: PlanContext): readonly Step[] => [];
