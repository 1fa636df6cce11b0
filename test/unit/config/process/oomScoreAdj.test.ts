import { describe, expect, it } from 'vitest';
import { checkOomScoreAdj, planOomScoreAdj } from '../../../../src/config/process/oomScoreAdj.ts';
import { contextOf, specOf, specOfProcess } from '../../context.ts';

describe('process.oomScoreAdj', () => {
  it('is written before the namespaces, 0 too; absent leaves it', () => {
    expect(planOomScoreAdj(contextOf(specOfProcess({ oomScoreAdj: 0 })))).toEqual([
      {
        actor: 'outer',
        origin: '/process/oomScoreAdj',
        op: { call: 'write', dirfd: 'proc', path: 'self/oom_score_adj', data: '0' },
      },
    ]);
    expect(planOomScoreAdj(contextOf(specOf({})))).toEqual([]);
  });

  it('is a wish when rootless', () => {
    const context = contextOf(specOfProcess({ oomScoreAdj: -5 }), { options: { rootless: true } });
    expect(planOomScoreAdj(context)).toMatchObject([{ ignore: ['EACCES'], warn: true }]);
  });

  it.each([-1001, 1001])('refuses %d', (oomScoreAdj) => {
    expect(checkOomScoreAdj(specOfProcess({ oomScoreAdj }))).toMatchObject([
      { severity: 'error', path: '/process/oomScoreAdj' },
    ]);
  });
});
