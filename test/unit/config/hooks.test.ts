import { describe, expect, it } from 'vitest';
import {
  checkHooks,
  planCreateContainerHooks,
  planPoststartHooks,
  planPoststopHooks,
  planRuntimeHooks,
  planStartContainerHooks,
} from '../../../src/config/hooks.ts';
import type { Hooks } from '../../../src/generated/spec.ts';
import type { Step } from '../../../src/plan/step.ts';
import { contextOf, outline, PROCESS, specOf } from '../context.ts';

const planned = (hooks: Hooks) =>
  contextOf(specOf({ hooks, process: { ...PROCESS, env: ['A=1', 'A=2'] } }));

/** The state a hook reads when its pid is 42. */
function state({ op }: Step): unknown {
  if (op.call !== 'hook') return undefined;
  return JSON.parse(op.state_tail === '' ? op.state_head : `${op.state_head}42${op.state_tail}`);
}

describe('hooks', () => {
  it('gives path, args, env, timeout and the state', () => {
    const hook = { path: '/bin/h', args: ['h', '-x'], env: ['K=v'], timeout: 5 };
    expect(planRuntimeHooks(planned({ createRuntime: [hook] }))).toEqual([
      {
        actor: 'runtime',
        origin: '/hooks/createRuntime/0',
        op: {
          call: 'hook',
          path: '/bin/h',
          args: ['h', '-x'],
          env: ['K=v'],
          inherit_env: 0,
          timeout_ms: 5000,
          state_head: '{"ociVersion":"1.3.0","id":"web","status":"creating","pid":',
          state_tail: ',"bundle":"/bundle"}',
          pid: 'init',
        },
      },
    ]);
  });

  it('runs prestart before createRuntime, each in its order', () => {
    const hook = { path: '/h' };
    const hooks = { createRuntime: [hook], prestart: [hook, hook] };
    expect(outline(planRuntimeHooks(planned(hooks)))).toEqual([
      'runtime hook /hooks/prestart/0',
      'runtime hook /hooks/prestart/1',
      'runtime hook /hooks/createRuntime/0',
    ]);
  });

  const one: Hooks = Object.fromEntries(
    ['prestart', 'createContainer', 'startContainer', 'poststart', 'poststop'].map((kind) => [
      kind,
      [{ path: '/h' }],
    ]),
  );

  it.each([
    ['prestart', planRuntimeHooks, 'runtime', 'creating', [], 1],
    ['createContainer', planCreateContainerHooks, 'init', 'creating', [], 0],
    ['startContainer', planStartContainerHooks, 'init', 'created', ['A=2'], 0],
    ['poststart', planPoststartHooks, 'runtime', 'running', [], 1],
  ] as const)('%s without env and args', (_, plan, actor, status, env, inherit_env) => {
    const [step] = plan(planned(one));
    expect(step).toMatchObject({ actor, op: { args: ['/h'], env, inherit_env, timeout_ms: 0 } });
    expect(step && state(step)).toEqual({
      ociVersion: '1.3.0',
      id: 'web',
      status,
      pid: 42,
      bundle: '/bundle',
    });
  });

  it('tells poststop of a container without a process', () => {
    const [step] = planPoststopHooks(planned(one));
    expect(step?.op).not.toHaveProperty('pid');
    expect(step && state(step)).toEqual({
      ociVersion: '1.3.0',
      id: 'web',
      status: 'stopped',
      bundle: '/bundle',
    });
  });

  it('passes annotations in the state, whatever they hold', () => {
    const annotations = { 'a"pid":0': '"pid":0\n' };
    const context = contextOf(specOf({ hooks: one, annotations }));
    const [step] = planRuntimeHooks(context);
    expect(step && state(step)).toMatchObject({ pid: 42, annotations });
  });

  it('runs createContainer and startContainer inside, without a pid of the host', () => {
    for (const plan of [planCreateContainerHooks, planStartContainerHooks])
      expect(plan(planned(one))[0]?.op).not.toHaveProperty('pid');
  });

  it.each([
    ['error', 'a relative path', { path: 'h' }, 'path'],
    ['error', 'NUL in an argument', { path: '/h', args: ['a', '\0'] }, 'args/1'],
    ['warning', 'a variable without =', { path: '/h', env: ['A'] }, 'env/0'],
  ])('gives an %s for %s', (severity, _, hook, path) => {
    expect(checkHooks(specOf({ hooks: { poststop: [hook] } }))).toMatchObject([
      { severity, path: `/hooks/poststop/0/${path}` },
    ]);
  });
});
