/** What is asked for on the command line. */
import { usage } from '../errors.ts';
import { type Command, commandOf, findVerb, type Verb } from './commands.ts';
import { GLOBAL_FLAGS, HELP_FLAG } from './flags.ts';
import { parseArguments, type Values } from './parse.ts';

/** The flags before the verb, and what follows them. */
export interface Opening {
  readonly globals: Values;
  readonly rest: readonly string[];
}

export type Request =
  | { readonly kind: 'help'; readonly verb?: Verb }
  | { readonly kind: 'version' }
  /** Everything that was given: yargs reads it. */
  | { readonly kind: 'completion'; readonly args: readonly string[] }
  /** The agent of `run --seccomp-report`, which starts it: no verb for people. */
  | { readonly kind: 'agent'; readonly order: string }
  | {
      readonly kind: 'verb';
      /** The flags before the verb. */
      readonly globals: Values;
      readonly verb: Verb;
      readonly values: Values;
      readonly args: readonly string[];
      /** A flag asks for what src/explain carries out. */
      readonly explains: boolean;
    };

/** With it the shell asks what the words behind it may become. */
const COMPLETIONS = '--get-yargs-completions';

/** Behind it stands what explain/seccompWatch.ts tells the agent. */
export const SECCOMP_AGENT = 'seccomp-agent';

/** Reads the flags before the verb alone: they say where the errors of the rest go. */
export function parseOpening(args: readonly string[]): Opening {
  const { values, rest } =
    args[0] === COMPLETIONS
      ? { ...parseArguments([], GLOBAL_FLAGS, 'flags-first'), rest: args }
      : parseArguments(args, GLOBAL_FLAGS, 'flags-first');
  return { globals: values, rest };
}

/** The rest of the command line; throws `usage`. */
export function parseRequest({ globals, rest }: Opening): Request {
  if (globals.isSet('version')) return { kind: 'version' };
  const [name, ...args] = rest;
  if (name === undefined || globals.isSet('help')) return { kind: 'help' };
  if (name === 'help' || name === 'h') return helpOf(args[0]);
  if (name === 'completion' || name === COMPLETIONS) return { kind: 'completion', args: rest };
  if (name === SECCOMP_AGENT && args[0] !== undefined) return { kind: 'agent', order: args[0] };
  const verb = findVerb(name);
  if (verb === undefined) throw noHelpTopic(name);
  const command = commandOf(verb);
  const order = command.flagsFirst ? 'flags-first' : 'mixed';
  const parsed = parseArguments(args, [...command.flags, HELP_FLAG], order, verb);
  if (parsed.values.isSet('help')) return { kind: 'help', verb };
  checkCount(command, verb, parsed.rest.length);
  const { values, explains } = parsed;
  return { kind: 'verb', globals, verb, values, args: parsed.rest, explains };
}

function helpOf(name: string | undefined): Request {
  if (name === undefined) return { kind: 'help' };
  const verb = findVerb(name);
  if (verb === undefined) throw noHelpTopic(name);
  return { kind: 'help', verb };
}

const noHelpTopic = (name: string) => usage(`No help topic for '${name}'`);

function checkCount({ arguments: { min, max } }: Command, verb: Verb, count: number): void {
  const quoted = JSON.stringify(verb);
  if (min === max && count !== min) {
    throw usage(`${quoted} requires exactly ${min} argument(s)`, verb);
  }
  if (count < min) throw usage(`${quoted} requires a minimum of ${min} argument(s)`, verb);
  if (count > max) throw usage(`${quoted} requires a maximum of ${max} argument(s)`, verb);
}
