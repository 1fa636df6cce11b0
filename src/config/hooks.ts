/**
 * hooks: programs run at fixed points of the lifecycle, with the container's state on standard input.
 * config.md "POSIX-platform Hooks", runtime.md "Lifecycle".
 */

import type { Hook, Hooks, Spec, State } from '../generated/spec.ts';
import type { PlanContext } from '../plan/context.ts';
import { type Actor, INIT, type Step, step } from '../plan/step.ts';
import { error, type Problem, warning } from '../spec/problem.ts';
import { OCI_VERSION } from '../spec/version.ts';
import { containerEnvironment } from './process/env.ts';

type HookName = keyof Hooks;

interface Kind {
  readonly name: HookName;
  /** runtime: the host's namespaces; init: the container's. */
  readonly actor: Actor;
  readonly status: State['status'];
}

const KINDS: readonly Kind[] = [
  { name: 'prestart', actor: 'runtime', status: 'creating' },
  { name: 'createRuntime', actor: 'runtime', status: 'creating' },
  { name: 'createContainer', actor: 'init', status: 'creating' },
  { name: 'startContainer', actor: 'init', status: 'created' },
  { name: 'poststart', actor: 'runtime', status: 'running' },
  { name: 'poststop', actor: 'runtime', status: 'stopped' },
];

export const checkHooks = (spec: Spec): readonly Problem[] =>
  spec.hooks === undefined
    ? []
    : KINDS.flatMap(({ name }) => checkHooksOf(name, spec.hooks?.[name]));

const checkHooksOf = (name: HookName, hooks: readonly Hook[] = []): readonly Problem[] =>
  hooks.flatMap((hook, i) => checkHook(hook, `/hooks/${name}/${i}`));

function checkHook(hook: Hook, path: string): readonly Problem[] {
  const problems: Problem[] = [];
  if (!hook.path.startsWith('/'))
    problems.push(error(`${path}/path`, 'must be an absolute path', hook.path));
  if (hook.path.includes('\0')) problems.push(error(`${path}/path`, 'must not contain NUL'));
  for (const key of ['args', 'env'] as const)
    for (const [i, text] of (hook[key] ?? []).entries())
      if (text.includes('\0')) problems.push(error(`${path}/${key}/${i}`, 'must not contain NUL'));
  for (const [i, variable] of (hook.env ?? []).entries())
    if (!variable.includes('='))
      problems.push(warning(`${path}/env/${i}`, 'has no =: programs will not find it', variable));
  return problems;
}

/** prestart (deprecated), then createRuntime: the mounts are made, pivot_root is still to come. */
export const planRuntimeHooks = (context: PlanContext): readonly Step[] => [
  ...plan('prestart', context),
  ...plan('createRuntime', context),
];

/** In the container's namespaces, but the paths are the host's: before pivot_root. */
export const planCreateContainerHooks = (context: PlanContext): readonly Step[] =>
  plan('createContainer', context);

/** In the container altogether, behind `start` and before its program. */
export const planStartContainerHooks = (context: PlanContext): readonly Step[] =>
  plan('startContainer', context);

/** For `start`, once the program runs; a failure ends the container. */
export const planPoststartHooks = (context: PlanContext): readonly Step[] =>
  plan('poststart', context);

/** For `delete`, once everything is removed; a failure is logged and the next one runs. */
export const planPoststopHooks = (context: PlanContext): readonly Step[] =>
  plan('poststop', context);

function plan(name: HookName, context: PlanContext): readonly Step[] {
  const hooks = context.spec.hooks?.[name];
  if (hooks === undefined) return [];
  const kind = KINDS.find((one) => one.name === name);
  return kind === undefined ? [] : hooks.map((hook, i) => planHook(kind, hook, i, context));
}

function planHook(
  { name, actor, status }: Kind,
  hook: Hook,
  i: number,
  context: PlanContext,
): Step {
  const { head, tail } = stateText(status, context);
  const isHost = actor === 'runtime';
  return step(actor, `/hooks/${name}/${i}`, {
    call: 'hook',
    path: hook.path,
    args: hook.args === undefined || hook.args.length === 0 ? [hook.path] : hook.args,
    env: hook.env ?? defaultEnvironment(name, context),
    inherit_env: hook.env === undefined && isHost ? 1 : 0,
    timeout_ms: (hook.timeout ?? 0) * 1000,
    state_head: head,
    state_tail: tail,
    ...(isHost && status !== 'stopped' ? { pid: INIT } : {}),
  });
}

/**
 * As with runc, whose words the specification leaves room for: without env a hook on the host has the
 * runtime's own environment, createContainer an empty one, startContainer that of the program.
 */
const defaultEnvironment = (name: HookName, context: PlanContext): readonly string[] =>
  name === 'startContainer' ? containerEnvironment(context) : [];

/**
 * The state as JSON, in two parts around the pid, which only the run knows: the host's where a hook is
 * the runtime's, the container's own where it is init's. A stopped container has none.
 */
function stateText(
  status: State['status'],
  { spec, options }: PlanContext,
): { readonly head: string; readonly tail: string } {
  const annotations = spec.annotations ?? {};
  const state = {
    ociVersion: OCI_VERSION,
    id: options.id,
    status,
    pid: 0,
    bundle: options.bundle,
    ...(Object.keys(annotations).length > 0 ? { annotations } : {}),
  } satisfies State;
  if (status === 'stopped') {
    const { pid: _, ...rest } = state;
    return { head: JSON.stringify(rest), tail: '' };
  }
  // The id can hold no quotes, so the first "pid":0 is the member itself.
  const text = JSON.stringify(state);
  const at = text.indexOf('"pid":0') + '"pid":'.length;
  return { head: text.slice(0, at), tail: text.slice(at + 1) };
}
