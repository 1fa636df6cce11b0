/**
 * Bundles src/ for Node into dist/tsrun.mjs, and ./tsrun that leads there. The kernel starts it by its
 * first line, which names this very Node: neither a shell nor PATH is needed.
 */
import {
  chmodSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundleForNode } from './bundleForNode.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const dist = join(root, 'dist');
const bundle = join(dist, 'tsrun.mjs');

/** binfmt_script takes the first 256 bytes of a file, newline included. */
const LONGEST_FIRST_LINE = 255;

const firstLine = `#!${process.execPath}`;
if (Buffer.byteLength(firstLine) > LONGEST_FIRST_LINE) {
  throw new Error(`the path of Node is too long for a first line: ${process.execPath}`);
}

// Chunks are named by their content: those of earlier builds would stay.
mkdirSync(dist, { recursive: true });
for (const name of readdirSync(dist).filter((file) => file.endsWith('.mjs'))) {
  rmSync(join(dist, name));
}

await bundleForNode(root, { tsrun: 'src/node.ts' }, 'dist');
writeFileSync(bundle, `${firstLine}\n${readFileSync(bundle, 'utf8')}`);
chmodSync(bundle, 0o755);
rmSync(join(root, 'tsrun'), { force: true });
symlinkSync('dist/tsrun.mjs', join(root, 'tsrun'));
