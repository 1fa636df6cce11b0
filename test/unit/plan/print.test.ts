import { describe, expect, it } from 'vitest';
import { formatPlanJson, formatPlanText } from '../../../src/plan/print.ts';
import { type Plan, step } from '../../../src/plan/step.ts';

const FILTER = {
  architectures: ['x86_64'],
  action: 0x50001,
  rules: [{ names: ['read', 'write'], action: 0x7fff0000, conditions: [] }],
  known: [],
};

const plan: Plan = {
  steps: [
    step('outer', '', { call: 'openat', path: '/proc', flags: 0x210000, mode: 0, out: 'proc' }),
    step(
      'init',
      '/mounts/3',
      { call: 'open_tree', path: '/srv/a"b', flags: 0x8001, out: 'mount3' },
      { ignore: ['ENOENT', 'ENOSYS'] },
    ),
    step('init', '/mounts/3', { call: 'move_mount', from: 'mount3', to: 'target3' }),
    step(
      'runtime',
      '/process/rlimits/0',
      { call: 'prlimit', pid: 'init', resource: 7, soft: 1024n, hard: 2n ** 64n - 1n },
      { ignore: ['EPERM'], warn: true },
    ),
    step('init', '/process/user', { call: 'setgroups', gids: [1, 2] }),
    step('init', '/process/execCPUAffinity', {
      call: 'sched_setaffinity',
      mask: Uint8Array.of(3, 0),
    }),
    step('init', '/linux/seccomp', {
      call: 'seccomp',
      flags: 2,
      filter: FILTER,
    }),
    step('init', '', { call: 'setsid' }),
  ],
};

describe('formatPlanText', () => {
  it('writes one aligned line a step: index, actor, property, operation, slots filled', () => {
    const pad = (property: string) => property.padEnd(30);
    expect(formatPlanText(plan).split('\n')).toStrictEqual([
      `  0  outer    ${pad('-')}  openat(path="/proc", flags=O_DIRECTORY|O_PATH, mode=0) → proc`,
      `  1  init     ${pad('/mounts/3')}  open_tree(path="/srv/a\\"b", flags=OPEN_TREE_CLONE|AT_RECURSIVE) → mount3  [ignores ENOENT, ENOSYS]`,
      `  2  init     ${pad('/mounts/3')}  move_mount(from=@mount3, to=@target3)`,
      `  3  runtime  ${pad('/process/rlimits/0')}  prlimit(pid=@init, resource=RLIMIT_NOFILE, soft=1024, hard=RLIM_INFINITY)  [warns of EPERM]`,
      `  4  init     ${pad('/process/user')}  setgroups(gids=[1, 2])`,
      `  5  init     ${pad('/process/execCPUAffinity')}  sched_setaffinity(mask=0x0300)`,
      `  6  init     ${pad('/linux/seccomp')}  seccomp(flags=SECCOMP_FILTER_FLAG_LOG, filter={else 0x50001; 2 names in 1 rules for x86_64})`,
      `  7  init     ${pad('-')}  setsid()`,
      '',
    ]);
  });
});

describe('formatPlanJson', () => {
  it('keeps 64-bit integers exact', () => {
    expect(formatPlanJson(plan)).toContain('"hard": 18446744073709551615');
  });

  it('holds every step with its actor, property, call and arguments', () => {
    const { steps } = JSON.parse(formatPlanJson(plan));
    expect(steps).toHaveLength(plan.steps.length);
    expect(steps[1]).toStrictEqual({
      actor: 'init',
      origin: '/mounts/3',
      call: 'open_tree',
      args: { path: '/srv/a"b', flags: 0x8001, out: 'mount3' },
      ignore: ['ENOENT', 'ENOSYS'],
    });
    expect(steps[6].args.filter).toEqual(FILTER);
    expect(steps[5].args.mask).toBe('0300');
  });
});
