/** Spec, host facts and options to a plan. */
import type { PlanContext } from './context.ts';
import type { Planner } from './sequence.ts';
import type { Plan } from './step.ts';

export const buildPlan = (sequence: readonly Planner[], context: PlanContext): Plan => ({
  steps: sequence.flatMap((planner) => planner(context)),
});
