/** The verbs that explain: loaded by main.ts when one of them, or a flag that explains, is given. */
import type { Verb } from '../cli/commands.ts';
import type { Invocation } from '../cli/invocation.ts';
import { internal } from '../errors.ts';
import { check } from './check.ts';
import { create, run, start } from './creation.ts';
import { inspect } from './inspect.ts';
import { mounts } from './mounts.ts';
import { plan } from './plan.ts';
import { wait } from './wait.ts';

const FUNCTIONS: { readonly [K in Verb]?: (invocation: Invocation) => void } = {
  create,
  run,
  start,
  check,
  inspect,
  mounts,
  plan,
  wait,
};

/** Carries out a verb; throws TsrunError, or exits with a status of its own. */
export function explainVerb(invocation: Invocation): void {
  const carryOut = FUNCTIONS[invocation.verb];
  if (carryOut === undefined) throw internal(`no function for ${invocation.verb}`);
  carryOut(invocation);
}
