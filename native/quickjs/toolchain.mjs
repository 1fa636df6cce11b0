/**
 * What a program for a processor is compiled with and, where that is not this machine's, run with while it is
 * built: the snapshot is made by the program itself.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { parseArgs } from 'node:util';
import { packagedFile } from './fetch.mjs';

/** Debian's names of the processors, their GNU names, and what runs their programs elsewhere. */
const PROCESSORS = {
  amd64: { gnu: 'x86_64', node: 'x64', emulators: ['qemu-x86_64', 'qemu-x86_64-static'] },
  arm64: { gnu: 'aarch64', node: 'arm64', emulators: ['qemu-aarch64', 'qemu-aarch64-static'] },
};

const firstOnPath = (names) =>
  names.find((name) =>
    (process.env.PATH ?? '')
      .split(delimiter)
      .some((directory) => existsSync(join(directory, name))),
  );

const hostArchitecture = () =>
  Object.keys(PROCESSORS).find((name) => PROCESSORS[name].node === process.arch);

/** `--arch arm64` or `--arch amd64`, else this machine's. */
export function toolchainOf(args) {
  const { values } = parseArgs({ args, options: { arch: { type: 'string' } } });
  const host = hostArchitecture();
  const arch = values.arch ?? host;
  if (PROCESSORS[arch] === undefined) {
    throw new Error(`--arch ${arch}: one of ${Object.keys(PROCESSORS).join(', ')}`);
  }
  return arch === host ? hostToolchain(arch) : crossToolchain(arch);
}

/**
 * musl where it is installed: glibc asks the processor about itself when a program starts, which in a
 * virtual machine costs 0.4 ms (native/README.md).
 */
const hostToolchain = (arch) => ({
  arch,
  compiler: process.env.CC || (firstOnPath(['musl-gcc']) ?? 'cc'),
  archiver: 'ar',
  emulator: [],
  isCross: false,
  // musl-gcc looks in musl's directories alone; the archives are the system's.
  findArchive: (name) => compilersFile('cc', name),
});

function crossToolchain(arch) {
  const { gnu, emulators } = PROCESSORS[arch];
  const compilers = [`${gnu}-linux-musl-gcc`, `${gnu}-linux-gnu-gcc`];
  const compiler = process.env.CC || firstOnPath(compilers);
  const emulator = firstOnPath(emulators);
  if (compiler === undefined) throw new Error(`needs ${compilers.join(' or ')}`);
  if (emulator === undefined) throw new Error(`needs ${emulators.join(' or ')}`);
  return {
    arch,
    compiler,
    archiver: compiler.replace(/gcc$/, 'ar'),
    emulator: [emulator],
    isCross: true,
    findArchive: (name, packageName) =>
      compilersFile(compiler, name) ??
      packagedFile(arch, packageName, `usr/lib/${gnu}-linux-gnu/${name}`),
  };
}

/** The compiler, which has linked an empty static program; throws with what it, or the linker, had to say. */
export function checkedCompiler({ compiler }) {
  const directory = mkdtempSync(join(tmpdir(), 'tsrun-build-'));
  try {
    const source = join(directory, 'empty.c');
    writeFileSync(source, 'int main(void) { return 0; }');
    const args = ['-static', source, '-o', join(directory, 'empty')];
    execFileSync(compiler, args, { stdio: ['ignore', 'ignore', 'pipe'] });
    return compiler;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Where the compiler finds a file of a library; undefined when it does not. */
function compilersFile(compiler, name) {
  const path = execFileSync(compiler, [`-print-file-name=${name}`], { encoding: 'utf8' }).trim();
  return path !== name && existsSync(path) ? path : undefined;
}
