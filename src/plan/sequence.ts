/**
 * THE order in which a container comes to be. One row a planner; a row runs where it stands and nowhere
 * else. What a property means, and its steps, is in the file the property's path names.
 */
import type { PlanContext } from './context.ts';
import type { Step } from './step.ts';

/** Planners are pure and return their steps in order; none, when the config does not ask. */
export type Planner = (context: PlanContext) => readonly Step[];

export const CREATE: readonly Planner[] = [];
