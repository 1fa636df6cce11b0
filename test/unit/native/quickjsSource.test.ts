/** Where the native host's build takes QuickJS from (native/quickjs/fetch.mjs). */
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';

const NATIVE = resolve(import.meta.dirname, '../../../native/quickjs');
const directory = mkdtempSync(join(tmpdir(), 'tsrun-quickjs-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

function place(path: string, text = ''): string {
  const whole = join(directory, path);
  mkdirSync(dirname(whole), { recursive: true });
  writeFileSync(whole, text);
  return whole;
}

/** apt without any source of packages, and its lists elsewhere. */
const NO_APT = place(
  'apt.conf',
  `Dir::Etc::sourcelist "/dev/null"; Dir::Etc::sourceparts "/dev/null"; Dir::State::lists "${directory}/lists";`,
);

const node = (args: readonly string[], env: Readonly<Record<string, string>>) =>
  spawnSync(process.execPath, args, {
    encoding: 'utf8',
    env: {
      PATH: process.env['PATH'],
      APT_CONFIG: NO_APT,
      XDG_CACHE_HOME: join(directory, 'empty'),
      ...env,
    },
  });

const FIND = `import { findQuickjs } from '${NATIVE}/fetch.mjs';
console.log(JSON.stringify(findQuickjs(JSON.parse(process.argv[1]))));`;

const find = (options: object, env: Readonly<Record<string, string>>) =>
  node(['--input-type=module', '-e', FIND, JSON.stringify(options)], env);

const source = dirname(place('given/quickjs.c'));

describe('QuickJS', () => {
  const cached = dirname(place('cache/tsrun/quickjs-1/quickjs.c'));
  place('root/usr/include/quickjs/quickjs.h');
  const library = place('root/usr/lib/quickjs/libquickjs.a');
  const sysroot = join(directory, 'root');
  const cache = { XDG_CACHE_HOME: join(directory, 'cache') };

  it('is QUICKJS_DIR where that is set', () => {
    const found = find({ sysroot }, { ...cache, QUICKJS_DIR: source });
    expect(JSON.parse(found.stdout)).toEqual({ source });
  });
  it("is the system's package before anything that was fetched", () => {
    expect(JSON.parse(find({ sysroot }, cache).stdout)).toEqual({
      include: join(sysroot, 'usr/include/quickjs'),
      library,
    });
  });
  it("is compiled from source for another processor, whatever this machine's package", () => {
    const found = find({ sysroot, isCross: true }, cache);
    expect(JSON.parse(found.stdout)).toEqual({ source: cached });
  });
  it('that was fetched once is not fetched again', () => {
    expect(JSON.parse(find({ sysroot: directory }, cache).stdout)).toEqual({ source: cached });
  });
});

describe('the build of the native host', () => {
  const build = (env: Readonly<Record<string, string>>) => node([join(NATIVE, 'build.mjs')], env);

  it('without any QuickJS says why and leaves the program on Node', () => {
    // Where the system has the package it is taken: nothing to be seen here.
    if (find({}, {}).status === 0) return;
    const { status, stderr } = build({});
    expect([status, stderr]).toEqual([0, expect.stringMatching(/^No QuickJS: .*apt/)]);
    expect(stderr).toContain('stays the program on Node');
  });
  it('says so when there is no compiler, or its linker fails', () => {
    const broken = place('cc', '#!/bin/sh\necho >&2 "ld: cannot find -lc"; exit 1\n');
    chmodSync(broken, 0o755);
    for (const [CC, why] of [
      [join(directory, 'none'), /^No static linking: .*ENOENT/],
      [broken, /^No static linking: [\s\S]*cannot find -lc/],
    ] as const) {
      const { status, stderr } = build({ CC, QUICKJS_DIR: source });
      expect([status, stderr]).toEqual([0, expect.stringMatching(why)]);
      expect(stderr).toContain('stays the program on Node');
    }
  });
  it('says so when QUICKJS_DIR holds none', () => {
    const { status, stderr } = build({ QUICKJS_DIR: directory });
    expect([status, stderr]).toEqual([0, expect.stringContaining(`QUICKJS_DIR=${directory}`)]);
  });
});
