/** What a misspelt name may have been meant to be. */
import { PROPERTY_NAMES } from '../generated/propertyNames.ts';
import { parseConfigPath } from '../spec/configPath.ts';

/** The name that is nearest, when it is near: another case, or one or two letters wrong, missing, swapped. */
export function nearest(name: string, known: readonly string[]): string | undefined {
  const limit = name.length < 4 ? 1 : 2;
  let best: { readonly name: string; readonly distance: number } | undefined;
  for (const candidate of known) {
    const distance = distanceOf(name.toLowerCase(), candidate.toLowerCase());
    if (distance <= limit && (best === undefined || distance < best.distance)) {
      best = { name: candidate, distance };
    }
  }
  return best?.name;
}

/** Edits between two words: a letter put in, left out, replaced, or two neighbours swapped. */
export function distanceOf(a: string, b: string): number {
  let [before, row]: [number[], number[]] = [[], Array.from({ length: b.length + 1 }, (_, i) => i)];
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const replaced = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      const swapped =
        i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]
          ? (before[j - 2] ?? 0) + 1
          : Number.POSITIVE_INFINITY;
      next.push(Math.min((row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, replaced, swapped));
    }
    [before, row] = [row, next];
  }
  return row[b.length] ?? 0;
}

/**
 * The property a name that is none may have been meant to be: a near one of the same object, else one of
 * that very name which belongs elsewhere. As a property people write: `process.cwd`, `linux.resources`.
 */
export function suggestProperty(pointer: string): string | undefined {
  const parts = parseConfigPath(pointer);
  const name = parts.at(-1) ?? '';
  const object = objectAt(parts.slice(0, -1));
  const near = nearest(name, Object.keys(PROPERTY_NAMES[object ?? ''] ?? {}));
  return near ?? elsewhere(name, 'Spec', '');
}

/** The name of the object (schemas/) that a property holds. */
function objectAt(parts: readonly string[]): string | undefined {
  let object: string | undefined = 'Spec';
  let isMember = false;
  for (const part of parts) {
    if (isMember) isMember = false;
    else {
      const target: string = PROPERTY_NAMES[object ?? '']?.[part] ?? '';
      isMember = target.startsWith('*');
      object = isMember ? target.slice(1) : target;
    }
  }
  return isMember ? undefined : object;
}

const DEPTH_LIMIT = 4;

function elsewhere(name: string, object: string, path: string, depth = 0): string | undefined {
  const properties = PROPERTY_NAMES[object] ?? {};
  if (depth > 0 && Object.hasOwn(properties, name)) return `${path}${name}`;
  if (depth === DEPTH_LIMIT) return undefined;
  for (const [property, target] of Object.entries(properties)) {
    const inner = target.replace('*', '');
    if (inner === '') continue;
    const prefix = `${path}${property}${target === inner ? '' : '[]'}.`;
    const found = elsewhere(name, inner, prefix, depth + 1);
    if (found !== undefined) return found;
  }
  return undefined;
}
