/** What a list of samples says. Milliseconds in, milliseconds out. */

export interface Summary {
  readonly median: number;
  /** The quartiles: half of the samples lie between them. */
  readonly low: number;
  readonly high: number;
  readonly count: number;
}

/** Linear interpolation between the two nearest samples; `at` from 0 to 1. */
export function quantile(samples: readonly number[], at: number): number {
  const sorted = [...samples].sort((one, other) => one - other);
  const place = (sorted.length - 1) * at;
  const below = sorted[Math.floor(place)] ?? Number.NaN;
  const above = sorted[Math.ceil(place)] ?? Number.NaN;
  return below + (above - below) * (place - Math.floor(place));
}

export const summarize = (samples: readonly number[]): Summary => ({
  median: quantile(samples, 0.5),
  low: quantile(samples, 0.25),
  high: quantile(samples, 0.75),
  count: samples.length,
});

/**
 * How two subjects compare that were measured round by round: median and quartiles of each round's ratio,
 * whose two samples saw the same state of the machine.
 */
export const ratio = (samples: readonly number[], of: readonly number[]): Summary =>
  summarize(samples.slice(0, of.length).map((sample, round) => sample / (of[round] ?? Number.NaN)));
