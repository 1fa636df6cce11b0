/**
 * `corpus.ts DIRECTORY`: plans as the encoder writes them, a file each, for the decoder to be fuzzed from:
 * those of the sample bundles and of real configs, and of what mutating these gave.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { configCase } from './cases.ts';
import { formatFailure, fuzz, KINDS } from './fuzz.ts';
import { realConfigs } from './mutate.ts';

const [directory = ''] = process.argv.slice(2);
const SEED = 1;
const MUTATED = 400;

mkdirSync(directory, { recursive: true });
let count = 0;
const write = (frame: Uint8Array) =>
  writeFileSync(join(directory, `${String(count++).padStart(5, '0')}.plan`), frame);
for (const text of realConfigs()) configCase(text).frames.forEach(write);
const real = count;
for (const [name, kind] of KINDS) {
  const { failures } = fuzz(kind, SEED, 0, MUTATED, write);
  for (const failure of failures) throw new Error(formatFailure(name, failure));
}
console.log(`corpus: ${real} plans of real configs, ${count - real} of mutated ones`);
