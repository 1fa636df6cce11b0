/** Spec, host facts and options to a plan. */
import type { PlanContext } from './context.ts';
import type { Plan, Step } from './step.ts';

/** The steps of a table's planners, in the table's order. */
export const buildPlan = <C extends PlanContext>(
  sequence: readonly ((context: C) => readonly Step[])[],
  context: C,
): Plan => {
  const steps: Step[] = [];
  for (const planner of sequence) steps.push(...planner(context));
  return { steps };
};
