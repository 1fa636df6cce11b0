/**
 * `npm run conformance [-- PROGRAM…]`: the validation programs of opencontainers/runtime-tools against
 * tsrun and against runc, side by side. Several of them are outdated, so the measure is runc: what runc
 * passes tsrun passes too, but for what expected-failures.json names with its reason. Fails otherwise, and
 * when an expected failure has become a pass.
 */
import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { type Programs, preparePrograms } from './prepare.ts';
import { parseTap, type Verdict } from './tap.ts';

const TOP = resolve(import.meta.dirname, '../..');
const PROGRAM_TIMEOUT_MS = 90_000;

const known = JSON.parse(
  readFileSync(join(import.meta.dirname, 'expected-failures.json'), 'utf8'),
) as {
  /** What runc passes and tsrun does not, and why. */
  readonly expected: Readonly<Record<string, string>>;
  /** Programs that race with what they start, on any runtime, and why: they are given time. */
  readonly races: Readonly<Record<string, string>>;
};

interface Runtime {
  readonly name: string;
  readonly path: string;
}

const runtimes: readonly Runtime[] = [
  { name: 'tsrun', path: process.env['TSRUN_RUNTIME'] ?? join(TOP, 'tsrun') },
  { name: 'runc', path: 'runc' },
];

/** One program against one runtime, with state and temporary files of their own. */
function validate(programs: Programs, program: string, runtime: Runtime, work: string): Verdict {
  const directory = mkdtempSync(join(work, `${program}-`));
  const state = join(directory, 'state');
  const wrapper = join(directory, runtime.name);
  mkdirSync(state);
  mkdirSync(join(directory, 'tmp'));
  const isRace = program in known.races;
  const pause = isRace ? 'case $1 in kill) sleep 0.5 ;; esac\n' : '';
  writeFileSync(wrapper, `#!/bin/sh\n${pause}exec "${runtime.path}" --root "${state}" "$@"\n`, {
    mode: 0o755,
  });
  // linux_ns_itype has containers without a mount namespace, for which runc mounts on the host and leaves
  // it there: in a mount namespace around the program that ends with it.
  const around = ['--mount', '--propagation', 'private'];
  const done = spawnSync('unshare', [...around, join(programs.directory, 'programs', program)], {
    cwd: isRace ? withLongTrue(programs.directory, join(directory, 'cwd')) : programs.directory,
    encoding: 'utf8',
    env: { ...process.env, RUNTIME: wrapper, TMPDIR: join(directory, 'tmp') },
    timeout: PROGRAM_TIMEOUT_MS,
    killSignal: 'SIGKILL',
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  writeFileSync(join(work, `${program}.${runtime.name}.tap`), `${done.stdout}${done.stderr}`);
  for (const id of existsSync(state) ? readdirSync(state) : []) {
    spawnSync(wrapper, ['delete', '--force', id]);
  }
  rmSync(directory, { recursive: true, force: true });
  return parseTap(done.stdout, done.error === undefined ? done.status : null);
}

/**
 * What programs that race are started in: the same archives, but that their `true` takes three seconds. With
 * that and a pause before `kill` it is no matter of luck that a container still runs when it is killed, or
 * has its handler by then.
 */
function withLongTrue(programs: string, directory: string): string {
  const tree = join(directory, 'tree');
  mkdirSync(directory);
  for (const archive of readdirSync(programs).filter((name) => name.endsWith('.tar.gz'))) {
    mkdirSync(tree);
    spawnSync('tar', ['-xzf', join(programs, archive), '-C', tree]);
    rmSync(join(tree, 'bin/true'));
    writeFileSync(join(tree, 'bin/true'), '#!/bin/sh\nexec sleep 3\n', { mode: 0o755 });
    spawnSync('tar', ['-czf', join(directory, archive), '-C', tree, '.']);
    rmSync(tree, { recursive: true });
  }
  return directory;
}

/** The programs' own cgroups: no runtime removes what stands above the container's. */
function removeCgroups(): void {
  const named = ['-name', 'testdir', '-o', '-name', 'cgrouptest'];
  const args = ['/sys/fs/cgroup', '-depth', '-type', 'd', '(', ...named, ')'];
  const found = spawnSync('find', args, { encoding: 'utf8' }).stdout.split('\n');
  for (const path of found) if (path !== '') spawnSync('rmdir', [path]);
}

/** The words behind a program's line; `wrong` when the command must fail for it. */
function judge(program: string, tsrun: Verdict, runc: Verdict): { note: string; wrong: boolean } {
  const reason = known.expected[program];
  const failures = tsrun.failures.slice(0, 2).join('; ');
  if (tsrun.passed && reason !== undefined) {
    return { note: 'passes: take it out of expected-failures.json', wrong: true };
  }
  if (tsrun.passed || !runc.passed) return { note: failures, wrong: false };
  if (reason !== undefined) return { note: `expected: ${reason}`, wrong: false };
  return { note: failures, wrong: true };
}

function main(): void {
  const programs = preparePrograms();
  const work = mkdtempSync(join(tmpdir(), 'tsrun-conformance-'));
  const chosen = process.argv.slice(2);
  const names = chosen.length > 0 ? chosen : programs.names;
  const passed = new Map(runtimes.map((runtime) => [runtime.name, 0]));
  let isWrong = false;
  console.log(`${'program'.padEnd(34)} ${runtimes.map(({ name }) => name.padEnd(9)).join(' ')}`);
  for (const program of names) {
    const verdicts = runtimes.map((runtime) => {
      const verdict = validate(programs, program, runtime, work);
      if (verdict.passed) passed.set(runtime.name, (passed.get(runtime.name) ?? 0) + 1);
      return verdict;
    });
    const [tsrun, runc] = verdicts;
    if (tsrun === undefined || runc === undefined) throw new Error('two runtimes are compared');
    const { note, wrong } = judge(program, tsrun, runc);
    isWrong ||= wrong;
    const words = verdicts.map((one) => (one.passed ? `ok ${one.tests}` : 'not ok').padEnd(9));
    console.log(
      `${program.padEnd(34)} ${words.join(' ')} ${wrong ? 'WRONG ' : ''}${note}`.trimEnd(),
    );
  }
  removeCgroups();
  const counts = [...passed].map(([name, count]) => `${name} passes ${count}`);
  console.log(`\nof ${names.length} programs ${counts.join(', ')}; their output is in ${work}`);
  if (!isWrong && chosen.length === 0) rmSync(work, { recursive: true, force: true });
  process.exitCode = isWrong ? 1 : 0;
}

main();
