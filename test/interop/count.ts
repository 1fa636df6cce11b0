/**
 * Counts the containers that engines start, for the last section of table.md: engines call the runtimes by way
 * of a line of shell that notes the call.
 */
import { spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

type Runtime = 'runc' | 'tsrun';

/** Where the calls are noted; empty when they are not. */
let directory = '';

/** The runtime itself, as an absolute path. */
export const programOf = (runtime: Runtime): string =>
  runtime === 'tsrun'
    ? (process.env['TSRUN_RUNTIME'] ?? resolve(import.meta.dirname, '../../tsrun'))
    : spawnSync('sh', ['-c', 'command -v runc'], { encoding: 'utf8' }).stdout.trim();

/** As engines are given it. */
export const runtimePath = (runtime: Runtime): string =>
  directory === '' ? programOf(runtime) : join(directory, runtime);

/** Before anything is started in a sandbox; what is made for it is in its directory, and goes with that. */
export function countCallsIn(sandbox: string): void {
  const programs = { runc: programOf('runc'), tsrun: programOf('tsrun') };
  directory = join(sandbox, 'calls');
  mkdirSync(directory);
  for (const runtime of ['runc', 'tsrun'] as const) {
    writeFileSync(callsOf(runtime), '');
    chmodSync(callsOf(runtime), 0o666); // ordinary users' calls count too
    noteCalls(runtime, programs[runtime], join(directory, runtime));
  }
}

/** PATH for engines: some look for runc there. */
export const pathForEngines = (): string =>
  directory === '' ? `${process.env['PATH']}` : `${directory}:${process.env['PATH']}`;

/** The runtime at another path, where its calls count too. */
export function copyRuntime(runtime: Runtime, path: string): void {
  const program = directory === '' ? path : `${path}-itself`;
  copyFileSync(programOf(runtime), program);
  if (directory !== '') noteCalls(runtime, program, path);
}

const callsOf = (runtime: Runtime): string => join(directory, `${runtime}.calls`);

function noteCalls(runtime: Runtime, program: string, path: string): void {
  writeFileSync(path, `#!/bin/sh\necho "$*" >>${callsOf(runtime)}\nexec ${program} "$@"\n`);
  chmodSync(path, 0o755);
}

/** How many containers were started by now: calls of start, run and restore. */
export function startedOn(runtime: Runtime): number {
  if (directory === '') return 0;
  const calls = readFileSync(callsOf(runtime), 'utf8').split('\n');
  return calls.filter((call) => /^(start|run|restore)$/.test(verbOf(call))).length;
}

/** The first word that is no global flag, nor a flag's value. */
function verbOf(call: string): string {
  const words = call.split(' ');
  let index = 0;
  for (let word = words[0] ?? ''; word.startsWith('-'); word = words[index] ?? '') {
    index += /^--?(root|log|log-format)$/.test(word) ? 2 : 1;
  }
  return words[index] ?? '';
}

const TABLE = join(resolve(import.meta.dirname, '../..'), 'test/interop/table.md');
const HEADING = `## Containers started

By the engines in one run of the tests, on this machine: calls of start, run and restore. Engines that wait look
again, so a run may have some more or fewer.

`;
const SUM = 'all';

/** How many table.md tells of for an engine, and how many it tells of in all. */
function readStarted(): Map<string, readonly [runc: number, tsrun: number]> {
  const section = readFileSync(TABLE, 'utf8').split(HEADING)[1] ?? '';
  const rows = section.matchAll(/^\| (\S.*?) +\| (\d+) +\| (\d+) +\|$/gm);
  return new Map(
    [...rows].map(([, title = '', runc, tsrun]) => [title, [Number(runc), Number(tsrun)]]),
  );
}

/** By how much a number may differ from the one told. */
const isAbout = (number: number, told: number) => Math.abs(number - told) <= 3 + 0.3 * told;

/** Compares what was started by now with table.md; what does not fit in words, '' when all does. */
export function compareStarted(title: string): string {
  const started = readStarted();
  const told = started.get(title) ?? [0, 0];
  const seen = [startedOn('runc'), startedOn('tsrun')] as const;
  console.log(`${title}: ${seen[0]} containers were started with runc, ${seen[1]} with tsrun`);
  const sum = (at: 0 | 1) =>
    [...started].reduce((all, [name, numbers]) => all + (name === SUM ? 0 : numbers[at]), 0);
  const isSum = started.get(SUM)?.join() === [sum(0), sum(1)].join();
  const fits = isAbout(seen[0], told[0]) && isAbout(seen[1], told[1]) && isSum;
  return fits
    ? ''
    : `containers started: ${seen}; table.md tells of ${told}, ${SUM}: ${started.get(SUM)}`;
}

/** Writes what was started by now into table.md. */
export function writeStarted(title: string): void {
  const started = readStarted();
  started.delete(SUM);
  const seen = [startedOn('runc'), startedOn('tsrun')] as const;
  // Some tests are for another machine.
  if (seen[0] + seen[1] > 0) started.set(title, seen);
  const rows = [...started].sort(([a], [b]) => (a < b ? -1 : 1));
  const sum = (at: 0 | 1) => `${rows.reduce((all, [, numbers]) => all + numbers[at], 0)}`;
  const lines = [
    ['engine', 'runc', 'tsrun'],
    ...rows.map(([name, [a, b]]) => [name, `${a}`, `${b}`]),
  ];
  lines.push([SUM, sum(0), sum(1)]);
  const widths = [0, 1, 2].map((at) => Math.max(...lines.map((line) => line[at]?.length ?? 0)));
  const format = (line: readonly string[]) =>
    `| ${line.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join(' | ')} |\n`;
  const [heading = [], ...body] = lines;
  const rule = format(widths.map((width) => '-'.repeat(width)));
  // It stays the last section, also when a new one was written behind it.
  const [before = '', own = ''] = readFileSync(TABLE, 'utf8').split(HEADING);
  const behind = own.replace(/^(\|.*\n)+/, '').trim();
  const others = behind === '' ? before.trimEnd() : `${before.trimEnd()}\n\n${behind}`;
  const table = `${format(heading)}${rule}${body.map(format).join('')}`;
  writeFileSync(TABLE, `${others}\n\n${HEADING}${table}`);
}
