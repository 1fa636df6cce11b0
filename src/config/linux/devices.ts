/** linux.devices, the default devices and the symlinks of /dev. */

import type { Spec } from '../../generated/spec.ts';
import type { PlanContext } from '../../plan/context.ts';
import type { Step } from '../../plan/step.ts';
import type { Problem } from '../../spec/problem.ts';

export const checkDevices = (_spec: Spec): readonly Problem[] => [];

export const planDevices = (_context: PlanContext): readonly Step[] => [];
