/** Findings as text, with the line and a caret, and as JSON. */
import { formatConfigPath } from '../spec/configPath.ts';
import { formatJson } from '../spec/formatJson.ts';
import type { Finding } from './finding.ts';

/** A paragraph each, then how many there are; ends with a newline. */
export function formatFindings(file: string, text: string, findings: readonly Finding[]): string {
  const lines = text.split('\n');
  const paragraphs = findings.map((finding) => `${formatFinding(file, lines, finding)}\n\n`);
  return `${paragraphs.join('')}${file}: ${countOf(findings)}\n`;
}

function countOf(findings: readonly Finding[]): string {
  const errors = findings.filter(({ severity }) => severity === 'error').length;
  const count = (number: number, word: string) => `${number} ${word}${number === 1 ? '' : 's'}`;
  return `${count(errors, 'error')}, ${count(findings.length - errors, 'warning')}`;
}

function formatFinding(file: string, lines: readonly string[], finding: Finding): string {
  const { severity, kind, position } = finding;
  const place = position === undefined ? file : `${file}:${position.line}:${position.column}`;
  const head = `${place}: ${severity}: ${formatMessage(finding)} [${kind}]`;
  if (position === undefined) return head;
  const line = lines[position.line - 1] ?? '';
  const number = String(position.line).padStart(5);
  const caret = '^'.repeat(widthAt(line, position.column));
  // A tab stays one, so that the caret stands below.
  const before = line.slice(0, position.column - 1).replaceAll(/[^\t]/g, ' ');
  return [head, `${number} | ${line}`, `${' '.repeat(number.length)} | ${before}${caret}`].join(
    '\n',
  );
}

/** `mounts[3].destination: must be an absolute path (got "data"); did you mean "/data"?`. */
export function formatMessage({ path, message, got, expected, suggestion }: Finding): string {
  const known = [
    got === undefined ? '' : `got ${got}`,
    expected === undefined ? '' : `expected ${expected}`,
  ].filter((part) => part !== '');
  const property = path === '' ? '' : `${formatConfigPath(path)}: `;
  return [
    `${property}${message}`,
    known.length === 0 ? '' : ` (${known.join(', ')})`,
    suggestion === undefined ? '' : `; did you mean ${suggestion}?`,
  ].join('');
}

/** How long the value at a column (from 1) is: a string, number or word; 1 for a list or an object. */
export const widthAt = (line: string, column: number): number =>
  /^("(?:[^"\\]|\\.)*"?|[\w.+-]+)/.exec(line.slice(column - 1))?.[0].length ?? 1;

/** `{"file","errors","warnings","findings":[…]}`, ends with a newline. */
export function formatFindingsJson(
  file: string,
  _text: string,
  findings: readonly Finding[],
): string {
  const errors = findings.filter(({ severity }) => severity === 'error').length;
  const plain = findings.map(
    ({ severity, kind, path, message, got, expected, suggestion, position }) => ({
      severity,
      kind,
      property: path,
      message,
      got,
      expected,
      suggestion,
      line: position?.line,
      column: position?.column,
    }),
  );
  const document = { file, errors, warnings: findings.length - errors, findings: plain };
  return `${formatJson(document, '  ')}\n`;
}
