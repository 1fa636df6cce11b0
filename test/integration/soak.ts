/** How often the tests that take chances take them: a little in `npm test`, much in `npm run test:soak`. */
export const isSoak = process.env['TSRUN_SOAK'] === '1';

/** A count: in the suite, and in the soak. */
export const times = (inSuite: number, inSoak: number): number => (isSoak ? inSoak : inSuite);

/** Reproducible numbers in [0, 1): mulberry32. The seed is TSRUN_SEED, or new, and is told on failure. */
export const SEED = Number(process.env['TSRUN_SEED'] ?? Date.now() % 0x7fffffff);

export function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
