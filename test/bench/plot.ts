/** The figures as horizontal bars, one small chart a measurement: SVG that follows a dark page's colours. */
import type { Result } from './report.ts';
import { summarize } from './statistics.ts';

const CHARTS = ['run /bin/true', 'create + start + delete', 'start', 'delete', 'peak of create'];
const WIDTH = 760;
const LABEL = 90;
const BAR = 18;
const GAP = 6;
const TITLE = 30;
const COLOURS: Readonly<Record<string, string>> = { tsrun: '#2f81f7', floor: '#2da44e' };
const OTHER = '#9aa4af';

const STYLE = `text{font:13px system-ui,sans-serif;fill:#24292f}.small{font-size:11px;fill:#6e7781}
.spread{stroke:#24292f;stroke-width:1.5}
@media (prefers-color-scheme:dark){text{fill:#e6edf3}.small{fill:#8b949e}.spread{stroke:#e6edf3}}`;

/** Bars are medians, the line at the end of each spans its quartiles. */
export function plot(results: readonly Result[], machine: string): string {
  const charts = CHARTS.flatMap((name) => results.find((result) => result.name === name) ?? []);
  let y = 0;
  const parts = charts.map((result) => {
    const part = chart(result, y);
    y += TITLE + result.samples.size * (BAR + GAP);
    return part;
  });
  const height = y + 30;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" role="img">`,
    `<title>How long container runtimes take</title><style>${STYLE}</style>`,
    ...parts,
    `<text class="small" x="0" y="${height - 8}">${escapeText(machine)}</text>`,
    '</svg>\n',
  ].join('\n');
}

function chart({ name, unit, samples }: Result, top: number): string {
  const summaries = [...samples].map(([subject, list]) => ({ subject, ...summarize(list) }));
  const longest = Math.max(...summaries.map(({ high }) => high));
  const scale = (value: number): number => (value / longest) * (WIDTH - LABEL - 90);
  const bars = summaries.map(({ subject, median, low, high }, index) => {
    const y = top + TITLE + index * (BAR + GAP);
    const middle = y + BAR / 2;
    const x = (value: number): string => (LABEL + scale(value)).toFixed(1);
    const text = median >= 100 ? median.toFixed(0) : median.toFixed(2);
    return [
      `<text x="${LABEL - 8}" y="${middle + 4}" text-anchor="end">${escapeText(subject)}</text>`,
      `<rect x="${LABEL}" y="${y}" width="${scale(median).toFixed(1)}" height="${BAR}" rx="2" fill="${COLOURS[subject] ?? OTHER}"/>`,
      `<line class="spread" x1="${x(low)}" x2="${x(high)}" y1="${middle}" y2="${middle}"/>`,
      `<text class="small" x="${(LABEL + scale(high) + 6).toFixed(1)}" y="${middle + 4}">${text} ${unit}</text>`,
    ].join('');
  });
  return `<text x="0" y="${top + 20}" font-weight="600">${escapeText(name)}</text>${bars.join('\n')}`;
}

const escapeText = (text: string): string =>
  text.replace(/[&<>]/g, (character) => `&#${character.charCodeAt(0)};`);
