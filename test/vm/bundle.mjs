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
const target = join(here, '../../dist/vm');

rmSync(target, { recursive: true, force: true });
mkdirSync(target, { recursive: true });
const compiled = spawnSync('cc', ['-O1', '-o', join(target, 'refuse'), join(here, 'refuse.c')], {
  stdio: 'inherit',
});
if (compiled.status !== 0) process.exit(1);
await build({
  entryPoints: [
    join(here, 'suite.ts'),
    join(here, 'cgroup2.test.ts'),
    join(here, 'engines.test.ts'),
    join(here, 'physical.test.ts'),
    join(here, 'criu.test.ts'),
    ...readdirSync(tests)
      .filter((name) => name.endsWith('.test.ts'))
      .map((name) => join(tests, name)),
  ],
  entryNames: '[name]',
  outdir: target,
  outExtension: { '.js': '.mjs' },
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  minifyWhitespace: false,
  logLevel: 'warning',
  alias: { vitest: join(here, 'vitest.ts') },
});
