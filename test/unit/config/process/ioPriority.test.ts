import { describe, expect, it } from 'vitest';
import { checkIoPriority, planIoPriority } from '../../../../src/config/process/ioPriority.ts';
import type { IoPriority } from '../../../../src/generated/spec.ts';
import { contextOf, opsOf, specOf, specOfProcess } from '../../context.ts';

const plan = (ioPriority: IoPriority) =>
  opsOf(planIoPriority(contextOf(specOfProcess({ ioPriority }))));

describe('process.ioPriority', () => {
  it('is class and level in one number', () => {
    expect(plan({ class: 'IOPRIO_CLASS_BE', priority: 4 })).toEqual([
      { call: 'ioprio_set', ioprio: 0x4004 },
    ]);
    expect(plan({ class: 'IOPRIO_CLASS_RT', priority: 0 })).toEqual([
      { call: 'ioprio_set', ioprio: 0x2000 },
    ]);
    expect(planIoPriority(contextOf(specOf({})))).toEqual([]);
  });

  it('warns of a level in the idle class', () => {
    const ioPriority = { class: 'IOPRIO_CLASS_IDLE', priority: 1 } as const;
    expect(checkIoPriority(specOfProcess({ ioPriority }))).toMatchObject([
      { severity: 'warning', path: '/process/ioPriority/priority' },
    ]);
  });
});
