/** process.scheduler: policy and its parameters. config.md "Linux Process", sched_setattr(2), sched(7). */

import type { Scheduler, Spec } from '../../generated/spec.ts';
import {
  SCHED_BATCH,
  SCHED_DEADLINE,
  SCHED_FIFO,
  SCHED_FLAG_DL_OVERRUN,
  SCHED_FLAG_KEEP_PARAMS,
  SCHED_FLAG_KEEP_POLICY,
  SCHED_FLAG_RECLAIM,
  SCHED_FLAG_RESET_ON_FORK,
  SCHED_FLAG_UTIL_CLAMP_MAX,
  SCHED_FLAG_UTIL_CLAMP_MIN,
  SCHED_IDLE,
  SCHED_ISO,
  SCHED_OTHER,
  SCHED_RR,
} from '../../linux/constants/process.ts';
import type { PlanContext } from '../../plan/context.ts';
import { type Step, step } from '../../plan/step.ts';
import { error, type Problem } from '../../spec/problem.ts';

const ORIGIN = '/process/scheduler';

const POLICIES: Readonly<Record<Scheduler['policy'], number>> = {
  SCHED_BATCH,
  SCHED_DEADLINE,
  SCHED_FIFO,
  SCHED_IDLE,
  SCHED_ISO,
  SCHED_OTHER,
  SCHED_RR,
};

type Flag = NonNullable<Scheduler['flags']>[number];
const FLAGS: Readonly<Record<Flag, number>> = {
  SCHED_FLAG_DL_OVERRUN,
  SCHED_FLAG_KEEP_PARAMS,
  SCHED_FLAG_KEEP_POLICY,
  SCHED_FLAG_RECLAIM,
  SCHED_FLAG_RESET_ON_FORK,
  SCHED_FLAG_UTIL_CLAMP_MAX,
  SCHED_FLAG_UTIL_CLAMP_MIN,
};

const DEADLINE_PARAMETERS = ['runtime', 'deadline', 'period'] as const;

export function checkScheduler(spec: Spec): readonly Problem[] {
  const scheduler = spec.process?.scheduler;
  if (scheduler === undefined) return [];
  const { policy, nice = 0, priority = 0 } = scheduler;
  const isRealtime = policy === 'SCHED_FIFO' || policy === 'SCHED_RR';
  const problems: Problem[] = [];
  if (nice < -20 || nice > 19)
    problems.push(error(`${ORIGIN}/nice`, 'must be between -20 and 19', nice));
  if (priority !== 0 && !isRealtime)
    problems.push(error(`${ORIGIN}/priority`, 'is only for SCHED_FIFO and SCHED_RR', priority));
  if (isRealtime && (priority < 1 || priority > 99))
    problems.push(error(`${ORIGIN}/priority`, 'must be between 1 and 99', priority));
  for (const parameter of DEADLINE_PARAMETERS)
    if (policy !== 'SCHED_DEADLINE' && BigInt(scheduler[parameter] ?? 0) !== 0n)
      problems.push(error(`${ORIGIN}/${parameter}`, 'is only for SCHED_DEADLINE'));
  return problems;
}

export function planScheduler({ spec }: PlanContext): readonly Step[] {
  const scheduler = spec.process?.scheduler;
  if (scheduler === undefined) return [];
  const { policy, nice = 0, priority = 0, flags = [] } = scheduler;
  return [
    step('init', ORIGIN, {
      call: 'sched_setattr',
      policy: POLICIES[policy],
      flags: BigInt(flags.reduce((all, flag) => all | FLAGS[flag], 0)),
      nice,
      priority,
      runtime: BigInt(scheduler.runtime ?? 0),
      deadline: BigInt(scheduler.deadline ?? 0),
      period: BigInt(scheduler.period ?? 0),
    }),
  ];
}
