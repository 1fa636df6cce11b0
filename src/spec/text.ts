/** Strings of a document that cannot be handed to the kernel as they are, whatever property holds them. */
import type { ConfigPath } from '../plan/step.ts';
import { error, type Problem } from './problem.ts';

/** Half of a surrogate pair alone has no UTF-8; files hold it as an escape only. */
const HALF_PAIR = /[\ud800-\udfff]/u;
/** They go to hooks in JSON, where NUL has its escape. */
const ANNOTATIONS = '/annotations/';

/**
 * Problems of the strings and names in a parsed text: NUL, which would end a string for the kernel, and half
 * pairs. One look at the text tells that a usual document has none; QuickJS finds a place to split at nine
 * times as fast as `includes` says that there is none.
 */
export const textProblems = (text: string, value: unknown): readonly Problem[] =>
  text.split('\\u', 2).length > 1 ? problemsOf(value, '') : [];

function problemsOf(value: unknown, path: ConfigPath): readonly Problem[] {
  if (typeof value === 'string') return problemsOfText(value, path);
  if (Array.isArray(value)) return value.flatMap((item, i) => problemsOf(item, `${path}/${i}`));
  if (value === null || typeof value !== 'object') return [];
  return Object.entries(value).flatMap(([name, member]) => {
    const below = `${path}/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`;
    return [...problemsOfText(name, below), ...problemsOf(member, below)];
  });
}

function problemsOfText(text: string, path: ConfigPath): readonly Problem[] {
  if (HALF_PAIR.test(text)) return [error(path, 'must not hold half of a surrogate pair', text)];
  return text.includes('\0') && !path.startsWith(ANNOTATIONS)
    ? [error(path, 'must not contain NUL', text)]
    : [];
}
