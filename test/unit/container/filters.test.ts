import {
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { filterCompiler } from '../../../src/container/filters.ts';
import { setEngine } from '../../../src/engine/current.ts';
import { nodeEngine } from '../../../src/engine/node.ts';
import type { SeccompFilter } from '../../../src/linux/constants/seccomp.ts';
import { compileFilter } from '../../../src/linux/seccompFilter.ts';

const filter = (name: string): SeccompFilter => ({
  architectures: [],
  action: 0x0005_0001,
  rules: [{ names: [name], action: 0x7fff_0000, conditions: [] }],
  known: [name],
});

let root = '';
beforeAll(() => setEngine(nodeEngine()));
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'filters-'));
});
afterEach(() => rmSync(root, { recursive: true }));

const kept = () => readdirSync(join(root, '@seccomp')).map((name) => join(root, '@seccomp', name));
const onlyOne = () => kept()[0] ?? '';

describe('filterCompiler', () => {
  it('keeps one file a filter, for its owner alone', () => {
    const compile = filterCompiler(root);
    expect(compile(filter('read'))).toEqual(compileFilter(filter('read')));
    expect(compile(filter('read'))).toEqual(compileFilter(filter('read')));
    expect(kept()).toHaveLength(1);
    expect(statSync(onlyOne()).mode & 0o777).toBe(0o600);
    compile(filter('write'));
    expect(kept()).toHaveLength(2);
  });

  it('does not compile what it finds', () => {
    filterCompiler(root)(filter('read'));
    const bytes = readFileSync(onlyOne());
    bytes[bytes.length - 1] = 0x5a;
    writeFileSync(onlyOne(), bytes);
    expect(filterCompiler(root)(filter('read')).at(-1)).toBe(0x5a);
  });

  it.each([
    ['is cut', () => truncateSync(onlyOne(), statSync(onlyOne()).size - 4)],
    ['is empty', () => truncateSync(onlyOne(), 0)],
    ['has no program', () => truncateSync(onlyOne(), 4)],
  ])('compiles again when the file %s, and mends it', (_, spoil) => {
    filterCompiler(root)(filter('read'));
    const good = readFileSync(onlyOne());
    spoil();
    expect(filterCompiler(root)(filter('read'))).toEqual(compileFilter(filter('read')));
    expect(readFileSync(onlyOne())).toEqual(good);
  });

  it('never takes the filter of another profile for its own', () => {
    filterCompiler(root)(filter('read'));
    const read = onlyOne();
    filterCompiler(root)(filter('write'));
    const write = kept().find((path) => path !== read) ?? '';
    writeFileSync(write, readFileSync(read));
    expect(filterCompiler(root)(filter('write'))).toEqual(compileFilter(filter('write')));
  });

  it('compiles where nothing can be kept', () => {
    const compile = filterCompiler(join(root, 'missing'));
    expect(compile(filter('read'))).toEqual(compileFilter(filter('read')));
  });

  it('blames linux.seccomp for rules libseccomp refuses', () => {
    const wrong = { ...filter('read'), action: 0x1234_5678 };
    expect(() => filterCompiler(root)(wrong)).toThrow(
      expect.objectContaining({
        code: 'security-failed',
        facts: expect.objectContaining({ property: '/linux/seccomp' }),
      }),
    );
  });
});
