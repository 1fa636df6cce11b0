/**
 * npm's prepack: dist/npm/ with the program and the library for Node, their types, and what is native. The
 * first line of dist/tsrun.mjs names this machine's Node; what is published asks for whichever there is.
 */
import { execFileSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { bundleForNode } from '../bundleForNode.mjs';

const TOP = resolve(import.meta.dirname, '../..');
const OUTPUT = join(TOP, 'dist/npm');

rmSync(OUTPUT, { recursive: true, force: true });
mkdirSync(OUTPUT, { recursive: true });
await bundleForNode(TOP, { tsrun: 'src/node.ts', library: 'src/library.ts' }, 'dist/npm');
const program = join(OUTPUT, 'tsrun.mjs');
writeFileSync(program, `#!/usr/bin/env node\n${readFileSync(program, 'utf8')}`);
chmodSync(program, 0o755);
for (const native of ['tsrun-init', 'tsrun-signals.so']) {
  copyFileSync(join(TOP, 'dist', native), join(OUTPUT, native));
}
execFileSync('npx', ['tsc', '-p', 'native/packaging/tsconfig.json'], {
  cwd: TOP,
  stdio: 'inherit',
});
