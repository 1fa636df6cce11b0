/** The results for people: a table of text, one of markdown, the files README.md shows. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { digits } from './digits.ts';
import { FLOOR, type Result } from './measure.ts';
import { plot } from './plot.ts';
import { ratio, type Summary, summarize } from './statistics.ts';
import type { Subject } from './subject.ts';

export const OURS = 'tsrun';
const HERE = import.meta.dirname;
const README = resolve(HERE, '../../README.md');
const START = '<!-- bench -->';
const END = '<!-- /bench -->';
/** Fewer rounds have no quartiles worth printing. */
const ENOUGH = 4;

const withSpread = ({ median, low, high, count }: Summary): string =>
  count < ENOUGH || low === high
    ? digits(median)
    : `${digits(median)} (${digits(low)}–${digits(high)})`;

export type Detail = 'medians' | 'spread';

/**
 * Measurements in rows; a column a subject, then how tsrun compares to each of the others, always with the
 * quartiles. What is missing is a dash with the number of its note.
 */
export function rows(results: readonly Result[], detail: Detail): string[][] {
  const names = [...new Set(results.flatMap(({ samples }) => [...samples.keys()]))];
  const missing = [...new Set(results.flatMap(({ reasons }) => [...reasons.keys()]))];
  const all = [...names, ...missing.filter((name) => !names.includes(name))];
  const columns = [
    ...all.filter((name) => name !== FLOOR),
    ...all.filter((name) => name === FLOOR),
  ];
  const others = names.includes(OURS)
    ? columns.filter((name) => names.includes(name) && name !== OURS)
    : [];
  const numbers = noteNumbers(results);
  const head = ['', ...columns, ...others.map((name) => `${OURS} : ${name}`)];
  const body = results.map(({ name, unit, samples, reasons }) => [
    `${name} (${unit})`,
    ...columns.map((subject) => {
      const list = samples.get(subject);
      const number = numbers.get(noteText(subject, reasons.get(subject)));
      if (list === undefined) return number === undefined ? '–' : `— [${number}]`;
      const summary = summarize(list);
      return detail === 'medians' ? digits(summary.median) : withSpread(summary);
    }),
    ...others.map((subject) => comparison(samples.get(OURS), samples.get(subject))),
  ]);
  return [head, ...body];
}

const noteText = (subject: string, reason: string | undefined): string => `${subject}: ${reason}`;

/** Every reason for which something was not measured, once, with the number it goes by. */
function noteNumbers(results: readonly Result[]): ReadonlyMap<string, number> {
  const texts = results.flatMap(({ reasons }) =>
    [...reasons].map(([subject, reason]) => noteText(subject, reason)),
  );
  return new Map([...new Set(texts)].map((text, index) => [text, index + 1]));
}

/** A line for each dash with a number; each ends with a newline. */
export const notes = (results: readonly Result[]): string =>
  [...noteNumbers(results)].map(([text, number]) => `[${number}] ${text}\n`).join('');

function comparison(
  ours: readonly number[] | undefined,
  theirs: readonly number[] | undefined,
): string {
  return ours === undefined || theirs === undefined ? '–' : withSpread(ratio(ours, theirs));
}

export function plainText(results: readonly Result[]): string {
  const table = rows(results, 'spread');
  const widths = (table[0] ?? []).map((_, column) =>
    Math.max(...table.map((row) => (row[column] ?? '').length)),
  );
  return table
    .map((row) =>
      row
        .map((cell, column) =>
          column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0),
        )
        .join('  '),
    )
    .join('\n');
}

export function markdown(results: readonly Result[], detail: Detail = 'spread'): string {
  const [head = [], ...body] = rows(results, detail);
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  const rule = head.map((_, column) => (column === 0 ? '---' : '--:'));
  return [line(head), line(rule), ...body.map(line)].join('\n');
}

/** Every sample as JSON, for whoever wants to look closer. */
export function writeSamples(path: string, results: readonly Result[], machine: string): void {
  const measurements = results.map(({ name, unit, samples, reasons }) => ({
    name,
    unit,
    samples: Object.fromEntries(samples),
    reasons: Object.fromEntries(reasons),
  }));
  writeFileSync(path, `${JSON.stringify({ machine, measurements }, null, 1)}\n`);
}

/** results.md and results.svg beside this file, and the table between the marks of README.md. */
export function writeResults(
  results: readonly Result[],
  subjects: readonly Subject[],
  machine: string,
): void {
  const readme = readFileSync(README, 'utf8');
  const start = readme.indexOf(START);
  const end = readme.indexOf(END);
  if (start < 0 || end < start) throw new Error(`${README} has no ${START} … ${END}`);

  const { where, text } = texts(results, subjects, machine);
  writeFileSync(join(HERE, 'results.svg'), plot(results, where));
  writeFileSync(
    join(HERE, 'results.md'),
    `# Measurements\n\n![](results.svg)\n\n${text('spread')}\n`,
  );
  const block = `${START}\n\n![](test/bench/results.svg)\n\n${text('medians')}\n\n`;
  writeFileSync(README, readme.slice(0, start) + block + readme.slice(end));
}

/** results-v2.md beside this file. */
export function writeUnified(
  results: readonly Result[],
  subjects: readonly Subject[],
  machine: string,
): void {
  const { text } = texts(results, subjects, machine);
  writeFileSync(join(HERE, 'results-v2.md'), `# Measurements on cgroup v2\n\n${text('spread')}\n`);
}

function texts(results: readonly Result[], subjects: readonly Subject[], machine: string) {
  const versions = subjects.map(({ name, version }) => `${name} ${version}`).join(', ');
  const where = `${machine}. ${versions}.`;
  const text = (detail: Detail): string =>
    [EXPLANATION[detail], where, markdown(results, detail), notes(results)]
      .filter((part) => part !== '')
      .join('\n\n')
      .trimEnd();
  return { where, text };
}

const FLOOR_EXPLANATION =
  "`floor` is `test/bench/floor.c`, the kernel's own part: the same namespaces, cgroups, mounts, pivot and exec. Every runtime keeps its state on a tmpfs, as /run is. With containers that exist each runtime is measured by itself, for they are its own; the floor beside tsrun.";

const EXPLANATION: Readonly<Record<Detail, string>> = {
  spread: `Medians, in brackets the quartiles; a ratio is taken in each round. ${FLOOR_EXPLANATION}`,
  medians: `Medians; behind a ratio, which is taken in each round, its quartiles. ${FLOOR_EXPLANATION}`,
};
