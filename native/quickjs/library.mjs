/** QuickJS as an archive: the system's, or compiled from source once and kept in the user's cache. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import { join } from 'node:path';
import { cacheDirectory, findQuickjs } from './fetch.mjs';

const MISSING = { throwIfNoEntry: false };
const FILES = ['quickjs', 'libregexp', 'libunicode', 'cutils', 'dtoa'];

/** `-fwrapv`: the engine counts on signed overflow. Sections of their own: what is not used is left out. */
const FLAGS = [
  '-O2',
  '-fwrapv',
  '-funsigned-char',
  '-fno-pie',
  '-fno-asynchronous-unwind-tables',
  '-ffunction-sections',
  '-fdata-sections',
];

/** `{ include, library, compiler }`: the archive fits programs linked by `compiler`. */
export function quickjsLibrary(toolchain) {
  const found = findQuickjs(toolchain);
  // The system's archive wants the system's C library.
  if ('library' in found) return { ...found, compiler: process.env.CC || 'cc' };
  const { compiler, archiver } = toolchain;
  const library = compiled(found.source, compiler, FLAGS, archiver);
  return { include: found.source, compiler, library };
}

/** libquickjs.a of a source tree, compiled when no archive of the same source and flags is cached. */
export function compiled(source, compiler, flags, archiver = 'ar') {
  const version = readFileSync(join(source, 'VERSION'), 'utf8').trim();
  const banner = execFileSync(compiler, ['--version'], { encoding: 'utf8' });
  const changed = FILES.map((name) => statSync(join(source, `${name}.c`), MISSING)?.mtimeMs);
  const key = createHash('sha256').update(
    JSON.stringify([source, version, banner, compiler, flags, changed]),
  );
  const place = join(cacheDirectory(), `libquickjs-${version}-${key.digest('hex').slice(0, 12)}.a`);
  if (existsSync(place)) return place;

  mkdirSync(cacheDirectory(), { recursive: true });
  const work = mkdtempSync(join(cacheDirectory(), 'compile-'));
  try {
    const objects = FILES.filter((name) => existsSync(join(source, `${name}.c`))).map((name) => {
      const object = join(work, `${name}.o`);
      const define = ['-D_GNU_SOURCE', `-DCONFIG_VERSION="${version}"`];
      execFileSync(compiler, [
        ...flags,
        '-w',
        ...define,
        '-c',
        join(source, `${name}.c`),
        '-o',
        object,
      ]);
      return object;
    });
    const archive = join(work, 'libquickjs.a');
    execFileSync(archiver, ['rcs', archive, ...objects]);
    renameSync(archive, place);
    return place;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}
