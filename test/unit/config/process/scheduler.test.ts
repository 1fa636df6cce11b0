import { describe, expect, it } from 'vitest';
import { checkScheduler, planScheduler } from '../../../../src/config/process/scheduler.ts';
import type { Scheduler } from '../../../../src/generated/spec.ts';
import { contextOf, opsOf, specOf, specOfProcess } from '../../context.ts';

const plan = (scheduler: Scheduler) =>
  opsOf(planScheduler(contextOf(specOfProcess({ scheduler }))));
const check = (scheduler: Scheduler) => checkScheduler(specOfProcess({ scheduler }));

const NOTHING = { nice: 0, priority: 0, runtime: 0n, deadline: 0n, period: 0n };

describe('process.scheduler', () => {
  it('passes policy, nice and flags', () => {
    const flags = ['SCHED_FLAG_RESET_ON_FORK', 'SCHED_FLAG_KEEP_PARAMS'] as const;
    expect(plan({ policy: 'SCHED_BATCH', nice: -3, flags })).toEqual([
      { call: 'sched_setattr', policy: 3, flags: 0x11n, ...NOTHING, nice: -3 },
    ]);
  });

  it('passes the parameters of SCHED_DEADLINE in nanoseconds', () => {
    const times = { runtime: 10_000_000, deadline: 30_000_000, period: 30_000_000n };
    expect(plan({ policy: 'SCHED_DEADLINE', ...times })).toEqual([
      {
        call: 'sched_setattr',
        policy: 6,
        flags: 0n,
        nice: 0,
        priority: 0,
        runtime: 10_000_000n,
        deadline: 30_000_000n,
        period: 30_000_000n,
      },
    ]);
    expect(planScheduler(contextOf(specOf({})))).toEqual([]);
  });

  it.each([
    ['nice', { policy: 'SCHED_OTHER', nice: 20 }],
    ['priority', { policy: 'SCHED_OTHER', priority: 1 }],
    ['priority', { policy: 'SCHED_FIFO' }],
    ['priority', { policy: 'SCHED_RR', priority: 100 }],
    ['runtime', { policy: 'SCHED_FIFO', priority: 1, runtime: 5 }],
    ['period', { policy: 'SCHED_OTHER', period: 5n }],
  ] as const)('refuses %s of %o', (property, scheduler) => {
    expect(check(scheduler)).toMatchObject([
      { severity: 'error', path: `/process/scheduler/${property}` },
    ]);
  });

  it('accepts zeros, which Go programs write for what is absent', () => {
    expect(check({ policy: 'SCHED_OTHER', priority: 0, runtime: 0 })).toEqual([]);
  });
});
