/** What is to be thought of a run of suite.mjs: as of the tests on the host, each skip and failure has a reason. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Run {
  readonly runtime: 'tsrun' | 'runc';
  readonly tests: readonly string[];
}

/** Tests that a machine need not run. */
export interface Skip {
  readonly test: RegExp;
  readonly reason: string;
}

export interface Verdict {
  readonly summary: string;
  /** What must not be. */
  readonly wrong: readonly string[];
}

interface Differences {
  readonly reason: string;
  readonly tests: readonly string[];
}

const RUNC_DIFFERS = JSON.parse(
  readFileSync(join(import.meta.dirname, '../integration/runc-differs.json'), 'utf8'),
) as Readonly<Record<string, Differences>>;

/** `pass   0.3 s  file > describe > title`; suites that fail by themselves have no time. */
const LINE = /^(pass|fail|skip)(?: +[\d.]+ s)? +(.*)$/;

/**
 * `status` is what the suite ended with, NaN when it did not. tsrun may not fail, and skip only what `skips`
 * has a reason for; runc may fail in what runc-differs.json names.
 */
export function judge(
  { runtime }: Run,
  output: string,
  status: number,
  skips: readonly Skip[],
): Verdict {
  const found = { pass: [], fail: [], skip: [] } as Record<string, string[]>;
  for (const line of output.split('\n')) {
    const [, state = '', title = ''] = LINE.exec(line) ?? [];
    // As vitest names a test: without its file.
    found[state]?.push(title.split(' > ').slice(1).join(' ') || title);
  }
  const { pass = [], fail = [], skip = [] } = found;
  const named = new Set(Object.values(RUNC_DIFFERS).flatMap(({ tests }) => tests));
  const failures = runtime === 'runc' ? fail.filter((title) => !named.has(title)) : fail;
  const unneeded =
    runtime === 'runc' ? [] : skip.filter((title) => !skips.some(({ test }) => test.test(title)));
  const differing = fail.length - failures.length;
  return {
    summary: [
      `${runtime}: ${pass.length} passed`,
      `${skip.length} skipped`,
      ...(differing > 0 ? [`${differing} differ as runc-differs.json says`] : []),
    ].join(', '),
    wrong: [
      ...failures.map((title) => `failed: ${title}`),
      ...unneeded.map((title) => `skipped without need: ${title}`),
      ...(pass.length === 0 ? ['nothing passed'] : []),
      ...(Number.isNaN(status) ? ['the suite did not come to its end'] : []),
      // A failure that no line names.
      ...(status > 0 && fail.length === 0 ? [`the suite ended with ${status}`] : []),
    ],
  };
}
