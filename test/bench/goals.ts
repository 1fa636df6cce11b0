/** What is to be reached, beside what was. */
import { runWhileExist, SLOPE } from './growth.ts';
import { FLOOR, type Result } from './measure.ts';
import { BESIDE, SMALLEST } from './memory.ts';
import { OURS } from './report.ts';
import { ratio, summarize } from './statistics.ts';

interface Goal {
  readonly text: string;
  readonly atMost: number;
  measured(results: readonly Result[]): number | undefined;
}

const samplesOf = (results: readonly Result[], series: string, subject: string) =>
  results.find(({ name }) => name === series)?.samples.get(subject);

/** tsrun's part of what another takes. */
const against = (series: string, other: string, atMost: number): Goal => ({
  text: `${series}: of ${other}'s`,
  atMost,
  measured(results) {
    const [ours, theirs] = [OURS, other].map((subject) => samplesOf(results, series, subject));
    return ours === undefined || theirs === undefined ? undefined : ratio(ours, theirs).median;
  },
});

const inAll = (series: string, atMost: number, unit: string): Goal => ({
  text: `${series}, ${unit}`,
  atMost,
  measured(results) {
    const ours = samplesOf(results, series, OURS);
    return ours === undefined ? undefined : summarize(ours).median;
  },
});

/** What the kernel's own part grows by is taken off; a tenth is within what the rest varies. */
const unmoved: Goal = {
  text: 'run while 1000 containers exist, without what the floor grows by: of the time when none does',
  atMost: 1.1,
  measured(results) {
    const [most, none, floorMost, floorNone] = [OURS, FLOOR].flatMap((subject) =>
      [1000, 0].map((count) => samplesOf(results, runWhileExist(count), subject)),
    );
    if (!most || !none || !floorMost || !floorNone) return undefined;
    const growth = summarize(floorMost).median - summarize(floorNone).median;
    return (summarize(most).median - growth) / summarize(none).median;
  },
};

export const GOALS: readonly Goal[] = [
  against('run /bin/true', 'crun', 0.75),
  against('run /bin/true', 'runc', 0.2),
  against('run /bin/true', 'floor', 3),
  against('create + start + delete', 'crun', 1),
  against('create + start + delete, cold caches', 'crun', 1),
  against('peak memory of run', 'crun', 1),
  against('peak memory of create', 'crun', 1),
  inAll(BESIDE, 512, 'KiB'),
  inAll(SMALLEST, 512, 'KiB'),
  unmoved,
  against(SLOPE, 'crun', 1),
];

/** A line for each that was measured. */
export function goals(results: readonly Result[]): string {
  return GOALS.flatMap(({ text, atMost, measured }) => {
    const value = measured(results);
    if (value === undefined) return [];
    const verdict = value <= atMost ? 'reached' : 'MISSED ';
    return `${verdict}  ${value.toFixed(2).padStart(7)} (at most ${atMost})  ${text}`;
  }).join('\n');
}
