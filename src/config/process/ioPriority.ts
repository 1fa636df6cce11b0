/** process.ioPriority: class, and in it a level from 0 (first) to 7. config.md, ioprio_set(2). */

import type { IoPriority, Spec } from '../../generated/spec.ts';
import {
  IOPRIO_CLASS_BE,
  IOPRIO_CLASS_IDLE,
  IOPRIO_CLASS_RT,
  IOPRIO_CLASS_SHIFT,
} from '../../linux/constants/process.ts';
import type { PlanContext } from '../../plan/context.ts';
import { type Step, step } from '../../plan/step.ts';
import { type Problem, warning } from '../../spec/problem.ts';

const ORIGIN = '/process/ioPriority';

const CLASSES: Readonly<Record<IoPriority['class'], number>> = {
  IOPRIO_CLASS_BE,
  IOPRIO_CLASS_IDLE,
  IOPRIO_CLASS_RT,
};

export function checkIoPriority(spec: Spec): readonly Problem[] {
  const ioPriority = spec.process?.ioPriority;
  return ioPriority?.class === 'IOPRIO_CLASS_IDLE' && ioPriority.priority !== 0
    ? [warning(`${ORIGIN}/priority`, 'means nothing for IOPRIO_CLASS_IDLE', ioPriority.priority)]
    : [];
}

export function planIoPriority({ spec }: PlanContext): readonly Step[] {
  const ioPriority = spec.process?.ioPriority;
  if (ioPriority === undefined) return [];
  const ioprio = (CLASSES[ioPriority.class] << IOPRIO_CLASS_SHIFT) | ioPriority.priority;
  return [step('init', ORIGIN, { call: 'ioprio_set', ioprio })];
}
