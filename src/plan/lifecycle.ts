/** Steps no property asks for: the state directory, the sockets, the session, the created state. */
import type { PlanContext } from './context.ts';
import type { Step } from './step.ts';

export const planCreating = (_context: PlanContext): readonly Step[] => [];

export const planSockets = (_context: PlanContext): readonly Step[] => [];

export const planHostHandles = (_context: PlanContext): readonly Step[] => [];

export const planPidfdSocket = (_context: PlanContext): readonly Step[] => [];

export const planSession = (_context: PlanContext): readonly Step[] => [];

export const planCreated = (_context: PlanContext): readonly Step[] => [];

export const planAccept = (_context: PlanContext): readonly Step[] => [];

export const planCloseRange = (_context: PlanContext): readonly Step[] => [];
