/**
 * The one table of properties that are known but not carried out. `refuse` where the container would get
 * less isolation, fewer limits or other files than asked for; `warn` where it runs as meant without.
 */
import { escapePointer } from '../spec/json.ts';
import { error, type Problem, warning } from '../spec/problem.ts';

export interface Unsupported {
  /** JSON pointer; a part `*` stands for any name or index. */
  readonly pattern: string;
  readonly verdict: 'refuse' | 'warn';
  /** A clause behind the property's name. */
  readonly reason: string;
}

const OTHER_SYSTEM = 'is not for containers on Linux and is ignored';

export const UNSUPPORTED: readonly Unsupported[] = [
  { pattern: '/vm', verdict: 'refuse', reason: 'asks for a virtual machine' },
  { pattern: '/windows', verdict: 'warn', reason: OTHER_SYSTEM },
  { pattern: '/solaris', verdict: 'warn', reason: OTHER_SYSTEM },
  { pattern: '/zos', verdict: 'warn', reason: OTHER_SYSTEM },
  { pattern: '/freebsd', verdict: 'warn', reason: OTHER_SYSTEM },
  { pattern: '/process/commandLine', verdict: 'warn', reason: OTHER_SYSTEM },
  { pattern: '/process/user/username', verdict: 'warn', reason: OTHER_SYSTEM },
];

/** A problem for every property of the config that a row matches and that is not empty. */
export function checkUnsupported(
  config: unknown,
  table: readonly Unsupported[] = UNSUPPORTED,
): readonly Problem[] {
  const problems: Problem[] = [];
  for (const { pattern, verdict, reason } of table)
    for (const path of matches(config, pattern.split('/'), 1, ''))
      problems.push(
        verdict === 'warn' ? warning(path, reason) : { ...error(path, reason), unsupported: true },
      );
  return problems;
}

/** Pointers of the values that match parts from `at` on; on each start's path, so written to be fast. */
function matches(
  config: unknown,
  parts: readonly string[],
  at: number,
  start: string,
): readonly string[] {
  let value = config;
  let pointer = start;
  for (let i = at; i < parts.length; i += 1) {
    const part = parts[i] ?? '';
    if (!isObject(value)) return NONE;
    const holder = value;
    if (part === '*') {
      return Object.keys(holder).flatMap((name) =>
        matches(holder[name], parts, i + 1, `${pointer}/${escapePointer(name)}`),
      );
    }
    value = holder[part];
    if (value === undefined) return NONE;
    pointer += `/${part}`;
  }
  return asksForSomething(value) ? [pointer] : NONE;
}

const NONE: readonly string[] = [];

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  value !== null && typeof value === 'object';

/** An empty string, array or object asks for nothing. */
function asksForSomething(value: unknown): boolean {
  if (value === '' || value === null) return false;
  return !isObject(value) || Object.keys(value).length > 0;
}
