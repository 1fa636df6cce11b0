/** A plan as text, one aligned line a step, or as JSON. */
import { OPS, type OpField } from '../generated/ops.ts';
import type { SeccompFilter } from '../linux/constants/seccomp.ts';
import { formatJson } from '../spec/formatJson.ts';
import { formatNumber } from './constantNames.ts';
import type { Plan, Step } from './step.ts';

/** Wide enough for most properties: a longer one pushes its operation to the right, alone. */
const ORIGIN_WIDTH = 30;

/**
 * One line a step: index, actor, property (a dash where none asked), operation, and behind an arrow the
 * slots it fills. `@name` is the content of a slot. Ends with a newline.
 */
export const formatPlanText = (plan: Plan): string =>
  plan.steps.map((step, index) => `${formatStep(step, index)}\n`).join('');

/** One line of the plan, without a newline. */
export function formatStep(step: Step, index: number): string {
  return [
    String(index).padStart(3),
    step.actor.padEnd(7),
    (step.origin === '' ? '-' : step.origin).padEnd(ORIGIN_WIDTH),
    `${formatCall(step)}${formatIgnored(step)}`,
  ].join('  ');
}

/** `open_tree(path="/srv/data", flags=OPEN_TREE_CLONE|AT_RECURSIVE) → mount3`. */
export function formatCall(step: Step): string {
  const { args, outs } = formatArguments(step);
  const named = args.map(({ name, text }) => `${name}=${text}`);
  const arrow = outs.length === 0 ? '' : ` → ${outs.join(', ')}`;
  return `${step.op.call}(${named.join(', ')})${arrow}`;
}

/** The arguments of a step as text, and the slots it fills. */
export function formatArguments(step: Step): {
  readonly args: readonly { readonly name: string; readonly text: string }[];
  readonly outs: readonly string[];
} {
  const values = new Map<string, unknown>(Object.entries(step.op));
  const args: { readonly name: string; readonly text: string }[] = [];
  const outs: string[] = [];
  for (const field of OPS[step.op.call].fields) {
    const value = values.get(field.name);
    if (value === undefined) continue;
    if (field.type === 'slot_out' || field.type === 'slot_out?') outs.push(String(value));
    else if (field.type === 'filter' && step.op.call === 'seccomp')
      args.push({ name: field.name, text: formatFilter(step.op.filter) });
    else args.push({ name: field.name, text: formatField(field, value) });
  }
  return { args, outs };
}

export const formatIgnored = (step: Step): string =>
  step.ignore === undefined || step.ignore.length === 0
    ? ''
    : `  [${step.warn === true ? 'warns of' : 'ignores'} ${step.ignore.join(', ')}]`;

function formatField(field: OpField, value: unknown): string {
  if (typeof value === 'number' || typeof value === 'bigint') {
    return formatNumber(value, field.constants);
  }
  if (value instanceof Uint8Array) return formatBytes(value);
  if (Array.isArray(value)) return `[${value.map((item) => JSON.stringify(item)).join(', ')}]`;
  return field.type === 'slot' || field.type === 'slot?' ? `@${value}` : JSON.stringify(value);
}

/** A program is no text to read: its size tells one from another, the JSON has it all. */
const LONGEST_SHOWN = 64;

const formatBytes = (bytes: Uint8Array): string =>
  bytes.length > LONGEST_SHOWN ? `{${bytes.length} bytes}` : `0x${hex(bytes)}`;

const hex = (bytes: Uint8Array): string =>
  Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');

/** Profiles name hundreds of system calls: the text says how many, the JSON all. */
function formatFilter({ action, rules, architectures }: SeccompFilter): string {
  const names = rules.reduce((sum, rule) => sum + rule.names.length, 0);
  const counts = `${names} names in ${rules.length} rules for ${architectures.join(', ')}`;
  return `{else 0x${action.toString(16)}; ${counts}}`;
}

/**
 * `{"steps":[{"actor","origin","call","args":{…},"ignore"?,"warn"?}]}`: numbers as they are, integers
 * exact, bytes in hexadecimal. Ends with a newline.
 */
export const formatPlanJson = (plan: Plan): string =>
  `${formatJson({ steps: plan.steps.map(stepToJson) }, '  ')}\n`;

function stepToJson(step: Step): unknown {
  const { call, ...args } = step.op;
  const plain = Object.entries(args).map(([name, value]: [string, unknown]) => [
    name,
    value instanceof Uint8Array ? hex(value) : value,
  ]);
  return {
    actor: step.actor,
    origin: step.origin,
    call,
    args: Object.fromEntries(plain),
    ignore: step.ignore,
    warn: step.warn,
  };
}
