import { describe, expect, it } from 'vitest';
import { planNoNewPrivileges } from '../../../../src/config/process/noNewPrivileges.ts';
import { contextOf, opsOf, specOfProcess } from '../../context.ts';

describe('process.noNewPrivileges', () => {
  it('is set when true and only then', () => {
    const plan = (noNewPrivileges: boolean) =>
      opsOf(planNoNewPrivileges(contextOf(specOfProcess({ noNewPrivileges }))));
    expect(plan(true)).toEqual([
      { call: 'prctl', option: 38, arg2: 1n, arg3: 0n, arg4: 0n, arg5: 0n },
    ]);
    expect(plan(false)).toEqual([]);
  });
});
