/** `tsrun plan`: what `create` would perform in the same place, printed. Changes nothing. */
import { bundleOf } from '../cli/creation.ts';
import type { Invocation } from '../cli/invocation.ts';
import { print } from '../cli/output.ts';
import { DETACHED, prepareCreate } from '../container/prepare.ts';
import { probeHost } from '../container/probe.ts';
import { usage } from '../errors.ts';
import { readText } from '../linux/files.ts';
import { realPath } from '../linux/paths.ts';
import { formatPlanJson, formatPlanText } from '../plan/print.ts';
import type { Plan } from '../plan/step.ts';
import { bundleRequest } from './bundle.ts';
import { formatPlanHtml } from './html.ts';
import { formatPlanDiff } from './planDiff.ts';
import { formatPlanStrace } from './strace.ts';
import { formatTimingHtml, formatTimingText, parseTrace } from './timing.ts';
import { formatWhy } from './why.ts';

const FORMATS: { readonly [name: string]: (plan: Plan, title: string) => string } = {
  text: formatPlanText,
  json: formatPlanJson,
  html: formatPlanHtml,
  strace: formatPlanStrace,
};

export function plan(invocation: Invocation): void {
  const { values, args } = invocation;
  const name = values.isSet('strace') ? 'strace' : (values.text('format') ?? '');
  const format = FORMATS[name];
  if (format === undefined) throw usage('invalid format option', 'plan');
  const timing = values.text('timing');
  if (timing !== undefined) {
    const trace = parseTrace(readText(timing), timing);
    print(name === 'html' ? formatTimingHtml(trace) : formatTimingText(trace));
    return;
  }
  const bundle = realPath(args[0] ?? bundleOf(invocation));
  const prepare = (path: string, id?: string) =>
    prepareCreate(bundleRequest(invocation, path, id), probeHost(), DETACHED);
  const [why, other] = [values.text('why'), values.text('diff')];
  if (why !== undefined) print(formatWhy(prepare(bundle), why));
  else if (other === undefined) print(format(prepare(bundle).plan, bundle));
  else {
    const [before, after] = [realPath(other), bundle].map((path) =>
      relative(prepare(path, 'ID').plan, path),
    );
    if (before !== undefined && after !== undefined) print(formatPlanDiff(before, after));
  }
}

/** The steps with the bundle's own place left out, which differs between any two. */
function relative({ steps }: Plan, bundle: string): Plan {
  const text = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(text);
    return typeof value === 'string' ? value.replaceAll(bundle, 'BUNDLE') : value;
  };
  return { steps: steps.map((step) => ({ ...step, op: mapMembers(step.op, text) })) };
}

function mapMembers<T extends object>(object: T, change: (value: unknown) => unknown): T {
  const copy = { ...object };
  for (const [key, value] of Object.entries(object)) {
    Object.defineProperty(copy, key, { value: change(value), enumerable: true });
  }
  return copy;
}
