/** The two kinds of charts: bars for one measurement, lines for one that grows. Each an SVG group. */

import { digits } from './digits.ts';
import type { Result } from './measure.ts';
import { summarize } from './statistics.ts';

export interface Place {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

const COLOURS: Readonly<Record<string, string>> = {
  tsrun: '#2f81f7',
  crun: '#e08a3c',
  runc: '#8c959f',
  floor: '#3aa657',
};
const OTHERS = ['#a371f7', '#d4519b', '#2aa7a7'];

/** The same colour for a subject in every chart; `subjects` are all there are. */
export const colourOf = (subject: string, subjects: readonly string[]): string =>
  COLOURS[subject] ??
  OTHERS[subjects.filter((name) => !(name in COLOURS)).indexOf(subject) % OTHERS.length] ??
  '#8c959f';

const TITLE = 24;
const BAR = 14;
const STEP = 20;
const LABEL = 42;
const FIGURE = 66;

/** How high a chart of this many bars is. */
export const barsHeight = (count: number): number => TITLE + count * STEP + 14;

/** A bar a subject: the median; the line at its end spans the quartiles. */
export function bars(result: Result, subjects: readonly string[], place: Place): string {
  const { name, unit, samples } = result;
  const list = subjects.flatMap((subject) => {
    const of = samples.get(subject);
    return of === undefined ? [] : [{ subject, ...summarize(of) }];
  });
  const longest = Math.max(...list.map(({ high }) => high));
  const scale = (value: number): number => (value / longest) * (place.width - LABEL - FIGURE);
  const parts = list.map(({ subject, median, low, high, count }, index) => {
    const y = TITLE + index * STEP;
    const middle = y + BAR / 2;
    const at = (value: number): string => (LABEL + scale(value)).toFixed(1);
    const spread =
      count > 3 && high > low
        ? `<path class="spread" d="M${at(low)} ${middle}H${at(high)}M${at(low)} ${middle - 3}v6M${at(high)} ${middle - 3}v6"/>`
        : '';
    return [
      `<text class="label" x="${LABEL - 6}" y="${middle + 4}" text-anchor="end">${escapeText(subject)}</text>`,
      `<rect x="${LABEL}" y="${y}" width="${Math.max(1, scale(median)).toFixed(1)}" height="${BAR}" rx="2" fill="${colourOf(subject, subjects)}"/>`,
      spread,
      `<text class="figure" x="${(LABEL + scale(Math.max(median, high)) + 6).toFixed(1)}" y="${middle + 4}">${figure(median, unit)}</text>`,
    ].join('');
  });
  return group(place, title(name), parts);
}

/** Where a measurement that grows was made, and its results there. */
export interface Growth {
  readonly title: string;
  /** What stands below the axis. */
  readonly of: string;
  readonly points: readonly { readonly count: number; readonly result: Result }[];
}

const AXIS_LEFT = 42;
const AXIS_BOTTOM = 34;
const AXIS_RIGHT = 58;

/** A line a subject over the counts, both axes linear; its last figure stands at its end. */
export function lines(growth: Growth, subjects: readonly string[], place: Place): string {
  const counts = growth.points.map(({ count }) => count);
  const unit = growth.points[0]?.result.unit ?? 'ms';
  const curves = subjects
    .map((subject) => ({ subject, points: pointsOf(growth, subject) }))
    .filter(({ points }) => points.length > 1);
  const highest = niceCeiling(
    Math.max(...curves.flatMap(({ points }) => points.map(({ high }) => high))),
  );
  const bottom = place.height - AXIS_BOTTOM;
  const x = (count: number): number =>
    AXIS_LEFT + (count / Math.max(...counts)) * (place.width - AXIS_LEFT - AXIS_RIGHT);
  const y = (value: number): number => bottom - (value / highest) * (bottom - TITLE - 6);
  const grid = [0, 0.5, 1].map((part) => {
    const value = highest * part;
    return [
      `<path class="grid" d="M${AXIS_LEFT} ${y(value).toFixed(1)}H${place.width - AXIS_RIGHT}"/>`,
      `<text class="figure" x="${AXIS_LEFT - 6}" y="${(y(value) + 4).toFixed(1)}" text-anchor="end">${Number(value.toPrecision(3))}</text>`,
    ].join('');
  });
  const ticks = counts.map(
    (count) =>
      `<text class="figure" x="${x(count).toFixed(1)}" y="${bottom + 14}" text-anchor="${count === counts[0] ? 'end' : 'middle'}">${count}</text>`,
  );
  const ends = apart(curves.map(({ points }) => y(points.at(-1)?.median ?? 0)));
  const drawn = curves.map(({ subject, points }, index) => {
    const colour = colourOf(subject, subjects);
    const dots = points.map(({ count, median, low, high }) => {
      const at = x(count).toFixed(1);
      return `<path class="spread" d="M${at} ${y(low).toFixed(1)}V${y(high).toFixed(1)}"/><circle cx="${at}" cy="${y(median).toFixed(1)}" r="3" fill="${colour}"/>`;
    });
    const path = points.map(
      ({ count, median }) => `${x(count).toFixed(1)} ${y(median).toFixed(1)}`,
    );
    const last = points.at(-1)?.median ?? 0;
    return [
      `<path d="M${path.join('L')}" fill="none" stroke="${colour}" stroke-width="2"/>${dots.join('')}`,
      `<text class="figure" x="${place.width - AXIS_RIGHT + 8}" y="${((ends[index] ?? 0) + 4).toFixed(1)}">${escapeText(subject)} ${digits(last)}</text>`,
    ].join('');
  });
  const below = `<text class="figure" x="${(AXIS_LEFT + place.width - AXIS_RIGHT) / 2}" y="${place.height - 4}" text-anchor="middle">${escapeText(growth.of)}</text>`;
  return group(place, title(`${growth.title} (${unit})`), [...grid, ...ticks, ...drawn, below]);
}

const pointsOf = (growth: Growth, subject: string) =>
  growth.points.flatMap(({ count, result }) => {
    const samples = result.samples.get(subject);
    return samples === undefined ? [] : [{ ...summarize(samples), count }];
  });

/** 1, 2, 3, 4, 5, 6, 8 or 10 times a power of ten: halves of it are round as well, or nearly. */
function niceCeiling(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value));
  return ([1, 2, 3, 4, 5, 6, 8, 10].find((step) => step * power >= value) ?? 10) * power;
}

const LINE_OF_TEXT = 13;

/** Moves texts apart that would lie on each other; the order of their heights stays. */
function apart(heights: readonly number[]): number[] {
  const order = heights.map((height, index) => ({ height, index }));
  order.sort((one, other) => one.height - other.height);
  let free = Number.NEGATIVE_INFINITY;
  const moved = [...heights];
  for (const { height, index } of order) {
    free = Math.max(height, free);
    moved[index] = free;
    free += LINE_OF_TEXT;
  }
  return moved;
}

const figure = (value: number, unit: Result['unit']): string =>
  unit === 'KiB' && value >= 1024 ? `${digits(value / 1024)} MiB` : `${digits(value)} ${unit}`;

const title = (text: string): string =>
  `<text class="title" x="0" y="13">${escapeText(text)}</text>`;

const group = ({ x, y }: Place, head: string, parts: readonly string[]): string =>
  `<g transform="translate(${x} ${y})">${head}\n${parts.join('\n')}</g>`;

export const escapeText = (text: string): string =>
  text.replace(/[&<>]/g, (character) => `&#${character.charCodeAt(0)};`);
