import { describe, expect, it } from 'vitest';
import { formatJson } from '../../../src/spec/formatJson.ts';

describe('formatJson', () => {
  const value = {
    text: 'a"\n',
    list: [1, null, true, { x: [] }],
    nothing: undefined,
    empty: {},
    'odd key': -1.5,
  };

  it.each(['', '  ', '\t'])('writes what JSON.stringify writes, indented by %j', (indent) => {
    expect(formatJson(value, indent)).toBe(JSON.stringify(value, null, indent));
  });

  it('writes a bigint as an exact integer', () => {
    expect(formatJson({ limit: 2n ** 64n - 1n })).toBe('{"limit":18446744073709551615}');
  });
});
