/** The results for people: a table of text, one of markdown, the files README.md shows. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { plot } from './plot.ts';
import { ratio, summarize } from './statistics.ts';
import type { Subject } from './subject.ts';

export interface Result {
  readonly name: string;
  readonly unit: 'ms' | 'KiB';
  /** By subject; round by round, so that equal places belong together. */
  readonly samples: ReadonlyMap<string, readonly number[]>;
  /** Why a subject has no samples. */
  readonly reasons: ReadonlyMap<string, string>;
}

const OURS = 'tsrun';
const HERE = import.meta.dirname;
const README = resolve(HERE, '../../README.md');
const START = '<!-- bench -->';
const END = '<!-- /bench -->';

/** Measurements in rows; a column a subject, then how tsrun compares to each of the others. */
export function rows(results: readonly Result[]): string[][] {
  const names = [...new Set(results.flatMap(({ samples }) => [...samples.keys()]))];
  const others = names.includes(OURS) ? names.filter((name) => name !== OURS) : [];
  const head = ['', ...names, ...others.map((name) => `${OURS} : ${name}`)];
  const body = results.map(({ name, unit, samples }) => [
    `${name} (${unit})`,
    ...names.map((subject) => figure(samples.get(subject))),
    ...others.map((subject) => comparison(samples.get(OURS), samples.get(subject))),
  ]);
  return [head, ...body];
}

function figure(samples: readonly number[] | undefined): string {
  if (samples === undefined) return '–';
  const { median } = summarize(samples);
  return median >= 100 ? median.toFixed(0) : median.toFixed(2);
}

function comparison(
  ours: readonly number[] | undefined,
  theirs: readonly number[] | undefined,
): string {
  if (ours === undefined || theirs === undefined) return '–';
  const { median, low, high, count } = ratio(ours, theirs);
  return count < 4
    ? median.toFixed(2)
    : `${median.toFixed(2)} (${low.toFixed(2)}–${high.toFixed(2)})`;
}

export function plainText(results: readonly Result[]): string {
  const table = rows(results);
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

export function markdown(results: readonly Result[]): string {
  const [head = [], ...body] = rows(results);
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  const rule = head.map((_, column) => (column === 0 ? '---' : '--:'));
  return [line(head), line(rule), ...body.map(line)].join('\n');
}

/** results.md and results.svg beside this file, and the table between the marks of README.md. */
export function writeResults(
  results: readonly Result[],
  subjects: readonly Subject[],
  machine: string,
): void {
  const versions = subjects.map(({ name, version }) => `${name} ${version}`).join(', ');
  const text = [
    `Medians; behind a ratio the quartiles of its rounds. \`floor\` is test/bench/floor.c: the kernel's work alone.`,
    `${machine}. ${versions}.`,
    markdown(results),
  ].join('\n\n');
  writeFileSync(join(HERE, 'results.md'), `# Measurements\n\n![](results.svg)\n\n${text}\n`);
  writeFileSync(join(HERE, 'results.svg'), plot(results, machine));

  const readme = readFileSync(README, 'utf8');
  const start = readme.indexOf(START);
  const end = readme.indexOf(END);
  if (start < 0 || end < start) return;
  const block = `${START}\n\n![](test/bench/results.svg)\n\n${text}\n\n`;
  writeFileSync(README, readme.slice(0, start) + block + readme.slice(end));
}
