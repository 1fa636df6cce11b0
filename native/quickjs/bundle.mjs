/** esbuild for QuickJS: modules without any platform, what is import()ed in files of its own. */
import { readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { build } from 'esbuild';
import { commitDefine } from '../commit.mjs';

/** Packages that count on Node or a browser, and what takes their place. */
const STAND_INS = {
  yargs: join(import.meta.dirname, 'yargs.mjs'),
  'string-width': join(import.meta.dirname, 'stringWidth.mjs'),
};

/**
 * Bundles `entry` into `directory`; `program` is the first module, `lazy` those loaded by import(). Functions
 * keep their names for who reads stacks of calls.
 */
export async function bundle(entry, directory, keepNames) {
  const { metafile } = await build({
    entryPoints: { program: entry },
    outdir: directory,
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'neutral',
    target: 'es2023',
    mainFields: ['module', 'main'],
    alias: STAND_INS,
    minifySyntax: true,
    // Every name is an atom in the snapshot: 32 kB.
    minifyIdentifiers: !keepNames,
    define: commitDefine(dirname(entry)),
    metafile: true,
    logLevel: 'warning',
  });
  for (const path of Object.keys(metafile.outputs)) {
    // Bytecode without debug information has no file names, which import() would need (import.c).
    const text = readFileSync(path, 'utf8');
    writeFileSync(path, text.replaceAll(/\bimport\((?=")/g, 'tsrunHost.import('));
  }
  const outputs = new Map(
    Object.entries(metafile.outputs).map(([path, output]) => [basename(path), output]),
  );
  const eager = new Set();
  const visit = (name) => {
    if (eager.has(name)) return;
    eager.add(name);
    for (const { path, kind } of outputs.get(name)?.imports ?? []) {
      if (kind === 'import-statement') visit(basename(path));
    }
  };
  visit('program.js');
  return { program: 'program.js', lazy: [...outputs.keys()].filter((name) => !eager.has(name)) };
}
