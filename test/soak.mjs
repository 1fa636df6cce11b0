/**
 * `npm run test:soak [PART…]`: what takes chances, taken often; hours in all. Its short versions are in
 * `npm test`. Ends at the first part that fails, after a line for each that ran.
 */
import { spawnSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const top = join(dirname(fileURLToPath(import.meta.url)), '..');
/** Of documents that are mutated, by kind; a batch is a process, which may hang or crash. */
const DOCUMENTS = { config: 1_000_000, process: 200_000, state: 200_000 };
const BATCH = 20_000;
const BATCH_LIMIT_MS = 600_000;
const DECODER_SECONDS = 600;

const run = (command, args, options = {}) =>
  spawnSync(command, args, {
    cwd: top,
    stdio: 'inherit',
    ...options,
    env: { ...process.env, NO_COLOR: '1', TSRUN_SOAK: '1', ...options.env },
  }).status === 0;

const integration = (file, env) =>
  run('npm', ['run', '--silent', 'test:integration', `test/integration/${file}`], { env });

function fuzz() {
  const seed = process.env.TSRUN_SEED ?? String(Date.now() % 0x7fffffff);
  for (const [kind, count] of Object.entries(DOCUMENTS)) {
    for (let first = 0; first < count; first += BATCH) {
      const args = ['tsx', 'test/fuzz/run.ts', kind, seed, String(first), String(BATCH)];
      if (run('npx', args, { timeout: BATCH_LIMIT_MS })) continue;
      console.log(`test:soak fuzz: failed, crashed or hung: npx ${args.join(' ')}`);
      return false;
    }
  }
  return true;
}

/** What each does, and what came of it: test/integration/soak.md. */
const PARTS = {
  faults: () => integration('faults.test.ts'),
  kills: () => integration('crash.test.ts'),
  races: () => integration('attacks/races.test.ts', { TSRUN_RACE_SECONDS: '60' }),
  leaks: () => integration('soak.test.ts', { TSRUN_SOAK_SECONDS: '60' }),
  fuzz,
  decoder: () => run('make', ['-C', 'native', 'fuzz', `FUZZ_SECONDS=${DECODER_SECONDS}`]),
};

const names = process.argv.length > 2 ? process.argv.slice(2) : Object.keys(PARTS);
for (const name of names) {
  const part = PARTS[name];
  if (part === undefined) throw new Error(`a part is one of ${Object.keys(PARTS).join(', ')}`);
  const started = Date.now();
  const passed = part();
  const seconds = ((Date.now() - started) / 1000).toFixed(0);
  console.log(`test:soak ${name}: ${passed ? 'passed' : 'FAILED'} in ${seconds} s`);
  if (!passed) process.exit(1);
}
