/** A plan the way strace(1) writes calls, with the actor as the process and the property as a comment. */
import { formatArguments } from '../plan/print.ts';
import type { Plan, Step } from '../plan/step.ts';
import { formatConfigPath } from '../spec/configPath.ts';

/** One line a step: `[init] move_mount(@mount, @target) = 0  // mounts[3]`. */
export const formatPlanStrace = ({ steps }: Plan): string =>
  steps.map((step) => `${formatLine(step)}\n`).join('');

function formatLine(step: Step): string {
  const { args, outs } = formatArguments(step);
  const result = outs.length === 0 ? '0' : outs.map((slot) => `@${slot}`).join(', ');
  const ignored = step.ignore === undefined ? '' : ` or ${step.ignore.join('|')}`;
  const why = step.origin === '' ? '' : `  // ${formatConfigPath(step.origin)}`;
  const call = `${step.op.call}(${args.map(({ text }) => text).join(', ')})`;
  return `${`[${step.actor}]`.padEnd(9)} ${call} = ${result}${ignored}${why}`;
}
