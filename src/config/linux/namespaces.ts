/** linux.namespaces: which views the container has of its own, and which it joins. */

import type { Spec } from '../../generated/spec.ts';
import type { PlanContext } from '../../plan/context.ts';
import type { Step } from '../../plan/step.ts';
import type { Problem } from '../../spec/problem.ts';

export const checkNamespaces = (_spec: Spec): readonly Problem[] => [];

export const planJoinNamespaces = (_context: PlanContext): readonly Step[] => [];

export const planClone = (_context: PlanContext): readonly Step[] => [];

export const planCgroupNamespace = (_context: PlanContext): readonly Step[] => [];

export const planLoopback = (_context: PlanContext): readonly Step[] => [];
