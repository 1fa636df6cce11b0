import { describe, expect, it } from 'vitest';
import {
  checkExecCPUAffinity,
  parseCpuList,
  planResetAffinity,
} from '../../../../src/config/process/execCPUAffinity.ts';
import { contextOf, opsOf, specOf, specOfProcess } from '../../context.ts';

describe('process.execCPUAffinity', () => {
  it.each([
    ['0', [1]],
    ['0-3,7', [0x8f]],
    ['9', [0, 2]],
    [' 1, 8-9 ', [2, 3]],
  ])('reads %j', (list, bytes) => {
    expect(parseCpuList(list)).toEqual(new Uint8Array(bytes));
  });

  it.each(['a', '3-1', '0,', '-1', '8192', '0-'])('refuses %j', (initial) => {
    expect(checkExecCPUAffinity(specOfProcess({ execCPUAffinity: { initial } }))).toMatchObject([
      { severity: 'error', path: '/process/execCPUAffinity/initial' },
    ]);
  });

  it('leaves the container every CPU, however tsrun was pinned', () => {
    expect(opsOf(planResetAffinity(contextOf(specOf({}))))).toEqual([
      { call: 'sched_setaffinity', mask: new Uint8Array(0) },
    ]);
  });
});
