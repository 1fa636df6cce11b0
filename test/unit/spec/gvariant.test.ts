import { describe, expect, it } from 'vitest';
import { gvariantString, parseGvariant } from '../../../src/spec/gvariant.ts';

describe('parseGvariant', () => {
  it.each<[string, string, unknown]>([
    ['true', 'b', true],
    ['5', 'i', 5],
    ['-0x10', 'i', -16],
    ['010', 'i', 8],
    ['1.5e3', 'd', 1500],
    ['uint64 18446744073709551615', 't', 18446744073709551615n],
    ['@x -1', 'x', -1n],
    ['byte 255', 'y', 255],
    ["'it\\'s'", 's', "it's"],
    ['"a\\tb\\u00e9"', 's', 'a\tb\u00e9'],
    ["objectpath '/a'", 'o', '/a'],
    ["['a', 'b']", 'as', ['a', 'b']],
    ['[uint32 1, 2]', 'au', [1, 2]],
    ['@as []', 'as', []],
    ["('a', uint64 3)", '(st)', ['a', 3n]],
    ["[('/dev/null', 'rw')]", 'a(ss)', [['/dev/null', 'rw']]],
    ['@a(ss) []', 'a(ss)', []],
    ['(1,)', '(i)', [1]],
  ])('reads %s', (text, type, value) => {
    expect(parseGvariant(text)).toEqual({ type, value });
  });

  it.each([
    '',
    '5 6',
    'byte 256',
    'int32 2147483648',
    'uint32 -1',
    "uint32 'a'",
    '[]',
    "[1, 'a']",
    '[1',
    '(1',
    "'open",
    'word',
    '<1>',
    '{1: 2}',
    'just 1',
    '@as 5',
  ])('does not read %s', (text) => {
    expect(parseGvariant(text)).toBeUndefined();
  });

  it('reads what gvariantString writes', () => {
    const text = 'a\\b\'c"d\ne';
    expect(parseGvariant(gvariantString(text))).toEqual({ type: 's', value: text });
  });
});
