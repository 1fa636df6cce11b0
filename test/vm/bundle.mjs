/**
 * Bundles the integration tests for the virtual machine, where starting vitest takes minutes. The bundles
 * lie two directories deep, as the tests do, because the tests find the project from where they are. What they
 * need compiled is compiled here too.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';

const here = import.meta.dirname;
const tests = join(here, '../integration');
const engines = join(here, '../interop');
const target = join(here, '../../dist/vm');

const REQUIRE =
  "import { createRequire as requireOf } from 'node:module'; const require = requireOf(import.meta.url);";

function testsIn(directory, prefix) {
  return readdirSync(directory)
    .filter((name) => name.endsWith('.test.ts'))
    .map((name) => ({ in: join(directory, name), out: prefix + name.replace(/\.ts$/, '') }));
}

rmSync(target, { recursive: true, force: true });
mkdirSync(target, { recursive: true });
const compile = (...args) => {
  if (spawnSync('cc', ['-O1', ...args], { stdio: 'inherit' }).status !== 0) process.exit(1);
};
compile('-o', join(target, 'refuse'), join(here, 'refuse.c'));
// For containers, which have no library.
compile('-static', '-o', join(target, 'say'), join(tests, 'notify/say.c'));
await build({
  entryPoints: [
    { in: join(here, 'suite.ts'), out: 'suite' },
    ...testsIn(here, ''),
    ...testsIn(tests, ''),
    // Some are named as those of the integration are.
    ...testsIn(engines, 'interop-'),
  ],
  outdir: target,
  outExtension: { '.js': '.mjs' },
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  minifyWhitespace: false,
  logLevel: 'warning',
  // Packages of theirs are CommonJS, and require what Node has.
  banner: { js: REQUIRE },
  alias: { vitest: join(here, 'vitest.ts') },
});
