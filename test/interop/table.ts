/** table.md: a section an engine, a row a feature, a column for each runtime in each place. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

/** The host itself, and the virtual machine with systemd and cgroup v2. */
export type Place = 'here' | 'machine';

export interface Seen {
  readonly name: string;
  /** In the order of the runtimes; none of what a partial run did not see. */
  readonly cells: readonly (string | null | undefined)[];
}

const TABLE = join(resolve(import.meta.dirname, '../..'), 'test/interop/table.md');

const COLUMNS: readonly { readonly place: Place; readonly heading: string }[] = [
  { place: 'here', heading: 'runc' },
  { place: 'here', heading: 'tsrun' },
  { place: 'machine', heading: 'runc, systemd' },
  { place: 'machine', heading: 'tsrun, systemd' },
];

/** Of a feature that the place does not have. */
export const NONE = '-';

/** What table.md says of each feature in one place, in its order. */
export function readTable(title: string, place: Place): ReadonlyMap<string, readonly string[]> {
  const rows = readRows(readFileSync(TABLE, 'utf8'), title);
  const isOurs = (_: string, column: number) => COLUMNS[column]?.place === place;
  return new Map(rows.map(([name = '', ...cells]) => [name, cells.filter(isOurs)]));
}

/** Writes what was seen in one place; what was not stays as it was. */
export function writeTable(title: string, place: Place, seen: readonly Seen[]): void {
  const text = readFileSync(TABLE, 'utf8');
  const before = new Map(readRows(text, title).map(([name = '', ...cells]) => [name, cells]));
  const rows = seen.map(({ name, cells }) => {
    const found = [...cells];
    const columns = COLUMNS.map((column, at) => {
      const cell = column.place === place ? found.shift() : undefined;
      return cell ?? before.get(name)?.[at] ?? NONE;
    });
    return [name, ...columns];
  });
  const section = formatSection(title, rows);
  const pattern = sectionPattern(title);
  // Not a string: the names of features may have what replace() takes for a pattern.
  const changed = pattern.test(text) ? text.replace(pattern, () => section) : `${text}\n${section}`;
  writeFileSync(TABLE, changed);
}

const sectionPattern = (title: string) => new RegExp(`## ${title}\\n\\n((?:\\|.*\\n)+)`);

function readRows(text: string, title: string): string[][] {
  const lines = sectionPattern(title).exec(text)?.[1]?.trimEnd().split('\n') ?? [];
  return lines.slice(2).map((line) =>
    line
      .slice(1, -1)
      .split(' | ')
      .map((cell) => cell.trim()),
  );
}

function formatSection(title: string, rows: readonly (readonly string[])[]): string {
  const all = [['feature', ...COLUMNS.map(({ heading }) => heading)], ...rows];
  const widths = (all[0] ?? []).map((_, column) =>
    Math.max(...all.map((row) => row[column]?.length ?? 0)),
  );
  const line = (row: readonly string[]) =>
    `| ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |\n`;
  const [heading = [], ...body] = all;
  const rule = line(widths.map((width) => '-'.repeat(width)));
  return `## ${title}\n\n${line(heading)}${rule}${body.map(line).join('')}`;
}
