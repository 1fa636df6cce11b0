/**
 * Arguments to flags and values, the way Go's flag package and runc read them: `-name` is `--name`, a
 * bool takes a value only behind `=`, any other flag takes the next argument whatever it looks like, and
 * what is given twice counts the last time, but for a list's. yargs-parser differs in each of these; it and yargs serve the
 * help alone, whose set-up a machine's calls do not pay.
 */
import { usage } from '../errors.ts';
import type { Flag } from './flags.ts';

/** What was given; a flag with a default is always there. */
export interface Values {
  /** Whether a bool is true; false when it was not given. */
  isSet(name: string): boolean;
  /** Whether it was given at all. */
  isGiven(name: string): boolean;
  text(name: string): string | undefined;
  /** 0 when it was not given. */
  int(name: string): number;
  /** Every value of a list flag, in order; commas separate nothing. */
  list(name: string): readonly string[];
}

export interface Parsed {
  readonly values: Values;
  /** The arguments that are no flags. */
  readonly rest: readonly string[];
  /** A flag was given that src/explain knows about. */
  readonly explains: boolean;
}

/** Whether flags may stand behind the first argument that is none. */
export type Order = 'flags-first' | 'mixed';

/**
 * Reads `args` by a list of flags; throws `usage` for a flag that is not in it or a value it cannot have.
 * With `mixed`, a dash argument behind the first other argument that is no known flag counts as argument,
 * so that `kill ID -9` names a signal. `--` ends the flags.
 */
export function parseArguments(
  args: readonly string[],
  flags: readonly Flag[],
  order: Order,
  verb?: string,
): Parsed {
  const given = new Map<string, Value>();
  for (const flag of flags) if (flag.default !== undefined) given.set(flag.name, flag.default);
  const rest: string[] = [];
  let explains = false;
  let index = 0;
  while (index < args.length) {
    const arg = args[index] ?? '';
    index += 1;
    if (arg === '--') break;
    const token = splitFlag(arg, verb);
    const flag =
      token && flags.find(({ name, alias }) => token.name === name || token.name === alias);
    if (token === undefined || (flag === undefined && rest.length > 0)) {
      rest.push(arg);
      if (order === 'flags-first') break;
      continue;
    }
    if (flag === undefined) throw usage(`flag provided but not defined: -${token.name}`, verb);
    if (flag.explains) explains = true;
    if (flag.type === 'bool') {
      given.set(flag.name, parseBool(flag, token.value, verb));
      continue;
    }
    if (flag.type === 'optional') {
      given.set(flag.name, token.value ?? '');
      continue;
    }
    const value = token.value ?? args[index];
    if (value === undefined) throw usage(`flag needs an argument: -${token.name}`, verb);
    if (token.value === undefined) index += 1;
    given.set(flag.name, readValue(flag, value, given.get(flag.name), verb));
  }
  return { values: valuesOf(given), rest: [...rest, ...args.slice(index)], explains };
}

type Value = string | boolean | readonly string[];

function readValue(flag: Flag, text: string, before: Value | undefined, verb?: string): Value {
  if (flag.type === 'int') return checkInt(flag, text, verb);
  return flag.type === 'list' ? [...(Array.isArray(before) ? before : []), text] : text;
}

/** `--name=value` → name and value; undefined for what is no flag: `x`, `-`, the empty string. */
function splitFlag(
  arg: string,
  verb: string | undefined,
): { name: string; value?: string } | undefined {
  if (!arg.startsWith('-') || arg === '-') return undefined;
  const begin = arg.startsWith('--') ? 2 : 1;
  const equals = arg.indexOf('=');
  const name = arg.slice(begin, equals < 0 ? arg.length : equals);
  if (name === '' || name.startsWith('-')) throw usage(`bad flag syntax: ${arg}`, verb);
  return equals < 0 ? { name } : { name, value: arg.slice(equals + 1) };
}

const TRUE = ['1', 't', 'T', 'true', 'TRUE', 'True'];
const FALSE = ['0', 'f', 'F', 'false', 'FALSE', 'False'];

function parseBool(flag: Flag, value: string | undefined, verb: string | undefined): boolean {
  if (value === undefined || TRUE.includes(value)) return true;
  if (FALSE.includes(value)) return false;
  throw usage(
    `invalid boolean value ${JSON.stringify(value)} for -${flag.name}: parse error`,
    verb,
  );
}

function checkInt(flag: Flag, value: string, verb: string | undefined): string {
  if (/^[+-]?[0-9]{1,9}$/.test(value)) return value;
  throw usage(`invalid value ${JSON.stringify(value)} for flag -${flag.name}: parse error`, verb);
}

const valuesOf = (given: ReadonlyMap<string, Value>): Values => ({
  isSet: (name) => given.get(name) === true,
  isGiven: (name) => given.has(name),
  text: (name) => {
    const value = given.get(name);
    return typeof value === 'string' ? value : undefined;
  },
  int: (name) => Number(given.get(name) ?? 0),
  list: (name) => {
    const value = given.get(name);
    return typeof value === 'object' ? value : [];
  },
});
