/**
 * `npm run test:defences [WORD…]`: for each row of defences.ts (whose attack or CVEs hold one of the words) makes a
 * copy of the project without the defence, builds it on Node, and sees that the test named fails there, for a test
 * that passes without the defence proves nothing. First all of these tests pass on a copy with every defence.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { DEFENCES, type Defence, type Removal } from './defences.ts';

const TOP = resolve(import.meta.dirname, '../..');
const RUNTIME = 'dist/tsrun.mjs';

const words = process.argv.slice(2);
const chosen = DEFENCES.filter(
  ({ cves, attack }) =>
    words.length === 0 || words.some((word) => [...cves, attack].join(' ').includes(word)),
);

const copy = mkdtempSync(join(tmpdir(), 'tsrun-defences-'));
try {
  process.exitCode = tryAll() ? 0 : 1;
} finally {
  rmSync(copy, { recursive: true, force: true });
}

function tryAll(): boolean {
  const files = spawnSync('git', ['ls-files', '-z'], { cwd: TOP, encoding: 'utf8' }).stdout;
  for (const file of files.split('\0').filter(Boolean)) cpSync(join(TOP, file), join(copy, file));
  symlinkSync(join(TOP, 'node_modules'), join(copy, 'node_modules'));
  run('npm', ['run', '-s', 'generate']);
  build();
  const missed: string[] = [];
  for (const defence of chosen) {
    const { passed, failed } = outcome(defence);
    if (failed > 0 || passed === 0) missed.push(`fails with the defence: ${label(defence)}`);
  }
  for (const defence of missed.length > 0 ? [] : chosen) {
    const restore = take(defence.removals);
    build();
    const started = Date.now();
    const hasFailed = outcome(defence).failed > 0;
    restore();
    const seconds = ((Date.now() - started) / 1000).toFixed(1);
    console.log(`${hasFailed ? 'fails' : 'PASSES'} without it (${seconds} s): ${label(defence)}`);
    if (!hasFailed) missed.push(`passes without the defence: ${label(defence)}`);
  }
  for (const line of missed) console.error(line);
  console.log(`${chosen.length - missed.length} of ${chosen.length} attacks fail their test`);
  return missed.length === 0;
}

function label({ cves, attack, test, title }: Defence): string {
  return `${[...cves, attack].join(', ')} [${test}: ${title}]`;
}

function run(command: string, args: readonly string[]): void {
  const { status, stdout, stderr } = spawnSync(command, args, { cwd: copy, encoding: 'utf8' });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${stdout}${stderr}`);
}

/** What a removal leaves unused is no error here. */
function build(): void {
  run('make', ['-s', '-C', 'native', 'WARNINGS=']);
  run('node', ['native/bundle.mjs']);
}

function take(removals: readonly Removal[]): () => void {
  const before = new Map<string, string>();
  for (const { file, from, to } of removals) {
    const text = readFileSync(join(copy, file), 'utf8');
    if (text.split(from).length !== 2) throw new Error(`${file} has not once: ${from}`);
    if (!before.has(file)) before.set(file, text);
    writeFileSync(
      join(copy, file),
      text.replace(from, () => to),
    );
  }
  return () => before.forEach((text, file) => void writeFileSync(join(copy, file), text));
}

/** Of the tests that a defence names. */
interface Outcome {
  readonly passed: number;
  readonly failed: number;
}

function outcome({ test, title }: Defence): Outcome {
  const report = join(copy, 'dist/report.json');
  rmSync(report, { force: true });
  const pattern = title.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');
  const args = ['--reporter=json', `--outputFile.json=${report}`];
  spawnSync(
    'npm',
    ['run', 'test:integration', '--', ...args, '-t', pattern, `test/integration/${test}`],
    {
      cwd: copy,
      env: { ...process.env, TSRUN_RUNTIME: join(copy, RUNTIME) },
      timeout: 300_000,
    },
  );
  const { numPassedTests, numFailedTests } = JSON.parse(readFileSync(report, 'utf8')) as {
    readonly numPassedTests: number;
    readonly numFailedTests: number;
  };
  return { passed: numPassedTests, failed: numFailedTests };
}
