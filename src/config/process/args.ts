/** process.args: the program, as argv. config.md "Process", execve(2). */

import type { Spec } from '../../generated/spec.ts';
import type { PlanContext } from '../../plan/context.ts';
import { type Step, step } from '../../plan/step.ts';
import { error, type Problem } from '../../spec/problem.ts';
import { containerEnvironment, searchPath } from './env.ts';

const ORIGIN = '/process/args';

export function checkArgs(spec: Spec): readonly Problem[] {
  if (spec.process === undefined) return [];
  const args = spec.process.args ?? [];
  const problems: Problem[] = [];
  if (args.length === 0) problems.push(error(ORIGIN, 'must have at least one entry'));
  if (args[0] === '') problems.push(error(`${ORIGIN}/0`, 'must not be empty'));
  for (const [i, argument] of args.entries())
    if (argument.includes('\0'))
      problems.push(error(`${ORIGIN}/${i}`, 'must not contain NUL', argument));
  return problems;
}

/** Before the container counts as created: a program that is not there fails `create`, not `start`. */
export function planFindExecutable({ spec }: PlanContext): readonly Step[] {
  const file = spec.process?.args?.[0];
  return file === undefined
    ? []
    : [step('init', ORIGIN, { call: 'find_executable', file, search: searchPath(spec) })];
}

export function planExecve(context: PlanContext): readonly Step[] {
  const args = context.spec.process?.args ?? [];
  const env = containerEnvironment(context);
  return args.length === 0 ? [] : [step('init', ORIGIN, { call: 'execve', args, env })];
}
