import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { setEngine } from '../../../src/engine/current.ts';
import { nodeEngine } from '../../../src/engine/node.ts';
import { failedWith, SystemError } from '../../../src/linux/call.ts';
import { F_OK, LOCK_EX, LOCK_NB, X_OK } from '../../../src/linux/constants/file.ts';
import {
  access,
  close,
  closing,
  filesystemType,
  flock,
  listDirectory,
  mkdirAll,
  openDirectory,
  readFile,
  readlink,
  readText,
  readTextIfExists,
  removeIfExists,
  replaceFile,
  rmdir,
  unlink,
  writeExisting,
} from '../../../src/linux/files.ts';

setEngine(nodeEngine());

let top = '';
beforeAll(() => {
  top = mkdtempSync(join(tmpdir(), 'tsrun-files-'));
});
afterAll(() => rmSync(top, { recursive: true }));

const bytes = (text: string) => new TextEncoder().encode(text);

describe('a failed call', () => {
  it('says which call, which errno, and what it was about', () => {
    const path = join(top, 'none');
    const failed = () => readFile(path);
    expect(failed).toThrow(SystemError);
    expect(failed).toThrow(expect.objectContaining({ call: 'openat', errno: 2, detail: path }));
    expect(failed).toThrow(`openat ${path}: ENOENT: no such file or directory`);
  });
  it('can be asked for its errno by name', () => {
    expect(failedWith(new SystemError('mkdirat', 17), 'ENOENT', 'EEXIST')).toBe(true);
    expect(failedWith(new SystemError('mkdirat', 13), 'ENOENT', 'EEXIST')).toBe(false);
    expect(failedWith(new Error('EEXIST'), 'EEXIST')).toBe(false);
  });
});

describe('reading', () => {
  it('takes a whole file, however long', () => {
    const path = join(top, 'long');
    const text = 'äöü\n'.repeat(20_000);
    writeFileSync(path, text);
    expect(readText(path)).toBe(text);
  });
  it('takes a file of /proc, whose size is 0', () => {
    expect(readText('/proc/self/comm')).not.toBe('');
  });
  it('of a file that need not be there is undefined when it is not', () => {
    writeFileSync(join(top, 'file'), 'x');
    expect(readTextIfExists(join(top, 'file'))).toBe('x');
    expect(readTextIfExists(join(top, 'none'))).toBeUndefined();
    expect(readTextIfExists(join(top, 'file/below'))).toBeUndefined();
    expect(() => readTextIfExists(top)).toThrow(expect.objectContaining({ errno: 21 }));
  });
  it('takes a file that fills the first buffer, to the byte', () => {
    const path = join(top, 'full');
    for (const length of [16_383, 16_384, 16_385, 32_768]) {
      writeFileSync(path, 'x'.repeat(length));
      expect(readText(path)).toBe('x'.repeat(length));
    }
  });
  it('says which call failed, and of which file', () => {
    const none = join(top, 'none');
    const failure = { call: 'openat', errno: 2, detail: none };
    expect(() => readText(none)).toThrow(expect.objectContaining(failure));
    expect(() => readText(top)).toThrow(expect.objectContaining({ call: 'read', errno: 21 }));
  });
  it('follows a link by one step with readlink', () => {
    symlinkSync('some/where', join(top, 'link'));
    expect(readlink(join(top, 'link'))).toBe('some/where');
  });
});

describe('writing', () => {
  it('replaces a file in one step and leaves no temporary one', () => {
    const path = join(top, 'replaced');
    writeFileSync(path, 'before');
    replaceFile(path, `${path}.new`, bytes('after'), 0o600);
    expect(readFileSync(path, 'utf8')).toBe('after');
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(existsSync(`${path}.new`)).toBe(false);
  });
  it('never goes through what stands in the place of the temporary one', () => {
    const [victim, path] = [join(top, 'victim'), join(top, 'by-rename')];
    writeFileSync(victim, 'untouched');
    for (const plant of [
      () => symlinkSync(victim, `${path}.new`),
      () => writeFileSync(`${path}.new`, 'left by one that was killed'),
    ]) {
      plant();
      replaceFile(path, `${path}.new`, bytes('written'), 0o600);
      expect(readFileSync(path, 'utf8')).toBe('written');
      expect(readFileSync(victim, 'utf8')).toBe('untouched');
      expect(existsSync(`${path}.new`)).toBe(false);
    }
  });
  it('to what must exist makes nothing', () => {
    const path = join(top, 'not-made');
    expect(() => writeExisting(path, '1')).toThrow(expect.objectContaining({ errno: 2 }));
    expect(existsSync(path)).toBe(false);
  });
  it('of an empty file writes nothing and is no failure', () => {
    replaceFile(join(top, 'empty'), join(top, 'empty.new'), bytes(''), 0o600);
    expect(readFile(join(top, 'empty'))).toHaveLength(0);
  });
});

describe('directories', () => {
  it('are made with their parents, and may be there already', () => {
    mkdirAll(join(top, 'a/b/c'), 0o700);
    mkdirAll(join(top, 'a/b/c'), 0o700);
    expect(statSync(join(top, 'a/b/c')).mode & 0o777).toBe(0o700);
  });
  it('are listed with the type of each entry, without . and ..', () => {
    const path = join(top, 'listed');
    mkdirSync(join(path, 'directory'), { recursive: true });
    writeFileSync(join(path, 'file'), '');
    const entries = [...listDirectory(path)].sort((a, b) => (a.name < b.name ? -1 : 1));
    expect(entries).toEqual([
      { name: 'directory', type: 4 },
      { name: 'file', type: 8 },
    ]);
    expect(listDirectory(join(top, 'none'))).toEqual([]);
  });
  it('of many entries are listed whole', () => {
    const path = join(top, 'many');
    mkdirSync(path);
    const name = 'n'.repeat(200);
    for (let n = 0; n < 300; n += 1) writeFileSync(join(path, `${name}${n}`), '');
    expect(new Set(listDirectory(path).map(({ name }) => name)).size).toBe(300);
  });
  it('are removed when they are there', () => {
    mkdirSync(join(top, 'removed'));
    expect(removeIfExists(rmdir, join(top, 'removed'))).toBe(true);
    expect(removeIfExists(rmdir, join(top, 'removed'))).toBe(false);
    expect(() => removeIfExists(unlink, top)).toThrow(SystemError);
  });
});

describe('access', () => {
  it('tells what is there and what may be done with it', () => {
    writeFileSync(join(top, 'plain'), '', { mode: 0o644 });
    expect(access(join(top, 'plain'), F_OK)).toBe(true);
    expect(access(join(top, 'plain'), X_OK)).toBe(false);
    expect(access(join(top, 'none'), F_OK)).toBe(false);
    expect(access(join(top, 'plain/below'), F_OK)).toBe(false);
  });
});

describe('flock', () => {
  it('is refused while another descriptor has the lock', () => {
    const first = openDirectory(top);
    const second = openDirectory(top);
    expect(flock(first, LOCK_EX | LOCK_NB)).toBe(true);
    expect(flock(second, LOCK_EX | LOCK_NB)).toBe(false);
    close(first);
    expect(flock(second, LOCK_EX | LOCK_NB)).toBe(true);
    close(second);
  });
});

describe('filesystemType', () => {
  it('is the magic number of the file system', () => {
    expect(filesystemType('/proc')).toBe(0x9fa0);
  });
});

describe('closing', () => {
  it('closes the descriptor when its use fails', () => {
    let used = -1;
    const failing = () =>
      closing(openDirectory(top), (fd) => {
        used = fd;
        throw new Error('in use');
      });
    expect(failing).toThrow('in use');
    expect(() => close(used)).toThrow(expect.objectContaining({ errno: 9 }));
  });
});
