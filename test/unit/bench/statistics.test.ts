/** What the benchmark makes of its samples. */
import { describe, expect, it } from 'vitest';
import { quantile, ratio, summarize } from '../../bench/statistics.ts';

describe('quantile', () => {
  it.each([
    [[3, 1, 2], 0.5, 2],
    [[4, 1, 2, 3], 0.5, 2.5],
    [[1, 2, 3, 4, 5], 0.25, 2],
    [[1, 2, 3, 4], 0.75, 3.25],
    [[7], 0.25, 7],
  ])('of %j at %d is %d, between the two nearest samples', (samples, at, expected) => {
    expect(quantile(samples, at)).toBe(expected);
  });
  it('sorts by number, not as text, and leaves the samples as they are', () => {
    const samples = [10, 9, 100];
    expect(quantile(samples, 0.5)).toBe(10);
    expect(samples).toEqual([10, 9, 100]);
  });
  it('of nothing is no number', () => {
    expect(summarize([]).median).toBeNaN();
  });
});

describe('ratio', () => {
  it('is taken in each round: what slows a round down for both does not show', () => {
    const { median, low, high } = ratio([1, 2, 30, 4, 5], [2, 4, 60, 8, 10]);
    expect([low, median, high]).toEqual([0.5, 0.5, 0.5]);
  });
  it('is the median of the ratios, not the ratio of the medians', () => {
    expect(ratio([1, 10, 12], [2, 4, 12]).median).toBe(1);
  });
});
