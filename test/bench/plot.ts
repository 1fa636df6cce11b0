/** All the charts as one SVG: three columns of small charts, with what was measured and where. */
import {
  bars,
  barsHeight,
  colourOf,
  escapeText,
  type Growth,
  lines,
  type Place,
} from './charts.ts';
import { EXISTING, MOUNTS, runWhileExist, withMounts } from './growth.ts';
import { FLOOR, type Result } from './measure.ts';
import { BESIDE, SMALLEST } from './memory.ts';

const COLUMNS = 3;
const WIDTH = 960;
const MARGIN = 22;
const GAP = 26;
const HEAD = 84;
const FOOT = 52;
const COLUMN = (WIDTH - 2 * MARGIN - (COLUMNS - 1) * GAP) / COLUMNS;

const BARS = [
  ...['run /bin/true', 'create + start + delete', 'create + start + delete, cold caches'],
  ...['exec /bin/true', 'start', 'kill'],
  ...['state', 'delete', '--version'],
  ...['peak memory of run', BESIDE, 'resident of a created container'],
  ...[SMALLEST, '100 runs, two at a time', 'run, 400 seccomp rules'],
];

const STYLE = `text{font:12px system-ui,-apple-system,"Segoe UI",Helvetica,Arial,sans-serif;fill:#1f2328}
.head{font-size:18px;font-weight:600}.title{font-weight:600}.figure,.small{font-size:11px;fill:#59636e}
.label{font-size:11px}.back{fill:#fff}.grid{stroke:#d1d9e0;stroke-width:1;fill:none}
.spread{stroke:#1f2328;stroke-width:1;stroke-opacity:.65;fill:none}
@media (prefers-color-scheme:dark){text{fill:#f0f6fc}.figure,.small{fill:#9198a1}.back{fill:#0d1117}
.grid{stroke:#3d444d}.spread{stroke:#f0f6fc}}`;

/** What was not measured has no chart. `where` is the machine and the versions. */
export function plot(results: readonly Result[], where: string): string {
  const names = [...new Set(results.flatMap(({ samples }) => [...samples.keys()]))];
  const subjects = [
    ...names.filter((name) => name !== FLOOR),
    ...names.filter((name) => name === FLOOR),
  ];
  const charts = BARS.flatMap((name) => results.find((result) => result.name === name) ?? []);
  let y = HEAD;
  const parts: string[] = [];
  for (let first = 0; first < charts.length; first += COLUMNS) {
    const row = charts.slice(first, first + COLUMNS);
    const height = barsHeight(Math.max(...row.map(({ samples }) => samples.size)));
    parts.push(...row.map((result, column) => bars(result, subjects, place(column, 1, y, height))));
    y += height;
  }
  const grown = growths(results);
  const height = 210;
  // Two charts share the width of three.
  parts.push(
    ...grown.map((growth, index) => lines(growth, subjects, place(index, 1.5, y + 8, height))),
  );
  y += grown.length > 0 ? height + 16 : 0;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${y + FOOT}" role="img">`,
    `<title>What container runtimes cost</title><style>${STYLE}</style>`,
    `<rect class="back" width="${WIDTH}" height="${y + FOOT}" rx="8"/>`,
    head(subjects),
    ...parts,
    foot(where, y),
    '</svg>\n',
  ].join('\n');
}

function place(column: number, span: number, y: number, height: number): Place {
  const width = COLUMN * span + GAP * (span - 1);
  return { x: Math.round(MARGIN + column * (width + GAP)), y, width: Math.round(width), height };
}

function head(subjects: readonly string[]): string {
  const legend = subjects.map((subject, index) => {
    const x = WIDTH - MARGIN - (subjects.length - index) * 74;
    return `<rect x="${x}" y="22" width="12" height="12" rx="2" fill="${colourOf(subject, subjects)}"/><text x="${x + 18}" y="32">${escapeText(subject)}</text>`;
  });
  return [
    `<text class="head" x="${MARGIN}" y="34">What container runtimes cost</text>`,
    `<text class="small" x="${MARGIN}" y="54">Medians of interleaved rounds; the thin line spans the quartiles. Less is better. floor: the kernel’s own part, without a runtime.</text>`,
    ...legend,
  ].join('\n');
}

/** The machine, in as many lines as it takes. */
function foot(where: string, y: number): string {
  const limit = 150;
  const words = where.split(' ');
  const rows = [''];
  for (const word of words) {
    const last = rows.at(-1) ?? '';
    if (last.length + word.length < limit) rows[rows.length - 1] = `${last} ${word}`.trim();
    else rows.push(word);
  }
  return rows
    .map(
      (row, index) =>
        `<text class="small" x="${MARGIN}" y="${y + 24 + index * 15}">${escapeText(row)}</text>`,
    )
    .join('\n');
}

function growths(results: readonly Result[]): Growth[] {
  const of = (counts: readonly number[], series: (count: number) => string) =>
    counts.flatMap((count) => {
      const result = results.find(({ name }) => name === series(count));
      return result === undefined ? [] : [{ count, result }];
    });
  return [
    { title: 'run', of: 'bind mounts', points: of(MOUNTS, withMounts) },
    { title: 'run', of: 'containers that exist', points: of(EXISTING, runWhileExist) },
  ].filter(({ points }) => points.length > 1);
}
