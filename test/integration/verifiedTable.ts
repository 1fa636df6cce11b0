/**
 * The table resources-verified.md: which property of linux.resources was read back in which file of the
 * kernel, on each kind of cgroups. A test run fills the column of the machine it is on
 * (TSRUN_VERIFIED=file), and otherwise finds it to be true.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';

export const KINDS = ['v1', 'v2', 'systemd'] as const;
export type Kind = (typeof KINDS)[number];

/** By property, by kind: the file, or why there is none. */
type Table = Map<string, Map<Kind, string>>;

const INTRODUCTION = `# What of linux.resources was read back

Made by \`test/integration/resources.test.ts\`: a container was created with the property and the kernel's
file read. A dash: this kind of cgroups has nothing like it. In brackets: why the machine of the tests
could not tell.
`;

export function readTable(path: string): Table {
  const table: Table = new Map();
  if (!existsSync(path)) return table;
  for (const line of readFileSync(path, 'utf8').split('\n')) {
    const [, property, ...cells] = line.split('|').map((cell) => cell.trim());
    if (!property?.startsWith('`')) continue;
    const row = new Map<Kind, string>();
    KINDS.forEach((kind, i) => void (cells[i] && row.set(kind, cells[i])));
    table.set(property.replaceAll('`', ''), row);
  }
  return table;
}

/** Puts what was found on this kind of machine into the table at `path`. */
export function writeColumn(path: string, kind: Kind, found: ReadonlyMap<string, string>): void {
  const table = readTable(path);
  for (const [property, cell] of found) {
    const row = table.get(property) ?? new Map<Kind, string>();
    table.set(property, row.set(kind, cell));
  }
  const rows = [
    ['property', ...KINDS],
    ...[...table].map(([property, row]) => [
      `\`${property}\``,
      ...KINDS.map((each) => row.get(each) ?? ''),
    ]),
  ];
  const widths = KINDS.map((_, i) => Math.max(...rows.map((row) => row[i + 1]?.length ?? 0)));
  const all = [Math.max(...rows.map((row) => row[0]?.length ?? 0)), ...widths];
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, i) => cell.padEnd(all[i] ?? 0)).join(' | ')} |`;
  const [heading = [], ...body] = rows;
  const rule = `| ${all.map((width) => '-'.repeat(width)).join(' | ')} |`;
  writeFileSync(path, [INTRODUCTION, line(heading), rule, ...body.map(line), ''].join('\n'));
}
