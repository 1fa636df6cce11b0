/** Where in a JSON text a property stands. */
import { parseJson } from './json.ts';

/** Both count from 1; columns are UTF-16 units. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/** An exact parse together with the places of all values; throws JsonSyntaxError. */
export interface Located {
  readonly value: unknown;
  /** JSON pointers of names given twice in one object. */
  readonly duplicates: readonly string[];
  /** The place of a property's value; of a missing property, the place of what should hold it. */
  positionOf(pointer: string): Position;
}

export function parseLocated(text: string): Located {
  const offsets = new Map<string, number>();
  const duplicates: string[] = [];
  const value = parseJson(text, {
    value: (pointer, offset) => offsets.set(pointer, offset),
    duplicate: (pointer) => duplicates.push(pointer),
  });
  return {
    value,
    duplicates,
    positionOf: (pointer) => position(text, nearest(offsets, pointer)),
  };
}

/** Line and column of an offset. */
export function position(text: string, offset: number): Position {
  let line = 1;
  let start = 0;
  for (;;) {
    const end = text.indexOf('\n', start);
    if (end === -1 || end >= offset) return { line, column: offset - start + 1 };
    line += 1;
    start = end + 1;
  }
}

function nearest(offsets: ReadonlyMap<string, number>, pointer: string): number {
  for (let path = pointer; path !== ''; path = path.slice(0, path.lastIndexOf('/'))) {
    const offset = offsets.get(path);
    if (offset !== undefined) return offset;
  }
  return offsets.get('') ?? 0;
}
