/**
 * A copy of data without some of its properties: what remains of a malformed config can then be checked
 * too, so that one run names everything that is wrong.
 */
import type { Problem } from './problem.ts';
import { valueAt } from './schemaProblems.ts';

/** Takes the properties out; an array loses all its items with one, so that indices keep their meaning. */
export function prune(data: unknown, pointers: readonly string[]): unknown {
  const doomed = new Set(pointers.map((pointer) => memberOf(data, pointer)));
  return copy(data, '', doomed);
}

/** Members whose value is null: Go's decoder, and so every engine, takes them for absent. */
export const nullMembers = (problems: readonly Problem[], data: unknown): readonly string[] =>
  problems
    .map((problem) => problem.path)
    .filter((path) => valueAt(data, path) === null && memberOf(data, path) === path);

/** The pointer itself where it names an object's member, else that of the array around it. */
function memberOf(data: unknown, pointer: string): string {
  const parent = pointer.slice(0, pointer.lastIndexOf('/'));
  return pointer !== '' && Array.isArray(valueAt(data, parent)) ? memberOf(data, parent) : pointer;
}

function copy(value: unknown, pointer: string, doomed: ReadonlySet<string>): unknown {
  if (Array.isArray(value)) return value.map((item, i) => copy(item, `${pointer}/${i}`, doomed));
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(
    Object.entries(value).flatMap(([name, member]) => {
      const path = `${pointer}/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`;
      return doomed.has(path) ? [] : [[name, copy(member, path, doomed)]];
    }),
  );
}
