/** A trace of `create --trace`, read and drawn. */
import { TsrunError } from '../errors.ts';
import { escapeHtml, groupOf, htmlDocument, hueOf } from './html.ts';

/** One line of the file: a step that was performed. Times are microseconds. */
export interface TracedStep {
  readonly step: number;
  readonly actor: string;
  readonly origin: string;
  /** The call as `plan` prints it. */
  readonly call: string;
  /** From the begin of the trace. */
  readonly start: number;
  readonly took: number;
  /** What failed: errno's name, or what a hook ended with. */
  readonly error?: string;
  /** errno's name of a failure that the plan ignores. */
  readonly ignored?: string;
  /** What a hook ended with and wrote, or what a failure added. */
  readonly output?: string;
}

/** Steps of a file of JSON lines, in the order they began; `usage` for what is no trace. */
export function parseTrace(text: string, file: string): readonly TracedStep[] {
  const steps: TracedStep[] = [];
  for (const [number, line] of text.split('\n').entries()) {
    if (line === '') continue;
    const step = parseLine(line);
    if (step === undefined) {
      throw new TsrunError('usage', `${file}:${number + 1}: is no line of a trace`);
    }
    steps.push(step);
  }
  return steps.sort((a, b) => a.start - b.start || a.step - b.step);
}

function parseLine(line: string): TracedStep | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return isTracedStep(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isTracedStep(value: unknown): value is TracedStep {
  if (typeof value !== 'object' || value === null) return false;
  const members = new Map<string, unknown>(Object.entries(value));
  const all = (type: string, names: readonly string[]) =>
    names.every((name) => typeof members.get(name) === type);
  return all('number', ['step', 'start', 'took']) && all('string', ['actor', 'origin', 'call']);
}

const BAR_WIDTH = 30;

/** A line a step with start, time taken and a bar, then the slowest; ends with a newline. */
export function formatTimingText(steps: readonly TracedStep[]): string {
  const whole = endOf(steps);
  const lines = steps.map((step) => {
    const bar = '#'.repeat(Math.round((BAR_WIDTH * step.took) / Math.max(whole, 1)));
    const before = ' '.repeat(Math.floor((BAR_WIDTH * step.start) / Math.max(whole, 1)));
    const error = step.error === undefined ? '' : `  FAILED: ${step.error}`;
    const output = step.output === undefined ? '' : `  (${step.output})`;
    const picture = `${before}${bar || '.'}`.slice(0, BAR_WIDTH).padEnd(BAR_WIDTH);
    return [
      String(step.step).padStart(3),
      step.start.toFixed(0).padStart(8),
      step.took.toFixed(1).padStart(9),
      `|${picture}|`,
      step.actor.padEnd(7),
      `${step.call.length > 100 ? `${step.call.slice(0, 99)}…` : step.call}${error}${output}`,
    ].join(' ');
  });
  const byGroup = new Map<string, number>();
  for (const { origin, took } of steps) {
    byGroup.set(groupOf(origin), (byGroup.get(groupOf(origin)) ?? 0) + took);
  }
  const slowest = [...byGroup].sort(([, a], [, b]) => b - a).slice(0, 10);
  return [
    `step  start µs   took µs`,
    ...lines,
    '',
    `${(whole / 1000).toFixed(2)} ms from the first step to the end of the last; by property:`,
    ...slowest.map(([group, took]) => `${took.toFixed(1).padStart(9)} µs  ${group}`),
    '',
  ].join('\n');
}

const endOf = (steps: readonly TracedStep[]): number =>
  steps.reduce((end, { start, took }) => Math.max(end, start + took), 0);

/** The same drawn, in one file. */
export function formatTimingHtml(steps: readonly TracedStep[]): string {
  const whole = Math.max(endOf(steps), 1);
  const rows = steps.map((step) => {
    const group = groupOf(step.origin);
    const left = ((100 * step.start) / whole).toFixed(2);
    const width = ((100 * step.took) / whole).toFixed(2);
    const title = escapeHtml([step.call, step.error, step.output].filter(Boolean).join('\n'));
    return [
      `<span class="n">${step.step}</span><span>${step.actor}</span>`,
      `<span class="call${step.error === undefined ? '' : ' failed'}" title="${title}">${escapeHtml(step.call)}</span>`,
      `<span class="n">${step.took.toFixed(1)} µs</span>`,
      `<div title="${escapeHtml(group)}"><div class="bar" style="--h:${hueOf(group)};margin-left:${left}%;width:${width}%"></div></div>`,
    ].join('');
  });
  const title = `${steps.length} steps in ${(whole / 1000).toFixed(2)} ms`;
  return htmlDocument(title, [`<h1>${title}</h1>`, `<div class="time">${rows.join('\n')}</div>`]);
}
