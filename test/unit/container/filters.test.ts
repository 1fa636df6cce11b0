import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
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

/** Changes the file that is kept. */
function change(edit: (bytes: Buffer) => void): void {
  const bytes = readFileSync(onlyOne());
  edit(bytes);
  writeFileSync(onlyOne(), bytes);
}

const flip = (bytes: Buffer, at: number) => bytes.writeUInt8((bytes[at] ?? 0) ^ 1, at);

const ALLOW = 0x7fff_0000;

/** FNV-1a over 32-bit words. */
const sumOf = (program: Uint8Array): number =>
  new Uint32Array(program.buffer, program.byteOffset, program.length / 4).reduce(
    (sum, word) => Math.imul(sum ^ word, 0x0100_0193) >>> 0,
    0x811c_9dc5,
  );

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
    const { ino } = statSync(onlyOne());
    expect(filterCompiler(root)(filter('read'))).toEqual(compileFilter(filter('read')));
    expect(statSync(onlyOne()).ino).toBe(ino);
  });

  it.each([
    ['is cut', () => truncateSync(onlyOne(), statSync(onlyOne()).size - 4)],
    ['is empty', () => truncateSync(onlyOne(), 0)],
    ['has no program', () => truncateSync(onlyOne(), 8)],
    ['has one bit of the program changed', () => change((bytes) => flip(bytes, bytes.length - 3))],
    ['has one bit of its sum changed', () => change((bytes) => flip(bytes, 4))],
    ['is of another version of tsrun', () => change((bytes) => flip(bytes, 10))],
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

  const isRoot = process.getuid?.() === 0;
  describe('does not let who may write where it should not decide what is allowed:', () => {
    /** A record for `read` that allows everything: right key, right sum. */
    const poison = () => {
      filterCompiler(root)(filter('read'));
      const [path, good] = [onlyOne(), readFileSync(onlyOne())];
      const program = compileFilter({ ...filter('read'), rules: [], action: ALLOW, known: [] });
      const keyBytes = good.readUInt32LE(0);
      const bad = Buffer.concat([good.subarray(0, 8 + keyBytes), program]);
      bad.writeUInt32LE(sumOf(program), 4);
      writeFileSync(path, bad);
      return { path, bad };
    };
    it('the poison itself works where the user alone may write', () => {
      poison();
      expect(filterCompiler(root)(filter('read'))).not.toEqual(compileFilter(filter('read')));
    });
    const attacks: [string, boolean, (path: string, bad: Buffer) => void][] = [
      ['a file that others may write', true, (path) => chmodSync(path, 0o606)],
      ['a file that the group may write', true, (path) => chmodSync(path, 0o660)],
      ['a file of another user', isRoot, (path) => chownSync(path, 12345, 0)],
      [
        'a symlink to a file',
        true,
        (path, bad) => {
          writeFileSync(join(root, 'elsewhere'), bad, { mode: 0o600 });
          rmSync(path);
          symlinkSync(join(root, 'elsewhere'), path);
        },
      ],
      [
        'a FIFO, which would be waited for',
        true,
        (path) => {
          rmSync(path);
          spawnSync('mkfifo', [path]);
        },
      ],
      ['a directory that others may write', true, () => chmodSync(join(root, '@seccomp'), 0o707)],
      ['a directory of another user', isRoot, () => chownSync(join(root, '@seccomp'), 12345, 0)],
      [
        'a symlink to a directory',
        true,
        () => {
          renameSync(join(root, '@seccomp'), join(root, 'moved'));
          symlinkSync(join(root, 'moved'), join(root, '@seccomp'));
        },
      ],
    ];
    it.each(attacks.filter(([, isPossible]) => isPossible))('%s', (_title, _, attack) => {
      const { path, bad } = poison();
      attack(path, bad);
      expect(filterCompiler(root)(filter('read'))).toEqual(compileFilter(filter('read')));
    });
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
