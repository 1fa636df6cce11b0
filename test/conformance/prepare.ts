/**
 * Gets and builds opencontainers/runtime-tools' validation programs, outside the tree. Their source is
 * Debian's: apt names the archive and its SHA256 from a signed index, in lists of its own that change
 * nothing on the machine; the mirror is the one the machine's apt already uses.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

const SOURCE = 'golang-github-opencontainers-runtime-tools';
/** Debian's release with the source that these programs and the expected failures were read in. */
const SUITE = 'trixie';
const PACKAGES = [
  'golang-go',
  'golang-github-opencontainers-runtime-tools-dev',
  'golang-github-google-uuid-dev',
];
const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg';

export interface Programs {
  /** Where they must be started: rootfs archive and runtimetest are here. */
  readonly directory: string;
  /** Names; each is `directory`/programs/NAME. */
  readonly names: readonly string[];
}

/** Builds them once a machine; a second call finds them in the cache. Needs root for apt. */
export function preparePrograms(): Programs {
  const cacheHome = process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache');
  const cache = process.env['TSRUN_CONFORMANCE_CACHE'] ?? join(cacheHome, 'tsrun/conformance');
  const directory = join(cache, 'built');
  if (!existsSync(join(directory, 'complete'))) {
    rmSync(cache, { recursive: true, force: true });
    mkdirSync(directory, { recursive: true });
    installGo();
    build(unpack(download(cache), cache), cache, directory);
    writeFileSync(join(directory, 'complete'), '');
  }
  return { directory, names: readdirSync(join(directory, 'programs')).sort() };
}

function installGo(): void {
  const installed = spawnSync('dpkg', ['-s', ...PACKAGES]).status === 0;
  if (installed) return;
  run('apt-get', ['update', '-q']);
  run('apt-get', ['install', '-y', '-q', '--no-install-recommends', ...PACKAGES]);
}

/** Fetches the source archive; apt-helper refuses it when its SHA256 is another than the index says. */
function download(cache: string): string {
  mkdirSync(join(cache, 'lists/partial'), { recursive: true });
  const list = join(cache, 'sources.list');
  const options = existsSync(KEYRING) ? `[signed-by=${KEYRING}] ` : '';
  writeFileSync(list, `deb-src ${options}${debianMirror()} ${SUITE} main\n`);
  const own = [
    `Dir::Etc::SourceList=${list}`,
    'Dir::Etc::SourceParts=/dev/null',
    `Dir::State::Lists=${cache}/lists`,
    `Dir::Cache=${cache}/apt`,
  ].flatMap((option) => ['-o', option]);
  run('apt-get', ['-q', ...own, 'update']);
  const uris = run('apt-get', ['-q', ...own, 'source', '--print-uris', SOURCE]);
  const found = /^'(\S+)' (\S+\.orig\.tar\.\w+) \d+ (SHA256:[0-9a-f]{64})/m.exec(uris);
  const [, uri = '', name = '', hash = ''] = found ?? [];
  if (found === null) throw new Error(`apt names no source archive of ${SOURCE}:\n${uris}`);
  const archive = join(cache, name);
  run('/usr/lib/apt/apt-helper', ['download-file', uri, archive, hash]);
  return archive;
}

/** Where the machine's own apt gets Debian's packages from. */
function debianMirror(): string {
  const format = '$(ORIGIN) $(LABEL) $(REPO_URI)';
  const targets = () =>
    run('apt-get', ['indextargets', '--format', format, 'Created-By: Packages'])
      .split('\n')
      .find((line) => line.startsWith('Debian Debian '));
  const found = targets();
  if (found !== undefined) return found.split(' ')[2] ?? '';
  run('apt-get', ['update', '-q']); // a fresh machine has no lists yet, which say the origin
  const again = targets();
  if (again === undefined) throw new Error('apt is not configured for a Debian mirror');
  return again.split(' ')[2] ?? '';
}

/** Gives the GOPATH that holds the source, and our tap package beside it. */
function unpack(archive: string, cache: string): string {
  const gopath = join(cache, 'go');
  const github = join(gopath, 'src/github.com');
  const source = join(github, 'opencontainers/runtime-tools');
  mkdirSync(source, { recursive: true });
  run('tar', ['-xf', archive, '-C', source, '--strip-components=1']);
  mkdirSync(join(github, 'mndrix'));
  cpSync(join(import.meta.dirname, 'tap-go'), join(github, 'mndrix/tap-go'), { recursive: true });
  return gopath;
}

function build(gopath: string, cache: string, directory: string): void {
  const source = join(gopath, 'src/github.com/opencontainers/runtime-tools');
  const options = {
    cwd: source,
    env: {
      ...process.env,
      GO111MODULE: 'off',
      GOPATH: `${gopath}:/usr/share/gocode`,
      GOCACHE: join(cache, 'gocache'),
    },
  };
  const isStatic = ['-tags', 'netgo osusergo', '-ldflags', '-extldflags -static'];
  run(
    'go',
    ['build', ...isStatic, '-o', join(directory, 'runtimetest'), './cmd/runtimetest'],
    options,
  );
  mkdirSync(join(directory, 'programs'));
  const packages = readdirSync(join(source, 'validation'), { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && entry.name !== 'util')
    .map((entry) => `./validation/${entry.name}`);
  run('go', ['build', '-o', `${directory}/programs/`, ...packages], options);
  for (const name of readdirSync(source).filter((one) => /^rootfs-.*\.tar\.gz$/.test(one))) {
    cpSync(join(source, name), join(directory, name));
  }
  rmSync(join(cache, 'gocache'), { recursive: true, force: true });
}

function run(command: string, args: readonly string[], options: object = {}): string {
  const done = spawnSync(command, args, {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    maxBuffer: 1 << 28,
    ...options,
  });
  if (done.error !== undefined) throw done.error;
  if (done.status !== 0) {
    throw new Error(`${command} ${args.join(' ')}: ${done.stdout}${done.stderr}`);
  }
  return done.stdout;
}
