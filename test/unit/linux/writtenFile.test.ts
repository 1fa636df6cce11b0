import {
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { setEngine } from '../../../src/engine/current.ts';
import { nodeEngine } from '../../../src/engine/node.ts';
import { WrittenFile } from '../../../src/linux/writtenFile.ts';

setEngine(nodeEngine());

let top = '';
beforeAll(() => {
  top = mkdtempSync(join(tmpdir(), 'tsrun-written-'));
});
afterAll(() => rmSync(top, { recursive: true }));

function made(name: string): string {
  const path = join(top, name);
  writeFileSync(path, '');
  return path;
}

/** Whether this process has a file open. */
const isOpen = (path: string): boolean =>
  readdirSync('/proc/self/fd').some((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`) === path;
    } catch {
      return false;
    }
  });

describe('a file that is written to several times', () => {
  it('takes each text from its start, and is closed behind the last', () => {
    const path = made('several');
    const written = new WrittenFile();
    written.write(path, 'first', true);
    expect(isOpen(path)).toBe(true);
    written.write(path, 'more', true);
    expect(readFileSync(path, 'utf8')).toBe('moret');
    written.write(path, 'l', false);
    expect(readFileSync(path, 'utf8')).toBe('loret');
    expect(isOpen(path)).toBe(false);
  });

  it('is closed when another one is written to', () => {
    const [one, other] = [made('one'), made('other')];
    const written = new WrittenFile();
    written.write(one, 'a', true);
    written.write(other, 'b', true);
    expect([isOpen(one), isOpen(other)]).toEqual([false, true]);
    written.write(other, 'c', false);
    expect([isOpen(other), readFileSync(one, 'utf8'), readFileSync(other, 'utf8')]).toEqual([
      false,
      'a',
      'c',
    ]);
  });

  it('is closed when it takes no more, and the failure names it', () => {
    const written = new WrittenFile();
    const failed = () => written.write('/dev/full', 'x', true);
    expect(failed).toThrow(
      expect.objectContaining({ call: 'pwrite', errno: 28, detail: '/dev/full' }),
    );
    expect(isOpen('/dev/full')).toBe(false);
  });

  it('must be there', () => {
    const path = join(top, 'none');
    for (const goesOn of [true, false]) {
      expect(() => new WrittenFile().write(path, 'x', goesOn)).toThrow(
        expect.objectContaining({ call: 'openat', errno: 2, detail: path }),
      );
    }
  });
});
