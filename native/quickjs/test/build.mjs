/**
 * Builds and runs the C tests of the native host's shim with AddressSanitizer and UBSan, linked to a QuickJS
 * that the address sanitizer watches too. Without QuickJS there is no native host and nothing to test; with
 * CI set that fails.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { findQuickjs } from '../fetch.mjs';
import { compiled } from '../library.mjs';
import { WARNINGS } from '../warnings.mjs';

const here = import.meta.dirname;
const shim = join(here, '..');
const executorTests = join(here, '../../test');
const output = join(here, '../../../dist/native-test');

/** Unoptimized: it is compiled once and runs for a second. */
const ENGINE = '-O0 -g -fwrapv -funsigned-char -fsanitize=address'.split(' ');
const SANITIZED =
  '-O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all'.split(
    ' ',
  );
const TESTS = ['ffi_test', 'host_test', 'utf8_test', 'heap_test', 'watch_test', 'script', 'suites'];
const SHIM = [
  'ffi',
  'files',
  'host',
  'encode',
  'layout',
  'output',
  'import',
  'utf8',
  'heap',
  'watch',
];

/** A QuickJS with its source, or the system's archive without the sanitizer. */
function engine() {
  try {
    const found = findQuickjs();
    if ('library' in found) return found;
    return { include: found.source, library: compiled(found.source, 'gcc', ENGINE) };
  } catch (error) {
    console.error(`No QuickJS, so no native host to test: ${error.message}`);
    process.exit(process.env.CI ? 1 : 0);
  }
}

const { include, library } = engine();
const program = join(output, 'shim');
mkdirSync(output, { recursive: true });
execFileSync(
  'gcc',
  [
    ...[...WARNINGS, ...SANITIZED, '-D_GNU_SOURCE', `-isystem${include}`, '-o', program],
    ...SHIM.map((name) => join(shim, `${name}.c`)),
    ...TESTS.map((name) => join(here, `${name}.c`)),
    ...[join(executorTests, 'main.c'), library, '-lm'],
  ],
  { stdio: 'inherit' },
);
process.exitCode = spawnSync(program, { stdio: 'inherit' }).status ?? 1;
