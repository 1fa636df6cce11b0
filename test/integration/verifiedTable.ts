/**
 * The table resources-verified.md: which property of linux.resources was read back in which file of the
 * kernel, and in which property of the systemd unit, on each kind of cgroups. A test run prints what it
 * found, one line a property; `npm run verified` collects the lines of all machines. Otherwise a run finds
 * the table to be true.
 */
import { existsSync, readFileSync } from 'node:fs';

export const KINDS = ['v1', 'v2', 'systemd v1', 'systemd v2'] as const;
export type Kind = (typeof KINDS)[number];

/** By property, by kind: the file, or why there is none. */
export type Table = Map<string, Map<Kind, string>>;

const INTRODUCTION = `# What of linux.resources was read back

Made by \`npm run verified\` out of \`test/integration/resources.test.ts\`: a container was created with the
property and the kernel's file read; on systemd the property of the unit as well. A dash: this kind of
cgroups has nothing like it. In brackets: why the machine of the tests could not tell. \`v1\` is the machine
the tests run on, the others are the virtual machines of \`test/vm\`.
`;

/** Stands in front of what a run found. */
const MARK = 'verified: ';

export const printCell = (kind: Kind, property: string, cell: string): string =>
  `${MARK}${JSON.stringify([kind, property, cell])}`;

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

/** The text of the table that the printed lines make together; properties in the order they came. */
export function tableOf(output: string): string {
  const table: Table = new Map();
  for (const line of output.split('\n')) {
    const at = line.indexOf(MARK);
    if (at < 0) continue;
    const [kind, property, cell] = JSON.parse(line.slice(at + MARK.length)) as [
      Kind,
      string,
      string,
    ];
    table.set(property, (table.get(property) ?? new Map<Kind, string>()).set(kind, cell));
  }
  const rows = [
    ['property', ...KINDS],
    ...[...table].map(([property, row]) => [
      `\`${property}\``,
      ...KINDS.map((each) => row.get(each) ?? ''),
    ]),
  ];
  const columns = ['property', ...KINDS].map((_, i) =>
    Math.max(...rows.map((row) => row[i]?.length ?? 0)),
  );
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, i) => cell.padEnd(columns[i] ?? 0)).join(' | ')} |`;
  const [heading = [], ...body] = rows;
  const rule = `| ${columns.map((width) => '-'.repeat(width)).join(' | ')} |`;
  return [INTRODUCTION, line(heading), rule, ...body.map(line), ''].join('\n');
}
