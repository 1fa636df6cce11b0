/**
 * Bundles the integration tests for the virtual machine, where starting vitest takes minutes. The bundles
 * lie two directories deep, as the tests do, because the tests find the project from where they are.
 */
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';

const here = import.meta.dirname;
const tests = join(here, '../integration');
const target = join(here, '../../dist/vm');

rmSync(target, { recursive: true, force: true });
await build({
  entryPoints: [
    join(here, 'suite.ts'),
    join(here, 'cgroup2.test.ts'),
    join(here, 'engines.test.ts'),
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
