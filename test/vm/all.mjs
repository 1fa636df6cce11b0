/**
 * `npm run test:vm`: the integration tests that want cgroup v2, systemd or AppArmor, on a kernel of Debian's in a
 * virtual machine, once with a plain init and once with systemd. Needs root, ./tsrun built, and apt.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

const here = import.meta.dirname;
const top = join(here, '../..');

/** Which tests run in which machine, `file` or `file:pattern of titles`; README.md says why these. */
const MACHINES = [
  {
    name: 'plain init, cgroup v2',
    options: [],
    tests: [
      'cgroup2',
      'control',
      'apparmor',
      'devices',
      'update',
      'events',
      'resources',
      'exec:cgroup|user namespace|detach',
      'seccomp:without no_new_privs',
      'lifecycle:run|goes through|force|sends TERM|--all',
      'namespaces:all of them|joins|own cgroup|uidMappings|timeOffsets',
      'mounts:overlay|rro',
    ],
  },
  {
    name: 'systemd, cgroup v2',
    options: ['--systemd'],
    tests: ['systemd', 'cgroup2', 'control:pause|counts'],
  },
];

function run(command, args) {
  const { status, error } = spawnSync(command, args, { cwd: top, stdio: 'inherit' });
  if (error) console.error(error.message);
  return status ?? 1;
}

const env = ['TSRUN_RUNTIME'].flatMap((name) => (process.env[name] ? ['--env', name] : []));
if (run('node', [join(here, 'bundle.mjs')]) !== 0) process.exit(1);
const isBundled = (test) => existsSync(join(top, 'dist/vm', `${test.split(':')[0]}.test.mjs`));
const rows = [];
for (const { name, options, tests } of MACHINES) {
  console.log(`\n== ${name}`);
  const started = Date.now();
  const suite = ['node', 'dist/vm/suite.mjs', ...tests];
  const missing = tests.filter((test) => !isBundled(test));
  if (missing.length > 0) console.log(`no such tests: ${missing.join(' ')}`);
  const status =
    missing.length > 0
      ? 1
      : run(join(here, 'run'), [...options, '--timeout', '900', ...env, '--', ...suite]);
  rows.push({ name, status, seconds: (Date.now() - started) / 1000 });
}
console.log('');
for (const { name, status, seconds } of rows) {
  console.log(
    `${name.padEnd(24)} ${seconds.toFixed(1).padStart(7)} s  ${status === 0 ? 'ok' : 'FAILED'}`,
  );
}
process.exit(rows.some(({ status }) => status !== 0) ? 1 : 0);
