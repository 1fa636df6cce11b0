/** `tsrun events`: one line of JSON an event. */
import { followEvents, readStats } from '../container/events.ts';
import { invalidValue, usage } from '../errors.ts';
import { formatJson } from '../spec/formatJson.ts';
import { type Invocation, idOf } from './invocation.ts';
import { print } from './output.ts';

export function events(invocation: Invocation): void {
  const { values, globals } = invocation;
  const intervalMs = parseDuration(values.text('interval') ?? '');
  if (intervalMs <= 0) throw usage('duration interval must be greater than 0', 'events');
  const id = idOf(invocation);
  const show = (event: unknown) => print(`${formatJson(event)}\n`);
  if (values.isSet('stats')) show(readStats(globals.root, id));
  else followEvents(globals.root, id, intervalMs, show);
}

const MILLISECONDS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
};

/** Go's durations in milliseconds: `1m30s`, `1.5h`, `-2s`, `0`. Throws `usage`. */
export function parseDuration(text: string): number {
  const [, sign = '', parts = ''] =
    /^([+-]?)((?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|ms|s|m|h))+|0)$/.exec(text) ?? [];
  if (parts === '') throw invalidValue('interval', text);
  const sum = [...parts.matchAll(/([\d.]+)(ns|us|µs|ms|s|m|h)/g)].reduce(
    (total, [, number = '0', unit = '']) => total + Number(number) * (MILLISECONDS[unit] ?? 0),
    0,
  );
  return sign === '-' ? -sum : sum;
}
