/** The tables and the plot of the benchmark. */
import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { goals } from '../../bench/goals.ts';
import type { Result } from '../../bench/measure.ts';
import { plot } from '../../bench/plot.ts';
import { markdown, notes, plainText } from '../../bench/report.ts';

const result = (
  name: string,
  samples: Record<string, readonly number[]>,
  reasons: Record<string, string> = {},
): Result => ({
  name,
  unit: 'ms',
  samples: new Map(Object.entries(samples)),
  reasons: new Map(Object.entries(reasons)),
});

const RUN = result('run /bin/true', {
  tsrun: [2, 2, 4, 4],
  crun: [4, 4, 4, 4],
  floor: [1, 1, 1, 1],
});
const PARTLY = result('state', { tsrun: [1] }, { crun: 'state: not done in 15 s' });

describe('the table', () => {
  it('has medians with quartiles, and ratios with those of the rounds', () => {
    expect(markdown([RUN]).split('\n')).toEqual([
      '|  | tsrun | crun | floor | tsrun : crun | tsrun : floor |',
      '| --- | --: | --: | --: | --: | --: |',
      '| run /bin/true (ms) | 3.00 (2.00–4.00) | 4.00 | 1.00 | 0.75 (0.50–1.00) | 3.00 (2.00–4.00) |',
    ]);
  });
  it('says of what was not measured why not', () => {
    const table = plainText([RUN, PARTLY]);
    expect(table).toMatch(/^state \(ms\) +1\.00 +— \[1\] +– +– +–$/m);
    expect(notes([RUN, PARTLY])).toBe('[1] crun: state: not done in 15 s\n');
  });
  it('has a column for who could do nothing at all', () => {
    expect(plainText([PARTLY]).split('\n')[0]).toMatch(/^ +tsrun +crun$/);
  });
});

describe('the goals', () => {
  it('are judged by the median ratio', () => {
    expect(goals([RUN])).toBe(
      "reached     0.75 (at most 0.75)  run /bin/true: of crun's\n" +
        "reached     3.00 (at most 3)  run /bin/true: of floor's",
    );
  });
  it('that were not measured are not judged', () => {
    expect(goals([PARTLY])).toBe('');
  });
});

describe('the plot', () => {
  const grown = [0, 100, 1000].map((count) =>
    result(`run, ${count} containers exist`, { tsrun: [5, 6, 7, 8], crun: [6, 7, 8, 9] }),
  );
  const svg = plot([RUN, PARTLY, ...grown], 'Machine <1> & 2');

  it('is well-formed XML', () => {
    const script = 'import sys,xml.etree.ElementTree as t; t.fromstring(sys.stdin.read())';
    const { status, stderr } = spawnSync('python3', ['-c', script], {
      input: svg,
      encoding: 'utf8',
    });
    expect([status, stderr]).toEqual([0, '']);
  });
  it('draws a bar for every figure and a line for every subject that grows', () => {
    expect(svg.match(/<rect [^>]*height="14"/g)).toHaveLength(4);
    expect(svg.match(/<circle /g)).toHaveLength(6);
    expect(svg).not.toContain('NaN');
  });
});
