/**
 * Where QuickJS comes from: QUICKJS_DIR (a source tree), else the system's package, else Debian's source
 * package of it, fetched by apt with apt's own verification and kept in the user's cache.
 */
import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

/** The Debian release whose QuickJS is taken: 12 has none. */
const SUITE = 'trixie';
const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg';

const output = (program, ...args) =>
  execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });

export const cacheDirectory = () =>
  join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'tsrun');

/**
 * `{ source }`, a directory with quickjs.c; or `{ include, library }`, the system's headers and archive.
 * Throws with the reasons when there is none to be had.
 */
export function findQuickjs({ isCross = false, sysroot = '/' } = {}) {
  const given = process.env.QUICKJS_DIR;
  if (given) {
    if (!existsSync(join(given, 'quickjs.c')))
      throw new Error(`no quickjs.c in QUICKJS_DIR=${given}`);
    return { source: given };
  }
  const installed = isCross ? undefined : packaged(sysroot);
  return installed ?? { source: cachedSource() ?? fetchSource() };
}

/** Debian's libquickjs: the archive and its headers. */
function packaged(sysroot) {
  const include = join(sysroot, 'usr/include/quickjs');
  const library = ['/usr/lib/quickjs', `/usr/lib/${output('uname', '-m').trim()}-linux-gnu/quickjs`]
    .map((directory) => join(sysroot, directory, 'libquickjs.a'))
    .find(existsSync);
  return library && existsSync(join(include, 'quickjs.h')) ? { include, library } : undefined;
}

function cachedSource() {
  const cache = cacheDirectory();
  const name = existsSync(cache)
    ? readdirSync(cache).find((entry) => existsSync(join(cache, entry, 'quickjs.c')))
    : undefined;
  return name && join(cache, name);
}

function fetchSource() {
  const cache = cacheDirectory();
  const work = join(cache, `fetch-${process.pid}`);
  try {
    makeWork(work);
    const tarball = join(work, 'quickjs.tar.xz');
    const { uri, hash } = originalTarball(work);
    output('/usr/lib/apt/apt-helper', 'download-file', uri, tarball, hash);
    output('tar', '-xf', tarball, '-C', join(work, 'tree'));
    const [name] = readdirSync(join(work, 'tree'));
    if (name === undefined) throw new Error('the source archive is empty');
    const place = join(cache, name);
    rmSync(place, { recursive: true, force: true });
    renameSync(join(work, 'tree', name), place);
    return place;
  } catch (error) {
    throw new Error(`Debian's source package cannot be had: ${reasonOf(error)}`);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** The address and hash apt verified. */
function originalTarball(work) {
  const apt = privateApt(work, { types: 'deb-src', suite: SUITE });
  const line = apt('source', '--print-uris', '--download-only', 'quickjs')
    .split('\n')
    .find((entry) => entry.includes('.orig.tar.'));
  const [, uri, hash] = /^'([^']+)' \S+ \d+ (SHA256:[0-9a-f]{64})$/.exec(line ?? '') ?? [];
  if (uri === undefined) throw new Error('apt lists no source archive of quickjs');
  return { uri, hash };
}

/** A file of Debian's package for another processor; undefined, with a line that says why, when it cannot be had. */
export function packagedFile(arch, packageName, path) {
  const tree = packagedTree(arch, packageName);
  return tree && existsSync(join(tree, path)) ? join(tree, path) : undefined;
}

/**
 * Debian's package for another processor, or of those it depends on the one whose name matches, unpacked into
 * the cache: what could be installed beside this system's own is left out of it. Undefined, with a line that
 * says why, when it cannot be had.
 */
export function packagedTree(arch, packageName, dependency) {
  const place = join(cacheDirectory(), `${packageName}-${arch}`);
  if (existsSync(place)) return place;
  const work = join(cacheDirectory(), `fetch-${process.pid}`);
  try {
    makeWork(work);
    const suite = /^VERSION_CODENAME=(\w+)/m.exec(readFileSync('/etc/os-release', 'utf8'))?.[1];
    const apt = privateApt(work, { types: 'deb', suite: suite ?? SUITE, arch });
    apt('download', dependency ? dependencyOf(apt, packageName, dependency) : packageName);
    const [archive] = readdirSync(work).filter((name) => name.endsWith('.deb'));
    output('dpkg-deb', '-x', join(work, archive), join(work, 'tree'));
    renameSync(join(work, 'tree'), place);
    return place;
  } catch (error) {
    console.warn(`${packageName} for ${arch}: ${reasonOf(error)}`);
    return undefined;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** The lines of --print-uris: `'ADDRESS' NAME_VERSION_ARCHITECTURE.deb SIZE HASH`. */
function dependencyOf(apt, packageName, pattern) {
  const lines = apt('install', '--print-uris', '--yes', '--no-install-recommends', packageName);
  const names = [...lines.matchAll(/^'[^']+' ([^_ ]+)_/gm)].map(([, name]) => name);
  const found = names.find((name) => pattern.test(name));
  if (found === undefined) throw new Error(`no dependency is a ${pattern}`);
  return found;
}

function makeWork(work) {
  for (const directory of ['sources', 'lists/partial', 'apt/archives/partial', 'tree']) {
    mkdirSync(join(work, directory), { recursive: true });
  }
}

const reasonOf = (error) =>
  `${error.message.split('\n')[0]}\n${error.stderr ? String(error.stderr).trim() : ''}`;

/** apt-get with an index of its own of the machine's mirror; the system's lists stay as they are. */
function privateApt(work, { types, suite, arch }) {
  const signedBy = existsSync(KEYRING) ? `Signed-By: ${KEYRING}\n` : '';
  writeFileSync(
    join(work, 'sources/tsrun.sources'),
    `Types: ${types}\nURIs: ${mirror()}\nSuites: ${suite}\nComponents: main\n${signedBy}`,
  );
  const options = {
    'Dir::Etc::sourcelist': '/dev/null',
    'Dir::Etc::sourceparts': join(work, 'sources'),
    'Dir::State::lists': join(work, 'lists'),
    'Dir::Cache': join(work, 'apt'),
    'APT::Sandbox::User': 'root', // the cache of a user is no place for apt's own
    ...(arch === undefined
      ? {}
      : {
          'APT::Architecture': arch,
          'APT::Architectures': arch,
          'Dir::State::status': '/dev/null',
        }),
  };
  const apt = (...args) =>
    execFileSync(
      'apt-get',
      [...Object.entries(options).flatMap(([key, value]) => ['-o', `${key}=${value}`]), ...args],
      { cwd: work, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] },
    );
  apt('update');
  return apt;
}

/** The mirror this machine takes Debian from, as its apt is configured. */
function mirror() {
  const targets = output(
    'apt-get',
    'indextargets',
    '--format',
    '$(ORIGIN) $(LABEL) $(COMPONENT) $(REPO_URI)',
    'Created-By: Packages',
  );
  const line = targets.split('\n').find((target) => target.startsWith('Debian Debian main '));
  if (line === undefined)
    throw new Error('apt is not configured for Debian (or `apt-get update` never ran)');
  return line.split(' ')[3];
}
