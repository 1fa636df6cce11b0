import { describe, expect, it } from 'vitest';
import type { Packed } from '../../../src/engine/engine.ts';
import { nodeEngine } from '../../../src/engine/node.ts';

const { pack } = nodeEngine();

describe('Engine.pack', () => {
  it('writes numbers as u32 and bigints as u64, little-endian', () => {
    expect([...pack([1, 0xffff_ffff])]).toEqual([1, 0, 0, 0, 255, 255, 255, 255]);
    expect([...pack([2n ** 64n - 2n])]).toEqual([254, ...Array(7).fill(255)]);
  });
  it('writes a text with its length and its NUL, bytes with their length', () => {
    expect([...pack(['ä', ''])]).toEqual([3, 0, 0, 0, 0xc3, 0xa4, 0, 1, 0, 0, 0, 0]);
    expect([...pack([Uint8Array.of(7, 8)])]).toEqual([2, 0, 0, 0, 7, 8]);
  });
  it('writes a list with its bytes in all, lists within lists', () => {
    expect([...pack([[5], []])]).toEqual([8, 0, 0, 0, 5, 0, 0, 0, 4, 0, 0, 0]);
    expect([...pack([[[]]])]).toEqual([8, 0, 0, 0, 4, 0, 0, 0]);
  });
  it.each<readonly [string, Packed]>([
    ['numbers', 0xa5a5_a5a5],
    ['bigints', 0xa5a5_a5a5_a5a5_a5a5n],
  ])('grows with %s', (_, value) => {
    const width = typeof value === 'number' ? 4 : 8;
    const packed = pack(Array.from({ length: 40_000 / width }, () => value));
    expect(packed).toEqual(new Uint8Array(40_000).fill(0xa5));
  });
  it.each<readonly [string, Packed]>([
    ['a number above 2^32', 2 ** 32],
    ['a negative number', -1],
    ['a fraction', 0.5],
    ['no number', Number.NaN],
    ['a bigint above 2^64', 2n ** 64n],
    ['a negative bigint', -1n],
    ['a text with NUL', 'a\0b'],
    ['half a surrogate pair', '\ud800'],
  ])('refuses %s', (_, value) => {
    expect(() => pack([value])).toThrow(RangeError);
  });
});
