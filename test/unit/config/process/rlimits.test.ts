import { describe, expect, it } from 'vitest';
import { checkRlimits, planRlimits } from '../../../../src/config/process/rlimits.ts';
import type { Rlimit } from '../../../../src/generated/spec.ts';
import { contextOf, specOfProcess } from '../../context.ts';

const INFINITY = 0xffff_ffff_ffff_ffffn;
const NOFILE: Rlimit = { type: 'RLIMIT_NOFILE', soft: 50, hard: 60 };
const CORE: Rlimit = { type: 'RLIMIT_CORE', soft: 0, hard: INFINITY };

describe('process.rlimits', () => {
  it('are set by init in the order of the file', () => {
    const spec = specOfProcess({ rlimits: [NOFILE, CORE] });
    expect(planRlimits(contextOf(spec))).toEqual([
      {
        actor: 'init',
        origin: '/process/rlimits/0',
        op: { call: 'prlimit', resource: 7, soft: 50n, hard: 60n },
      },
      {
        actor: 'init',
        origin: '/process/rlimits/1',
        op: { call: 'prlimit', resource: 4, soft: 0n, hard: INFINITY },
      },
    ]);
  });

  it('are set from outside a user namespace, in which nobody may raise them', () => {
    const spec = {
      ...specOfProcess({ rlimits: [CORE] }),
      linux: { namespaces: [{ type: 'user', path: '/u' } as const] },
    };
    expect(planRlimits(contextOf(spec))).toMatchObject([
      { actor: 'runtime', op: { call: 'prlimit', pid: 'init', resource: 4 } },
    ]);
  });

  it.each([
    ['the same twice', [NOFILE, NOFILE], '/process/rlimits/1/type'],
    ['soft above hard', [{ ...NOFILE, soft: INFINITY }], '/process/rlimits/0/soft'],
  ])('refuses %s', (_, rlimits, path) => {
    expect(checkRlimits(specOfProcess({ rlimits }))).toMatchObject([{ severity: 'error', path }]);
  });
});
