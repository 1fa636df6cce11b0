import { describe, expect, it } from 'vitest';
import { formatPlanHtml } from '../../../src/explain/html.ts';
import { compareSteps, formatPlanDiff } from '../../../src/explain/planDiff.ts';
import { formatPlanStrace } from '../../../src/explain/strace.ts';
import { formatTimingHtml, formatTimingText, parseTrace } from '../../../src/explain/timing.ts';
import { formatWhy, toPointer } from '../../../src/explain/why.ts';
import type { Spec } from '../../../src/generated/spec.ts';
import { buildPlan } from '../../../src/plan/build.ts';
import { CREATE } from '../../../src/plan/sequence.ts';
import { type Op, type Plan, step } from '../../../src/plan/step.ts';
import { formatJson } from '../../../src/spec/formatJson.ts';
import { contextOf, specOf } from '../context.ts';

const chdir = (path: string): Op => ({ call: 'chdir', path });
const a = step('init', '/mounts/0', chdir('/a'));
const b = step('init', '/mounts/1', chdir('/b'));
const c = step(
  'outer',
  '',
  { call: 'openat', path: '/<c>', flags: 0, mode: 0, out: 'proc' },
  { ignore: ['ENOENT'] },
);

describe('plan --diff', () => {
  it('shows what is gone and what is new, and counts what is alike', () => {
    expect(formatPlanDiff({ steps: [c, a] }, { steps: [c, b] }).split('\n')).toEqual([
      '  … 1 step alike',
      '- init     /mounts/0                       chdir(path="/a")',
      '+ init     /mounts/1                       chdir(path="/b")',
      '1 steps less, 1 more',
      '',
    ]);
  });
  it('takes a step whose property moved in its list for the same', () => {
    const moved = { ...a, origin: '/mounts/7' };
    expect(compareSteps([a, b], [b, moved]).map(({ sign }) => sign)).toEqual(['-', ' ', '+']);
    expect(compareSteps([a], [moved]).map(({ sign }) => sign)).toEqual([' ']);
  });
  it.each([
    [[], []],
    [
      [a, b, c],
      [a, b, c],
    ],
    [
      [a, b, c, a],
      [c, a, b],
    ],
    [[], [a, b]],
  ])('is right: what is left and what is new make the second plan (%#)', (before, after) => {
    const changes = compareSteps(before, after);
    const kept = (sign: string) => changes.filter((change) => change.sign !== sign);
    expect(kept('-').map((change) => change.step.op)).toEqual(after.map(({ op }) => op));
    expect(kept('+').map((change) => change.step.op)).toEqual(before.map(({ op }) => op));
  });
});

describe('plan --strace', () => {
  it('writes arguments by place, slots as results, ignored errno and the property', () => {
    expect(formatPlanStrace({ steps: [c, a] })).toBe(
      '[outer]   openat("/<c>", O_RDONLY, 0) = @proc or ENOENT\n[init]    chdir("/a") = 0  // mounts[0]\n',
    );
  });
});

describe('plan --why', () => {
  const prepared = (parts: Partial<Spec>) => {
    const context = contextOf(specOf(parts));
    return { context, plan: buildPlan(CREATE, context), configText: formatJson(context.spec) };
  };
  const mounts = [
    { destination: '/tmp', type: 'tmpfs', source: 'tmpfs' },
    { destination: '/proc', type: 'proc', source: 'proc' },
  ];

  it('names the steps of a property, which are those of its origin', () => {
    const text = formatWhy(
      prepared({ mounts, linux: { namespaces: [{ type: 'mount' }] } }),
      'mounts[1]',
    );
    expect(text).toMatch(/^mounts\[1\]: \{"destination":"\/proc"/);
    expect(text).toMatch(/2 steps of its own:\n.*fsmount\(fstype="proc"/);
    expect(text).not.toContain('fstype="tmpfs"');
    expect(text).toContain('Without it nothing else would be done otherwise.');
  });
  it('names what a property changes in the steps of others: the flags of clone3', () => {
    const namespaces = [{ type: 'mount' as const }, { type: 'pid' as const }];
    const text = formatWhy(prepared({ linux: { namespaces } }), '/linux/namespaces/1');
    expect(text).toContain('No step is its own.');
    expect(text).toMatch(/^- outer .*clone3\(flags=CLONE_NEWNS, /m);
    expect(text).toMatch(/^\+ outer .*clone3\(flags=CLONE_NEWNS\|CLONE_NEWPID, /m);
  });
  it('says when the config cannot be without the property', () => {
    expect(formatWhy(prepared({}), 'process.cwd')).toContain(
      'Without it the config would not be right: process.cwd is required.',
    );
  });
  it('refuses a property the config does not have', () => {
    expect(() => formatWhy(prepared({}), 'hostname')).toThrow('has no property hostname');
  });
  it.each([
    ['/mounts/3', '/mounts/3'],
    ['mounts[3].type', '/mounts/3/type'],
    ['linux.sysctl["net.core/x"]', '/linux/sysctl/net.core~1x'],
  ])('%s is the pointer %s', (text, pointer) => {
    expect(toPointer(text)).toBe(pointer);
  });
});

describe('plan --format html', () => {
  const plan: Plan = { steps: [a, c] };
  const html = formatPlanHtml(plan, '<bundle>');
  it('is one file that loads nothing and takes no text for markup', () => {
    expect(html).toContain("default-src 'none'");
    expect(html).not.toMatch(/(src|href)=|url\(|@import|<bundle>|<c>/);
    expect(html).toContain('&lt;c&gt;');
  });
  it('has each call in the lane of its actor and the row of its order, with its property', () => {
    expect(html).toMatch(/grid-column:4;grid-row:2"><a>mounts\[0\]<\/a>chdir/);
    expect(html).toMatch(/grid-column:3;grid-row:3">openat/);
    expect(html).toMatch(/mounts\[0\] \(1\).*tsrun itself \(1\)/);
  });
});

describe('plan --timing', () => {
  const line = (step: number, start: number, took: number, rest = {}) =>
    JSON.stringify({
      step,
      actor: 'init',
      origin: '/mounts/0',
      call: `call${step}()`,
      start,
      took,
      ...rest,
    });
  const steps = parseTrace(`${line(1, 50, 50, { error: 'EPERM' })}\n${line(0, 0, 25)}\n`, 'trace');

  it('reads the steps in the order they began', () => {
    expect(steps.map(({ step }) => step)).toEqual([0, 1]);
  });
  it('draws begin and length of each, says what failed, and adds up by property', () => {
    const text = formatTimingText(steps);
    expect(text).toMatch(
      /^ {2}1 {7}50 {6}50\.0 \| {15}#{15}\| init {4}call1\(\) {2}FAILED: EPERM$/m,
    );
    expect(text).toMatch(/^0\.10 ms from the first step/m);
    expect(text).toMatch(/^ {5}75\.0 µs {2}mounts\[0\]$/m);
  });
  it('as HTML has a bar a step', () => {
    expect(formatTimingHtml(steps)).toMatch(/margin-left:50\.00%;width:50\.00%/);
  });
  it.each(['{}', 'text', '{"step":1}'])('refuses %s, which is no trace', (text) => {
    expect(() => parseTrace(`${line(0, 0, 1)}\n${text}`, 'f')).toThrow(
      'f:2: is no line of a trace',
    );
  });
});
