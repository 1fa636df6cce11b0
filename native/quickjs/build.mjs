/**
 * Builds ./tsrun as one static program: src/ bundled, compiled to QuickJS bytecode, its top level run once,
 * the memory that leaves behind and the executor's image put into the file.
 */
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundle } from './bundle.mjs';
import { withSegment } from './elf.mjs';
import { quickjsLibrary } from './library.mjs';
import { moduleTable } from './modules.mjs';
import { boundSymbols, symbolTable } from './symbols.mjs';
import { checkedCompiler, toolchainOf } from './toolchain.mjs';
import { WARNINGS } from './warnings.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, '../..');
const work = join(root, 'dist/quickjs');

/** Where the snapshot lies in every process: far above the program, below everything else. */
const HEAP_ADDRESS = 0x20000000;

/** For profilers and debuggers. */
const SYMBOLS = Boolean(process.env.TSRUN_SYMBOLS);
const HARDENING = ['-fstack-protector-strong', '-D_FORTIFY_SOURCE=2'];
const SOURCES = [
  'main',
  'host',
  'ffi',
  'files',
  'encode',
  'layout',
  'output',
  'import',
  'utf8',
  'libc',
  'heap',
  'memory',
];
/** Of the build alone: what makes the snapshot. */
const MAKER_SOURCES = ['rehearse', 'stand_in', 'watch'];

const run = (program, ...args) => execFileSync(program, args, { stdio: 'inherit' });

/**
 * Makes `target` of the module `entry` and the executor `image`, with a QuickJS that was found (library.mjs)
 * and a toolchain (toolchain.mjs).
 */
export async function build(entry, image, target, { include, library, compiler }, toolchain) {
  rmSync(work, { recursive: true, force: true });
  mkdirSync(work, { recursive: true });
  const cc = (...args) => run(compiler, '-D_GNU_SOURCE', `-isystem${include}`, ...args);
  // What is for another processor runs in its emulator.
  const runMade = (...command) => run(...toolchain.emulator, ...command);

  const tool = join(work, 'compile');
  cc('-O1', '-no-pie', '-static', '-o', tool, join(here, 'compile.c'), library, '-lm');
  const { program, lazy } = await bundle(entry, work, SYMBOLS);
  runMade(tool, work, work, program, ...lazy);

  const modules = lazy.map((name) => ({ name, path: join(work, `${name}.qbc`) }));
  writeFileSync(join(work, 'modules.S'), moduleTable(modules, image));
  const archives = foreignArchives(boundSymbols(join(root, 'src')), toolchain);
  writeFileSync(join(work, 'symbols.S'), symbolTable(archives.symbols));

  const maker = join(work, 'tsrun-maker');
  cc(
    ...['-O2', '-flto', '-fno-pie', '-no-pie', '-static', '-DTSRUN_SNAPSHOT'],
    '-fno-asynchronous-unwind-tables',
    ...[...WARNINGS, ...HARDENING],
    ...['-ffunction-sections', '-fdata-sections', '-Wl,--gc-sections', '-Wl,-z,noseparate-code'],
    ...[`-Wl,--section-start=tsrun_heap=0x${HEAP_ADDRESS.toString(16)}`, SYMBOLS ? '-g' : '-s'],
    ...['-o', maker, ...[...SOURCES, ...MAKER_SOURCES].map((name) => join(here, `${name}.c`))],
    ...[join(work, 'modules.S'), join(work, 'symbols.S'), library, ...archives.files, '-lm'],
  );
  const snapshot = join(work, 'snapshot');
  runMade(maker, snapshot, work, program, join(here, 'rehearsal.json'));
  const file = withSegment(readFileSync(maker), HEAP_ADDRESS, readFileSync(snapshot), SYMBOLS);
  writeFileSync(`${target}.new`, file);
  chmodSync(`${target}.new`, 0o755);
  renameSync(`${target}.new`, target);
  rmSync(snapshot);
}

/** Debian's packages of the libraries that are linked in. */
const PACKAGES = { 'libseccomp.a': 'libseccomp-dev' };

/** The archives of the libraries symbols come from, without the symbols of those not installed. */
function foreignArchives(symbols, toolchain) {
  const files = new Map();
  for (const library of new Set(symbols.map((symbol) => symbol.library))) {
    if (library === undefined) continue;
    const name = `${library.replace(/\.so.*/, '')}.a`;
    const path = toolchain.findArchive(name, PACKAGES[name]);
    if (path !== undefined) files.set(library, path);
    else console.warn(`${name} is not installed: ${library} is left out`);
  }
  return {
    files: [...files.values()],
    symbols: symbols.filter(({ library }) => library === undefined || files.has(library)),
  };
}

/** What `make` returns; undefined, with a line that says why, when it throws. */
function orReason(missing, make) {
  try {
    return make();
  } catch (error) {
    console.error(`No ${missing}: ${error.message}\n./tsrun stays the program on Node.`);
    return undefined;
  }
}

/** For this machine ./tsrun; for another dist/ARCHITECTURE/tsrun, with an executor of its own. */
async function main() {
  const toolchain = toolchainOf(process.argv.slice(2));
  const compiler = orReason('static linking', () => checkedCompiler(toolchain));
  const quickjs = compiler && orReason('QuickJS', () => quickjsLibrary(toolchain));
  if (quickjs === undefined) {
    if (toolchain.isCross) process.exitCode = 1;
    return;
  }
  const output = toolchain.isCross ? join(root, 'dist', toolchain.arch) : join(root, 'dist');
  if (toolchain.isCross) {
    run('make', '-C', join(root, 'native'), `CC=${toolchain.compiler}`, `OUT=${output}`);
  }
  const target = toolchain.isCross ? join(output, 'tsrun') : join(root, 'tsrun');
  const image = join(output, 'tsrun-init');
  await build(join(root, 'src/quickjs.ts'), image, target, quickjs, toolchain);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main();
