/** What one property causes: its own steps, and what else would be done otherwise without it. */
import type { Prepared } from '../container/prepare.ts';
import { TsrunError, usage } from '../errors.ts';
import { buildPlan } from '../plan/build.ts';
import { formatStep } from '../plan/print.ts';
import { CREATE } from '../plan/sequence.ts';
import type { Plan, Step } from '../plan/step.ts';
import { formatConfigPath, parseConfigPath, valueAt } from '../spec/configPath.ts';
import { formatJson } from '../spec/formatJson.ts';
import { escapePointer, parseJson } from '../spec/json.ts';
import { checkConfig } from '../spec/load.ts';
import { compareSteps, formatChange } from './planDiff.ts';

/** Sections of text; ends with a newline. Throws `usage` for a property the config does not have. */
export function formatWhy(prepared: Prepared, asked: string): string {
  const pointer = toPointer(asked);
  const value = valueAt(prepared.context.spec, pointer);
  if (value === undefined) throw usage(`config.json has no property ${asked}`);
  const { steps } = prepared.plan;
  const own = steps.flatMap((step, index) =>
    isAt(step, pointer) ? [formatStep(step, index)] : [],
  );
  const head = `${formatConfigPath(pointer)}: ${formatJson(value)}`;
  const section =
    own.length === 0
      ? 'No step is its own.'
      : [`${own.length} step${own.length === 1 ? '' : 's'} of its own:`, ...own].join('\n');
  return `${head}\n\n${section}\n\n${formatWithout(prepared, pointer)}\n`;
}

/** `mounts[3].type` or a JSON pointer, as a JSON pointer. */
export const toPointer = (text: string): string =>
  text.startsWith('/')
    ? text.replace(/\/+$/, '')
    : [...text.matchAll(/\["((?:[^"\\]|\\.)*)"\]|\[(\d+)\]|([^.[\]]+)/g)]
        .map(([, quoted, index, name]) => `/${escapePointer(quoted ?? index ?? name ?? '')}`)
        .join('');

const isAt = ({ origin }: Step, pointer: string): boolean =>
  origin === pointer || origin.startsWith(`${pointer}/`);

/** The plan of the same config without the property, compared. */
function formatWithout({ context, plan, configText }: Prepared, pointer: string): string {
  const parts = parseConfigPath(pointer);
  const text = formatJson(without(parseJson(configText), parts));
  const { value: spec, problems } = checkConfig(text);
  if (spec === undefined) {
    const problem = problems.find(({ severity }) => severity === 'error');
    const reason =
      problem === undefined ? '' : `: ${formatConfigPath(problem.path)} ${problem.message}`;
    return `Without it the config would not be right${reason}.`;
  }
  const other = planOf(() => buildPlan(CREATE, { ...context, spec }));
  if (other === undefined) return 'Without it there would be no plan.';
  const changes = compareSteps(other.steps, plan.steps).filter(
    ({ sign, step }) => sign !== ' ' && !(sign === '+' && isAt(step, pointer)),
  );
  if (changes.length === 0) return 'Without it nothing else would be done otherwise.';
  const lines = changes.map(({ sign, step }) => formatChange(sign, step));
  return ['Because of it, moreover (- without it, + with it):', ...lines].join('\n');
}

function planOf(build: () => Plan): Plan | undefined {
  try {
    return build();
  } catch (thrown) {
    if (thrown instanceof TsrunError) return undefined;
    throw thrown;
  }
}

/** A copy of data without one property, or without one element of a list. */
function without(data: unknown, [name, ...rest]: readonly string[]): unknown {
  if (name === undefined || data === null || typeof data !== 'object') return data;
  if (Array.isArray(data)) {
    const index = Number(name);
    return data.flatMap((item: unknown, i) =>
      i !== index ? [item] : rest.length === 0 ? [] : [without(item, rest)],
    );
  }
  return Object.fromEntries(
    Object.entries(data).flatMap(([key, value]: [string, unknown]) =>
      key !== name ? [[key, value]] : rest.length === 0 ? [] : [[key, without(value, rest)]],
    ),
  );
}
