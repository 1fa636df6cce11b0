/**
 * process.env: the environment of the program, `KEY=VALUE`. Of a name given twice the last counts, at
 * its place. config.md "Process", environ(7).
 */

import type { Spec } from '../../generated/spec.ts';
import type { PlanContext } from '../../plan/context.ts';
import { type Step, step } from '../../plan/step.ts';
import { error, type Problem } from '../../spec/problem.ts';
import { notifyVariables } from '../notifySocket.ts';
import { oncePer } from '../once.ts';

const ORIGIN = '/process/env';

export const checkEnv = (spec: Spec): readonly Problem[] =>
  (spec.process?.env ?? []).flatMap((variable, i) => {
    const path = `${ORIGIN}/${i}`;
    if (!variable.includes('=')) return [error(path, 'must contain =', variable)];
    if (variable.startsWith('=')) return [error(path, 'must have a name before =', variable)];
    return variable.includes('\0') ? [error(path, 'must not contain NUL', variable)] : [];
  });

/**
 * What execve is given. Without HOME, or with an empty one, it is not in here: find_home adds it.
 * LISTEN_PID is 1, as runc has it: the first process of a new pid namespace.
 */
export const containerEnvironment = oncePer((context: Environment): readonly string[] => {
  const { spec, options } = context;
  const variables = new Map<string, string>();
  for (const variable of [
    ...(spec.process?.env ?? []),
    ...listenVariables(options),
    ...notifyVariables(options),
  ]) {
    const name = variable.slice(0, variable.indexOf('='));
    variables.delete(name);
    variables.set(name, variable);
  }
  if (variables.get('HOME') === 'HOME=') variables.delete('HOME');
  return [...variables.values()];
});

type Environment = Pick<PlanContext, 'spec' | 'options'>;

function listenVariables(options: PlanContext['options']): readonly string[] {
  if (options.listenFds === 0) return [];
  const names = options.listenFdNames;
  return [
    `LISTEN_FDS=${options.listenFds}`,
    'LISTEN_PID=1',
    ...(names === undefined ? [] : [`LISTEN_FDNAMES=${names}`]),
  ];
}

/** The PATH that args[0] is looked up in; undefined when process.env has none. */
export const searchPath = (spec: Spec): string | undefined =>
  spec.process?.env?.findLast((variable) => variable.startsWith('PATH='))?.slice('PATH='.length);

/** HOME from the container's /etc/passwd, where process.env leaves it open. */
export function planHome(context: PlanContext): readonly Step[] {
  const { process } = context.spec;
  if (process === undefined) return [];
  const isGiven = containerEnvironment(context).some((variable) => variable.startsWith('HOME='));
  return isGiven ? [] : [step('init', ORIGIN, { call: 'find_home', uid: process.user?.uid ?? 0 })];
}
