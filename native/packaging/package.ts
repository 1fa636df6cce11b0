/**
 * `npm run package`: dist/packages/ with a tarball and a Debian package of the native program, its manual,
 * completion scripts and the drop-in for containers.conf. Wants ./tsrun built; dpkg-deb for the second.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { gzipSync } from 'node:zlib';
import { description, version } from '../../package.json';
import { manPages } from './man.ts';

const TOP = resolve(import.meta.dirname, '../..');
const OUTPUT = join(TOP, 'dist/packages');
const PROGRAM = join(TOP, process.argv[2] ?? 'tsrun');

/** e_machine of an ELF header, and Debian's name. */
const ARCHITECTURES: Readonly<Record<number, string>> = { 62: 'amd64', 183: 'arm64' };

/** Completion is printed by the program on this machine, whichever the packaged one is for. */
const runnable = join(TOP, 'tsrun');

function architectureOf(path: string): string {
  const header = readFileSync(path).subarray(0, 20);
  const found = header.toString('latin1', 1, 4) === 'ELF' && ARCHITECTURES[header.readUInt16LE(18)];
  if (!found) throw new Error(`${path} is no native program: npm run build`);
  return found;
}

/** The files of both packages, from `/`, with what they hold and their mode. */
function files(): ReadonlyMap<string, { readonly content: Buffer; readonly mode: number }> {
  const text = (path: string) => ({ content: readFileSync(join(TOP, path)), mode: 0o644 });
  const completion = (shell: string) => ({
    content: execFileSync(runnable, ['completion', shell]),
    mode: 0o644,
  });
  return new Map([
    ['usr/bin/tsrun', { content: readFileSync(PROGRAM), mode: 0o755 }],
    ...[...manPages()].map(
      ([name, page]) =>
        [
          `usr/share/man/man8/${name}.gz`,
          { content: gzipSync(page, { level: 9 }), mode: 0o644 },
        ] as const,
    ),
    ['usr/share/bash-completion/completions/tsrun', completion('bash')],
    ['usr/share/zsh/vendor-completions/_tsrun', completion('zsh')],
    ['usr/share/fish/vendor_completions.d/tsrun.fish', completion('fish')],
    ['usr/share/doc/tsrun/README.md', text('README.md')],
    ['usr/share/doc/tsrun/copyright', text('LICENSE')],
    ['usr/share/doc/tsrun/kubernetes.md', text('native/packaging/kubernetes.md')],
    [
      'etc/containers/containers.conf.d/50-tsrun.conf',
      text('native/packaging/containers.conf.d/50-tsrun.conf'),
    ],
  ]);
}

function writeTree(directory: string): void {
  for (const [path, { content, mode }] of files()) {
    const target = join(directory, path);
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(target, content, { mode });
  }
}

/** Debian Policy, chapter 5: the fields of a binary package. */
const control = (architecture: string, installedKiB: number): string => `Package: tsrun
Version: ${version}
Architecture: ${architecture}
Maintainer: tsrun <tsrun@localhost>
Installed-Size: ${installedKiB}
Section: admin
Priority: optional
Recommends: criu, uidmap
Description: ${description.slice(0, 60)}
 An OCI runtime with runc's command line for podman, docker, containerd and
 people. One static program; it shows every native call that a config causes.
`;

function main(): void {
  const architecture = architectureOf(PROGRAM);
  const name = `tsrun-${version}-linux-${architecture}`;
  rmSync(OUTPUT, { recursive: true, force: true });
  const tree = join(OUTPUT, name);
  writeTree(tree);
  const owner = ['--owner=0', '--group=0', '--sort=name', '--mtime=@0'];
  execFileSync('tar', [...owner, '-C', OUTPUT, '-czf', join(OUTPUT, `${name}.tar.gz`), name]);
  const kib = Number(execFileSync('du', ['-sk', tree], { encoding: 'utf8' }).split('\t')[0]);
  mkdirSync(join(tree, 'DEBIAN'));
  writeFileSync(join(tree, 'DEBIAN/control'), control(architecture, kib));
  writeFileSync(
    join(tree, 'DEBIAN/conffiles'),
    '/etc/containers/containers.conf.d/50-tsrun.conf\n',
  );
  const deb = join(OUTPUT, `tsrun_${version}_${architecture}.deb`);
  execFileSync('dpkg-deb', ['--build', '--root-owner-group', tree, deb], { stdio: 'ignore' });
  rmSync(tree, { recursive: true });
  for (const made of [deb, join(OUTPUT, `${name}.tar.gz`)]) {
    console.log(`${made.slice(TOP.length + 1)}  ${statSync(made).size} bytes`);
  }
}

main();
