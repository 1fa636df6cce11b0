/** The shape of the house: who imports whom, what the two hosts share, how long things may get. */
import { spawnSync } from 'node:child_process';
import { existsSync, lstatSync, readFileSync } from 'node:fs';
import { basename, dirname, join, normalize, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { VERBS } from '../../src/cli/commands.ts';
import { UNSUPPORTED } from '../../src/config/unsupported.ts';

const TOP = resolve(import.meta.dirname, '../..');
const tracked = spawnSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], {
  cwd: TOP,
  encoding: 'utf8',
})
  .stdout.split('\n')
  .filter((path) => path !== '' && existsSync(join(TOP, path)));
const read = (path: string) => readFileSync(join(TOP, path), 'utf8');
const sources = tracked.filter(
  (path) => /^src\/.*\.ts$/.test(path) && !path.includes('/generated/'),
);

interface Import {
  readonly from: string;
  /** A path from the top, or a package. */
  readonly to: string;
  readonly typeOnly: boolean;
}

const IMPORT = /^(?:import|export)\s+(type\s)?((?:[\w*$,\s]|\{[^}]*\})*?)\s*from\s*'([^']+)'/gm;

function importsOf(path: string): Import[] {
  return [...read(path).matchAll(IMPORT)].map(([, type, names = '', target = '']) => ({
    from: path,
    to: target.startsWith('.') ? normalize(join(dirname(path), target)) : target,
    typeOnly: type !== undefined || /^\{(\s*type\s[^,}]+,?)*\s*\}$/.test(names.trim()),
  }));
}

const imports = sources.flatMap(importsOf);

/** `cli`, `linux/constants`, `errors.ts`: what stands directly below src, constants apart. */
function layerOf(path: string): string {
  const [, first = '', second = ''] = path.split('/');
  return first === 'linux' && second === 'constants' ? 'linux/constants' : first;
}

/** The arrows. `plan` and `spec` lend their words (steps, problems, paths) to those below them. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  engine: [],
  'linux/constants': [],
  linux: ['engine', 'linux/constants', 'errors.ts'],
  'errors.ts': ['linux', 'linux/constants', 'plan', 'spec', 'generated'],
  config: ['linux/constants', 'plan', 'spec', 'generated'],
  spec: ['config', 'plan', 'linux/constants', 'errors.ts', 'generated'],
  plan: ['config', 'spec', 'linux/constants', 'generated', 'errors.ts'],
  wire: ['plan', 'spec', 'linux/constants', 'errors.ts', 'generated'],
  cgroup: ['linux', 'linux/constants', 'plan', 'errors.ts', 'generated'],
  container: [
    'cgroup',
    'plan',
    'wire',
    'spec',
    'config',
    'linux',
    'linux/constants',
    'engine',
    'errors.ts',
    'generated',
  ],
  cli: [
    'container',
    'plan',
    'spec',
    'config',
    'linux',
    'linux/constants',
    'engine',
    'errors.ts',
    'generated',
  ],
  explain: [
    'cli',
    'container',
    'cgroup',
    'plan',
    'wire',
    'spec',
    'config',
    'linux',
    'linux/constants',
    'engine',
    'errors.ts',
    'generated',
  ],
};
/** Of these two only the vocabulary: a property must not reach for what is built from it. */
const LENT: Readonly<Record<string, readonly RegExp[]>> = {
  plan: [/^src\/plan\/(step|context)\.ts$/],
  spec: [/^src\/spec\/(problem|configPath|gvariant|json|formatJson|position|version)\.ts$/],
};

describe('imports', () => {
  it('go one way: cli → container → cgroup, plan, wire, spec → config → linux → engine', () => {
    const wrong = imports.filter(({ from, to }) => {
      if (!to.startsWith('src/')) return false;
      const [source, target] = [layerOf(from), layerOf(to)];
      const allowed = MAY_IMPORT[source];
      return allowed !== undefined && source !== target && !allowed.includes(target);
    });
    expect(wrong).toEqual([]);
  });
  it('every folder of src has its arrows', () => {
    const layers = new Set(sources.map(layerOf));
    const known = new Set([
      ...Object.keys(MAY_IMPORT),
      'main.ts',
      'node.ts',
      'quickjs.ts',
      'library.ts',
    ]);
    expect([...layers].filter((layer) => !known.has(layer))).toEqual([]);
  });
  it('config and cgroup borrow words of plan and spec, nothing more', () => {
    const wrong = imports.filter(({ from, to }) => {
      const lent = /^(config|cgroup)$/.test(layerOf(from)) ? LENT[layerOf(to)] : undefined;
      return lent !== undefined && !lent.some((pattern) => pattern.test(to));
    });
    expect(wrong).toEqual([]);
  });
  it('have no circles', () => {
    const graph = new Map<string, string[]>();
    for (const { from, to, typeOnly } of imports) {
      if (!typeOnly) graph.set(from, [...(graph.get(from) ?? []), to]);
    }
    expect(findCircle(graph)).toEqual([]);
  });
  it('none at the top of a file leads to src/explain, the help or CRIU: they are loaded when asked for', () => {
    const reached = new Set(['src/main.ts']);
    for (const path of reached) {
      for (const { from, to, typeOnly } of imports) {
        if (from === path && !typeOnly && to.startsWith('src/')) reached.add(to);
      }
    }
    expect(reached.size).toBeGreaterThan(100);
    const lazy = [...reached].filter((path) =>
      /^src\/(explain\/|cli\/(help|seldomVerbs)|container\/(checkpoint|restore)|linux\/criu)/.test(
        path,
      ),
    );
    expect(lazy).toEqual([]);
  });
  it('of Node and of koffi stand in src/engine alone', () => {
    const wrong = imports.filter(
      ({ from, to }) => /^(node:|koffi$|qjs:|std$|os$)/.test(to) && layerOf(from) !== 'engine',
    );
    expect(wrong).toEqual([]);
  });
  it('carry the extension, and index.ts is nowhere', () => {
    const local = imports.filter(({ to }) => to.startsWith('src/'));
    expect(local.filter(({ to }) => !/\.(ts|js|json)$/.test(to))).toEqual([]);
    expect(tracked.filter((path) => basename(path) === 'index.ts')).toEqual([]);
  });
});

const NODE_ONLY = ['src/engine/node.ts', 'src/node.ts', 'src/library.ts'];

describe('above the engine', () => {
  // Node's globals do not compile there: src/tsconfig.json, which `npm run types` checks, has no
  // Node types. What the language itself brings and QuickJS or the design does not is looked for here.
  // Help and completion go through yargs, whose answer is a promise; no other verb waits for anything.
  const portable = sources.filter(
    (path) => !NODE_ONLY.includes(path) && !/^src\/cli\/(help|completion)\.ts$/.test(path),
  );
  it.each(['async', 'await', 'Promise', 'Intl', 'globalThis', 'WebAssembly', 'eval'])(
    'nothing says %s',
    (word) => {
      const pattern = new RegExp(`(?<![.\\w'])${word}\\b(?!['\\w]*:)`);
      expect(portable.filter((path) => pattern.test(code(read(path))))).toEqual([]);
    },
  );
  it('src/tsconfig.json covers it', () => {
    const config = JSON.parse(read('src/tsconfig.json')) as {
      compilerOptions: { types: string[] };
      exclude: string[];
    };
    expect(config.compilerOptions.types).toEqual([]);
    expect(config.exclude.map((path) => `src/${path}`)).toEqual(NODE_ONLY);
    // Whatever imports one of these would bring Node's types, and the check would find nothing.
    const leaks = imports.filter(
      ({ from, to }) => NODE_ONLY.includes(to) && !NODE_ONLY.includes(from),
    );
    expect(leaks).toEqual([]);
  });
});

describe('size', () => {
  const typescript = tracked.filter((path) => /^(src|schemas|native)\/.*\.ts$/.test(path));
  const c = tracked.filter((path) => /^native\/.*\.[ch]$/.test(path));
  it('a TypeScript file has 400 lines at most', () => {
    expect(longerThan(400, typescript)).toEqual([]);
  });
  it('a C file has 300 lines at most', () => {
    expect(longerThan(300, c)).toEqual([]);
  });
  it('the native tsrun has 3,000,000 bytes at most, with glibc 4,500,000', () => {
    const path = join(TOP, 'tsrun');
    // The native build makes the file; without QuickJS there is a link to the program on Node.
    if (!existsSync(path) || lstatSync(path).isSymbolicLink()) return;
    // glibc is linked in where there is no musl-gcc, or QuickJS is the system's archive (native/README.md).
    const file = readFileSync(path);
    expect(file.length).toBeLessThanOrEqual(
      file.includes('GLIBC_TUNABLES') ? 4_500_000 : 3_000_000,
    );
  });
  it('a TypeScript function has 60 lines at most', () => {
    const start = /^(\s*).*(\bfunction\b.*|=>|\)|\): [^=;]*) \{$/;
    const found = typescript.flatMap((path) => longBlocks(path, start, 60));
    expect(found.filter((one) => !/\b(if|for|while|switch|else|catch)\b/.test(one))).toEqual([]);
  });
  it('a C function has 60 lines at most', () => {
    const found = c.flatMap((path) => longBlocks(path, /^()[a-z].*\) ?\{$|^()\{$/, 60));
    expect(found).toEqual([]);
  });
});

describe('names', () => {
  it('say what a file holds', () => {
    const empty = /^(utils?|helpers?|common|misc|manager|impl)\.(ts|c|h|js)$/;
    expect(tracked.filter((path) => empty.test(basename(path)))).toEqual([]);
  });
  it('nothing names the place the project was made at', () => {
    // Put together here, so that this file does not hold them.
    const words = [
      '/wo' + 'rk/',
      '/tmp' + '/wt',
      'peers' + '.md',
      'testbed' + '.md',
      'deb.deb' + 'ian.org',
      'npmjs' + '.org',
      'proxy.gol' + 'ang',
    ];
    const found = tracked.filter((path) => {
      if (/\.(gz|png)$|^package-lock\.json$/.test(path)) return false;
      const text = read(path);
      return words.some((word) => text.includes(word));
    });
    expect(found).toEqual([]);
  });
});

describe('README.md', () => {
  const readme = read('README.md');
  it('names every command', () => {
    expect(VERBS.filter((verb) => !readme.includes(`\`${verb}\``))).toEqual([]);
  });
  it('calls missing only what is', () => {
    const missing = /The commands (.*) are not there yet/.exec(readme)?.[1] ?? '';
    expect(VERBS.filter((verb) => missing.includes(`\`${verb}\``))).toEqual([]);
  });
  it('names every property that is not carried out', () => {
    const names = UNSUPPORTED.filter(({ reason }) => reason === 'is not carried out yet').map(
      ({ pattern }) => pattern.slice(1).replaceAll('/', '.'),
    );
    expect(names.filter((name) => !readme.includes(`\`${name}\``))).toEqual([]);
  });
});

describe('config.json', () => {
  /** Properties that share the file of another, to which they are bound. */
  const SHARED: Readonly<Record<string, string>> = {
    ociVersion: 'src/spec/version.ts',
    annotations: 'src/container/state.ts',
    'process/consoleSize': 'src/config/process/terminal.ts',
    'linux/gidMappings': 'src/config/linux/uidMappings.ts',
  };
  const properties = [
    ...propertiesOf('config'),
    ...propertiesOf('process', 'process/'),
    ...propertiesOf('linux', 'linux/'),
  ];
  it.each(properties)('%s has its file or says why it has none', (property) => {
    const places = [
      `src/config/${property}.ts`,
      `src/config/${property}/`,
      SHARED[property] ?? '-',
    ];
    const hasFile = places.some((place) => tracked.some((path) => path.startsWith(place)));
    const isRefused = UNSUPPORTED.some(({ pattern }) => pattern === `/${property}`);
    expect(hasFile || isRefused).toBe(true);
  });
});

function propertiesOf(schema: string, prefix = ''): string[] {
  const { properties } = JSON.parse(read(`schemas/${schema}.schema.json`)) as {
    properties: Record<string, unknown>;
  };
  return Object.keys(properties).map((name) => prefix + name);
}

const longerThan = (limit: number, paths: readonly string[]) =>
  paths
    .map((path) => `${path}: ${read(path).split('\n').length - 1}`)
    .filter((line) => Number(line.split(': ')[1]) > limit);

/** Blocks that begin on a line like `start` and end on the first `}` of the same indentation. */
function longBlocks(path: string, start: RegExp, limit: number): string[] {
  const lines = read(path).split('\n');
  const found: string[] = [];
  for (const [number, line] of lines.entries()) {
    if (!start.test(line)) continue;
    const indentation = /^\s*/.exec(line)?.[0] ?? '';
    const end = lines.findIndex(
      (other, index) => index > number && other.startsWith(`${indentation}}`),
    );
    if (end - number > limit) found.push(`${path}:${number + 1}: ${line.trim()}`);
  }
  return found;
}

/** Without comments and without the text of strings. */
const code = (text: string) =>
  text
    .replaceAll(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, '')
    .replaceAll(/'(?:[^'\\\n]|\\.)*'|`(?:[^`\\$]|\\.|\$(?!\{))*`/g, "''");

function findCircle(graph: ReadonlyMap<string, readonly string[]>): readonly string[] {
  const done = new Set<string>();
  const visit = (node: string, path: readonly string[]): readonly string[] => {
    if (path.includes(node)) return [...path.slice(path.indexOf(node)), node];
    if (done.has(node)) return [];
    for (const next of graph.get(node) ?? []) {
      const circle = visit(next, [...path, node]);
      if (circle.length > 0) return circle;
    }
    done.add(node);
    return [];
  };
  for (const node of graph.keys()) {
    const circle = visit(node, []);
    if (circle.length > 0) return circle;
  }
  return [];
}
