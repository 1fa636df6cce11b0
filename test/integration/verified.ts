/**
 * `npm run verified [-- LOG...]`: makes resources-verified.md out of what resources.test.ts finds on this
 * machine and in the virtual ones; or out of the logs of such runs (TSRUN_VERIFIED=1).
 */
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { tableOf } from './verifiedTable.ts';

const top = join(import.meta.dirname, '../..');

const outputOf = (command: string, ...args: string[]): string => {
  const env = { ...process.env, TSRUN_VERIFIED: '1', NO_COLOR: '1' };
  const done = spawnSync(command, args, { cwd: top, encoding: 'utf8', env, maxBuffer: 1 << 26 });
  if (done.status === 0) return done.stdout;
  console.error(done.stdout, done.stderr);
  process.exit(1);
};

const logs = process.argv.slice(2);
const output =
  logs.length > 0
    ? logs.map((path) => readFileSync(path, 'utf8'))
    : [
        outputOf('npm', 'run', '--silent', 'test:integration', 'resources.test.ts'),
        outputOf('npm', 'run', '--silent', 'test:vm'),
      ];
writeFileSync(join(import.meta.dirname, 'resources-verified.md'), tableOf(output.join('\n')));
