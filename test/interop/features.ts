/**
 * A table of features: each row is a test on every runtime, and what the rows show together is the
 * engine's section in table.md, which a run compares, or writes with TSRUN_INTEROP_WRITE=1.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { TOP } from './sandbox.ts';

export const RUNTIMES = ['runc', 'tsrun'] as const;
export type Runtime = (typeof RUNTIMES)[number];

/** Absolute paths, as engines are given them. */
export const runtimePath = (runtime: Runtime): string =>
  runtime === 'tsrun'
    ? (process.env['TSRUN_RUNTIME'] ?? join(TOP, 'tsrun'))
    : spawnSync('sh', ['-c', 'command -v runc'], { encoding: 'utf8' }).stdout.trim();

export interface Feature<Engine> {
  readonly name: string;
  /** Throws, by `expect`, when the engine does not have the feature on this runtime. */
  readonly check: (engine: Engine, runtime: Runtime) => void | Promise<void>;
  /** What it does instead, where `check` asserts a difference: the words of the table. */
  readonly differs?: Readonly<Partial<Record<Runtime, string>>>;
}

/** Defines the tests of one engine. `open` gives the engine as it calls one runtime. */
export function testFeatures<Engine>(
  title: string,
  features: readonly Feature<Engine>[],
  open: (runtime: Runtime) => Engine,
): void {
  const shown = new Map<string, string>();
  describe.each(RUNTIMES)(`${title} with %s`, (runtime) => {
    it.each(features)('$name', async ({ name, check, differs }) => {
      await check(open(runtime), runtime);
      shown.set(`${name} ${runtime}`, differs?.[runtime] ?? 'yes');
    });
  });
  describe(`${title} in table.md`, () => {
    afterAll(() => {
      const rows = features.map(({ name }) => [
        name,
        ...RUNTIMES.map((runtime) => shown.get(`${name} ${runtime}`) ?? 'FAILED'),
      ]);
      compareSection(title, rows);
    });
    it('is what was seen', () => {
      expect(features.length).toBe(new Set(features.map(({ name }) => name)).size);
    });
  });
}

const TABLE = join(import.meta.dirname, 'table.md');

function compareSection(title: string, rows: readonly (readonly string[])[]): void {
  const section = formatSection(title, rows);
  const text = readFileSync(TABLE, 'utf8');
  const pattern = new RegExp(`## ${title}\\n\\n(\\|.*\\n)+`);
  if (process.env['TSRUN_INTEROP_WRITE'] === undefined) {
    expect(pattern.exec(text)?.[0], 'table.md (TSRUN_INTEROP_WRITE=1 writes it)').toBe(section);
    return;
  }
  const changed = pattern.test(text) ? text.replace(pattern, section) : `${text}\n${section}`;
  writeFileSync(TABLE, changed);
}

function formatSection(title: string, rows: readonly (readonly string[])[]): string {
  const all = [['feature', ...RUNTIMES], ...rows];
  const widths = ['feature', ...RUNTIMES].map((_, column) =>
    Math.max(...all.map((row) => row[column]?.length ?? 0)),
  );
  const line = (row: readonly string[]) =>
    `| ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |\n`;
  const [heading = [], ...body] = all;
  const rule = line(widths.map((width) => '-'.repeat(width)));
  return `## ${title}\n\n${line(heading)}${rule}${body.map(line).join('')}`;
}
