/** Some thousands of the documents that `npm run test:soak fuzz` makes a million of; another seed each time. */
import { describe, expect, it } from 'vitest';
import { formatFailure, fuzz, KINDS } from '../../fuzz/fuzz.ts';
import { SEED } from '../../integration/soak.ts';

const CASES = 1500;

describe.each([...KINDS])('mutated %s documents', (kind, named) => {
  // Seconds alone; a busy machine has other work.
  const timeout = 300_000;
  it('are refused with a place, or taken, planned and encoded: never anything else', {
    timeout,
  }, () => {
    const { taken, failures } = fuzz(named, SEED, 0, CASES);
    expect(failures.map((failure) => formatFailure(kind, failure))).toEqual([]);
    // Neither all too wrong to get anywhere, nor all harmless.
    expect(taken).toBeGreaterThan(CASES / 100);
    expect(taken).toBeLessThan(CASES);
  });
});

describe('a case', () => {
  it('is the same document whenever it is made', () => {
    const [, kind] = [...KINDS][0] ?? [];
    if (kind === undefined) throw new Error('no kinds');
    const lengths = () => {
      const seen: number[] = [];
      fuzz(kind, 42, 100, 100, (frame) => void seen.push(frame.length));
      return seen;
    };
    const first = lengths();
    expect(first).not.toEqual([]);
    expect(lengths()).toEqual(first);
  });
});
