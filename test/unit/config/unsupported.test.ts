import { describe, expect, it } from 'vitest';
import { checkUnsupported, type Unsupported } from '../../../src/config/unsupported.ts';

const TABLE: readonly Unsupported[] = [
  { pattern: '/a/b', verdict: 'refuse', reason: 'no' },
  { pattern: '/list/*/c', verdict: 'warn', reason: 'hm' },
];
const found = (config: unknown) =>
  checkUnsupported(config, TABLE).map(({ severity, path }) => `${severity} ${path}`);

describe('checkUnsupported', () => {
  it('refuses or warns as the row says, under every index and name', () => {
    const list = [{ c: 1 }, {}, { c: false }];
    expect(found({ a: { b: 'x' }, list })).toEqual([
      'error /a/b',
      'warning /list/0/c',
      'warning /list/2/c',
    ]);
    expect(found({ list: { 'x/y': { c: [0] } } })).toEqual(['warning /list/x~1y/c']);
  });

  it.each([
    [{}],
    [{ a: null }],
    [{ a: { b: '' } }],
    [{ a: { b: {} }, list: 5 }],
    [{ a: { b: [] } }],
  ])('finds nothing asked for in %j', (config) => {
    expect(found(config)).toEqual([]);
  });

  it('marks what is refused as right but not carried out', () => {
    expect(checkUnsupported({ a: { b: 1 } }, TABLE)[0]).toMatchObject({ unsupported: true });
  });
});
