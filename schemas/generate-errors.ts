/** From errors.json: the type of error codes, their table, and the tables of the documentation. */
import { readFileSync, writeFileSync } from 'node:fs';

interface ErrorTable {
  readonly codes: readonly { readonly code: string; readonly when: string }[];
  readonly exitStatuses: readonly { readonly status: string; readonly when: string }[];
}

const HEADER = 'Generated from schemas/errors.json by schemas/generate.ts. Do not edit.';

/** Where the tables of the documentation stand: between two comments. */
export const DOCUMENT = 'src/explain/README.md';

export function generateErrors(root: string): void {
  const table: ErrorTable = JSON.parse(readFileSync(`${root}/schemas/errors.json`, 'utf8'));
  const { codes } = table;
  const lines = [
    `/** ${HEADER} */`,
    `export type ErrorCode =\n${codes.map(({ code }) => `  | '${code}'`).join('\n')};`,
    '/** What each code of the JSON log means. */',
    `export const ERROR_CODES: { readonly [K in ErrorCode]: string } = {`,
    ...codes.map(({ code, when }) => `  '${code}': ${JSON.stringify(when)},`),
    '};',
  ];
  writeFileSync(`${root}/src/generated/errorCodes.ts`, `${lines.join('\n')}\n`);
  const document = `${root}/${DOCUMENT}`;
  const text = readFileSync(document, 'utf8');
  const current = withTables(text, table);
  if (current !== text) writeFileSync(document, current);
}

/** The document with its two tables as they are now. */
export function withTables(text: string, { codes, exitStatuses }: ErrorTable): string {
  const codeTable = [
    '| code | when |',
    '| --- | --- |',
    ...codes.map(({ code, when }) => `| \`${code}\` | ${when} |`),
  ];
  const statusTable = [
    '| exit status | when |',
    '| --- | --- |',
    ...exitStatuses.map(({ status, when }) => `| ${status} | ${when} |`),
  ];
  return between(between(text, 'codes', codeTable), 'exit statuses', statusTable);
}

function between(text: string, name: string, lines: readonly string[]): string {
  const [begin, end] = [`<!-- ${name} -->\n`, `<!-- end of ${name} -->`];
  const [from, to] = [text.indexOf(begin), text.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`${DOCUMENT} has no place for ${name}`);
  return `${text.slice(0, from + begin.length)}${lines.join('\n')}\n${text.slice(to)}`;
}
