/**
 * CRIU for the tests: Debian 13's, with the libraries it wants, unpacked and not installed, because Debian
 * 12's does not know kernels of today (the vDSO of 6.x). Made once a machine.
 */
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

const SUITE = 'trixie';
const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg';

/** Gives the directory that `criu` is in, for PATH. */
export function prepareCriu(): string {
  const cacheHome = process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache');
  const cache = join(cacheHome, `tsrun/criu-${SUITE}`);
  if (!existsSync(join(cache, 'bin/criu'))) {
    rmSync(cache, { recursive: true, force: true });
    const made = `${cache}.${process.pid}`;
    mkdirSync(join(made, 'lists/partial'), { recursive: true });
    mkdirSync(join(made, 'packages'));
    mkdirSync(join(made, 'bin'));
    unpack(made);
    writeProgram(made, cache);
    renameSync(made, cache);
  }
  return join(cache, 'bin');
}

/** In lists of its own: the machine's apt stays as it is. */
function unpack(cache: string): void {
  const list = join(cache, 'sources.list');
  const signed = existsSync(KEYRING) ? `[signed-by=${KEYRING}] ` : '';
  writeFileSync(list, `deb ${signed}${debianMirror()} ${SUITE} main\n`);
  const own = [
    `Dir::Etc::SourceList=${list}`,
    'Dir::Etc::SourceParts=/dev/null',
    `Dir::State::Lists=${cache}/lists`,
    `Dir::Cache=${cache}/apt`,
    'APT::Sandbox::User=root',
  ].flatMap((option) => ['-o', option]);
  run('apt-get', ['-q', ...own, 'update']);
  const edges = ['recommends', 'suggests', 'conflicts', 'breaks', 'replaces', 'enhances'];
  const only = edges.map((edge) => `--no-${edge}`);
  const names = run('apt-cache', [...own, 'depends', '--recurse', ...only, 'criu'])
    .split('\n')
    .filter((line) => /^[a-z0-9][a-z0-9.+-]*$/.test(line));
  run('apt-get', ['-q', ...own, 'download', ...new Set(names)], join(cache, 'packages'));
  const packages = join(cache, 'packages');
  run('sh', [
    '-euc',
    'for one in "$0"/*.deb; do dpkg -x "$one" "$1"; done',
    packages,
    join(cache, 'root'),
  ]);
  for (const name of ['packages', 'lists', 'apt'])
    rmSync(join(cache, name), { recursive: true, force: true });
}

/** By its own dynamic loader, with its own C library. */
function writeProgram(made: string, cache: string): void {
  const machine = run('sh', ['-c', 'ls "$0"/root/usr/lib*/ld-linux-*.so.*', made]).trim();
  const loader = machine.split('\n')[0]?.replace(made, cache) ?? '';
  const libraries = run('sh', ['-c', 'ls -d "$0"/root/usr/lib/*-linux-gnu', made]).trim();
  const program = join(made, 'bin/criu');
  const path = libraries.replace(made, cache);
  const criu = join(cache, 'root/usr/sbin/criu');
  writeFileSync(program, `#!/bin/sh\nexec ${loader} --library-path ${path} ${criu} "$@"\n`);
  chmodSync(program, 0o755);
}

/** Where the machine's own apt gets Debian's packages from. */
function debianMirror(): string {
  const format = '$(ORIGIN) $(LABEL) $(REPO_URI)';
  const targets = run('apt-get', ['indextargets', '--format', format, 'Created-By: Packages']);
  const found = targets.split('\n').find((line) => line.startsWith('Debian Debian '));
  if (found === undefined) throw new Error('apt is not configured for a Debian mirror');
  return found.split(' ')[2] ?? '';
}

function run(command: string, args: readonly string[], cwd = '/'): string {
  const done = spawnSync(command, args, { encoding: 'utf8', cwd, maxBuffer: 1 << 26 });
  if (done.status !== 0) {
    throw new Error(`${command} ${args.join(' ')}: ${done.stdout}${done.stderr}`);
  }
  return done.stdout;
}
