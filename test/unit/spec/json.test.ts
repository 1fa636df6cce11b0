import { describe, expect, it } from 'vitest';
import { formatJson } from '../../../src/spec/formatJson.ts';
import { JsonSyntaxError, parseJson } from '../../../src/spec/json.ts';
import { parseLocated } from '../../../src/spec/position.ts';

describe('parseJson', () => {
  it.each([
    '{"a":[1,2.5,-3e2,true,false,null,"x"],"b":{}}',
    ' [ ] ',
    '"\\u00e9\\n\\"\\/\\\\\\ud83d\\ude00 é 😀"',
    '{"__proto__":{"x":1},"a":1,"a":2}',
    '-0',
  ])('reads %s as JSON.parse does', (text) => {
    expect(parseJson(text)).toStrictEqual(JSON.parse(text));
  });

  it.each([
    ['18446744073709551615', 18446744073709551615n],
    ['-9223372036854775808', -9223372036854775808n],
    ['9007199254740993', 9007199254740993n],
    ['9007199254740991', 9007199254740991],
  ])('keeps the integer %s exact, and prints it again', (text, value) => {
    expect(parseJson(text)).toBe(value);
    expect(formatJson(parseJson(text))).toBe(text);
  });

  it.each([
    ['', 0],
    ['{"a":1,}', 7],
    ['{"a" 1}', 5],
    ['{a:1}', 1],
    ['[1 2]', 3],
    ['[1', 2],
    ['"a\nb"', 2],
    ['"abc', 4],
    ['"\\x"', 3],
    ['"\\u12"', 3],
    ['01', 1],
    ['tru', 0],
    ['{} {}', 3],
    ['+1', 0],
    ['[1.]', 2],
  ])('refuses %j at offset %i', (text, offset) => {
    expect(() => JSON.parse(text)).toThrow();
    expect(() => parseJson(text)).toThrow(JsonSyntaxError);
    try {
      parseJson(text);
    } catch (cause) {
      expect(cause instanceof JsonSyntaxError && cause.offset).toBe(offset);
    }
  });

  it('refuses nesting that would exhaust the stack', () => {
    expect(() => parseJson('['.repeat(100_000))).toThrow('nested deeper');
  });
});

describe('parseLocated', () => {
  const text = '{\n  "a": [1,\n    {"b/c": "x"}],\n  "a": 2\n}';

  it.each([
    ['', 1, 1],
    ['/a', 4, 8],
    ['/a/1', 3, 5],
    ['/a/1/b~1c', 3, 13],
  ])('knows where %j stands', (pointer, line, column) => {
    expect(parseLocated(text).positionOf(pointer)).toEqual({ line, column });
  });

  it('gives a missing property the place of what should hold it', () => {
    expect(parseLocated(text).positionOf('/a/1/missing/x')).toEqual({ line: 3, column: 5 });
  });

  it('reports a name given twice', () => {
    expect(parseLocated(text).duplicates).toEqual(['/a']);
  });
});
