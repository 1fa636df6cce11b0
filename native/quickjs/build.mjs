/**
 * Builds ./tsrun as one static program: src/ bundled, compiled to QuickJS bytecode, its top level run once,
 * the memory that leaves behind and the executor's image put into the file.
 */
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundle } from './bundle.mjs';
import { withSegment } from './elf.mjs';
import { quickjsLibrary } from './library.mjs';
import { moduleTable } from './modules.mjs';
import { boundSymbols, symbolTable } from './symbols.mjs';
import { WARNINGS } from './warnings.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, '../..');
const work = join(root, 'dist/quickjs');

/** Where the snapshot lies in every process: far above the program, below everything else. */
const HEAP_ADDRESS = 0x20000000;

/** For profilers and debuggers. */
const SYMBOLS = Boolean(process.env.TSRUN_SYMBOLS);
const HARDENING = ['-fstack-protector-strong', '-D_FORTIFY_SOURCE=2'];
const SOURCES = ['main', 'host', 'ffi', 'pack', 'utf8', 'libc', 'heap'];

const run = (program, args) => execFileSync(program, args, { stdio: 'inherit' });

/** Makes `target` of the module `entry` with a QuickJS that was found (library.mjs). */
export async function build(entry, target, { include, library, compiler }) {
  rmSync(work, { recursive: true, force: true });
  mkdirSync(work, { recursive: true });
  const cc = (...args) => run(compiler, ['-D_GNU_SOURCE', `-isystem${include}`, ...args]);

  const tool = join(work, 'compile');
  cc('-O1', '-no-pie', '-o', tool, join(here, 'compile.c'), library, '-lm');
  const { program, lazy } = await bundle(entry, work);
  run(tool, [work, work, program, ...lazy]);

  const modules = lazy.map((name) => ({ name, path: join(work, `${name}.qbc`) }));
  writeFileSync(join(work, 'modules.S'), moduleTable(modules, join(root, 'dist/tsrun-init')));
  const archives = foreignArchives(boundSymbols(join(root, 'src')));
  writeFileSync(join(work, 'symbols.S'), symbolTable(archives.symbols));

  const maker = join(work, 'tsrun-maker');
  cc(
    ...['-O2', '-flto', '-fno-pie', '-no-pie', '-static', '-DTSRUN_SNAPSHOT'],
    ...[...WARNINGS, ...HARDENING],
    ...['-ffunction-sections', '-fdata-sections', '-Wl,--gc-sections', '-Wl,-z,noseparate-code'],
    ...[`-Wl,--section-start=tsrun_heap=0x${HEAP_ADDRESS.toString(16)}`, SYMBOLS ? '-g' : '-s'],
    ...['-o', maker, ...SOURCES.map((name) => join(here, `${name}.c`))],
    ...[join(work, 'modules.S'), join(work, 'symbols.S'), library, ...archives.files, '-lm'],
  );
  const snapshot = join(work, 'snapshot');
  run(maker, [snapshot, work, program]);
  const file = withSegment(readFileSync(maker), HEAP_ADDRESS, readFileSync(snapshot), SYMBOLS);
  writeFileSync(`${target}.new`, file);
  chmodSync(`${target}.new`, 0o755);
  renameSync(`${target}.new`, target);
  rmSync(snapshot);
}

/** The archives of the libraries symbols come from, without the symbols of those not installed. */
function foreignArchives(symbols) {
  const files = new Map();
  for (const library of new Set(symbols.map((symbol) => symbol.library))) {
    if (library === undefined) continue;
    const name = `${library.replace(/\.so.*/, '')}.a`;
    // musl-gcc looks in musl's directories alone; the archives are the system's.
    const path = execFileSync('cc', [`-print-file-name=${name}`], { encoding: 'utf8' }).trim();
    if (existsSync(path) && path !== name) files.set(library, path);
    else console.warn(`${name} is not installed: ${library} is left out`);
  }
  return {
    files: [...files.values()],
    symbols: symbols.filter(({ library }) => library === undefined || files.has(library)),
  };
}

function libraryOrReason() {
  try {
    return quickjsLibrary();
  } catch (error) {
    console.error(`No QuickJS: ${error.message}\n./tsrun stays the program on Node.`);
    return undefined;
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const quickjs = libraryOrReason();
  if (quickjs !== undefined)
    await build(join(root, 'src/quickjs.ts'), join(root, 'tsrun'), quickjs);
}
