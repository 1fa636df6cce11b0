/** How src/ is bundled for Node: the program of this tree, and the package for npm. */
import { build } from 'esbuild';
import { commitDefine } from './commit.mjs';

/** Bundles the entry points, paths from `top`, into modules of the directory `outdir` below it. */
export const bundleForNode = (top, entryPoints, outdir) =>
  build({
    absWorkingDir: top,
    entryPoints,
    outdir,
    outExtension: { '.js': '.mjs' },
    // What is import()ed, the help, is loaded when it is asked for.
    splitting: true,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    // It finds its addon by its own place in node_modules.
    external: ['koffi'],
    define: commitDefine(top),
    banner: {
      js: "import { createRequire as makeRequire } from 'node:module'; const require = makeRequire(import.meta.url);",
    },
    logLevel: 'warning',
  });
