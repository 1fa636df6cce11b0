import { describe, expect, it } from 'vitest';
import { nodeEngine } from '../../../src/engine/node.ts';

const KINDS = ['u', 'i', 'U', 's', 'S', 'l', 'L', 'v', 'w', 'b', 'f', 'o'];
const wire = {
  actors: { outer: 1 },
  layouts: Object.fromEntries(
    [...KINDS, '?'].map((kind) => [kind, [7, 2, `${kind}value`] as const] as const),
  ),
  errnos: { ENOENT: 2 },
  openFlags: (flags: number) => flags + 1,
  filter: () => Uint8Array.of(9),
};
const encode = (kind: string, value?: unknown) => {
  const op = { call: kind, value };
  return nodeEngine().encodeSteps([{ actor: 'outer', op }], wire);
};
const HEAD = 16;

describe('Engine.encodeSteps', () => {
  it.each<readonly [string, unknown, readonly number[]]>([
    ['u', 0xffff_ffff, [255, 255, 255, 255]],
    ['i', -2, [254, 255, 255, 255]],
    ['U', 2n ** 64n - 2n, [254, 255, 255, 255, 255, 255, 255, 255]],
    ['s', 'ä', [3, 0, 0, 0, 0xc3, 0xa4, 0]],
    ['s', '', [1, 0, 0, 0, 0]],
    ['S', undefined, [0, 0, 0, 0]],
    ['S', '', [1, 0, 0, 0, 0]],
    ['l', 'root', [0, 0, 0, 0]],
    ['L', undefined, [255, 255, 255, 255]],
    ['v', ['a'], [1, 0, 0, 0, 2, 0, 0, 0, 97, 0]],
    ['w', [1, 2], [2, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0]],
    ['b', Uint8Array.of(7, 8), [2, 0, 0, 0, 7, 8]],
    ['f', {}, [1, 0, 0, 0, 9]],
    ['o', 1, [2, 0, 0, 0]],
  ])('writes a field %s of %o', (kind, value, bytes) => {
    const length = HEAD + bytes.length + 4;
    const head = [length, 0, 0, 0, 7, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    const encoded = encode(kind, value);
    expect([...encoded.bytes]).toEqual([...head, ...bytes].with(0, HEAD + bytes.length));
    expect(encoded.count).toBe(1);
    expect(encoded.slots).toEqual(kind === 'l' ? ['root'] : []);
  });

  it('numbers slots in the order they are met, and the steps of others as well', () => {
    const op = (value: string) => ({ call: 'l', value });
    const steps = ['a', 'b', 'a'].map((slot) => ({ actor: 'outer', op: op(slot) }));
    const encoded = nodeEngine().encodeSteps([{ actor: 'runtime', op: op('c') }, ...steps], wire);
    expect(encoded.slots).toEqual(['a', 'b']);
    expect([8, 28, 48].map((at) => encoded.bytes[at])).toEqual([1, 2, 3]);
    expect([16, 36, 56].map((at) => encoded.bytes[at])).toEqual([0, 1, 0]);
  });

  it('grows', () => {
    const { bytes } = encode('w', Array(10_000).fill(0xa5a5_a5a5));
    expect(bytes.subarray(HEAD + 4)).toEqual(new Uint8Array(40_000).fill(0xa5));
  });

  it.each<readonly [string, unknown]>([
    ['u', 2 ** 32],
    ['u', -1],
    ['u', 0.5],
    ['u', Number.NaN],
    ['u', '1'],
    ['u', undefined],
    ['i', 2 ** 31],
    ['i', -(2 ** 31) - 1],
    ['U', 2n ** 64n],
    ['U', -1n],
    ['U', 1],
    ['s', 'a\0b'],
    ['s', '\ud800'],
    ['s', undefined],
    ['l', undefined],
    ['v', 'a'],
    ['v', [1]],
    ['?', 1],
    ['none', 1],
  ])('refuses a field %s of %o', (kind, value) => {
    expect(() => encode(kind, value)).toThrow(RangeError);
  });
});
