/** What changes between two plans, in native calls. */
import { formatCall } from '../plan/print.ts';
import type { Plan, Step } from '../plan/step.ts';

export type Change = { readonly sign: ' ' | '-' | '+'; readonly step: Step };

/** `- actor property call` and `+ …` lines, with the steps between them counted; ends with a newline. */
export function formatPlanDiff(before: Plan, after: Plan): string {
  const changes = compareSteps(before.steps, after.steps);
  const lines: string[] = [];
  let same = 0;
  const flush = () => {
    if (same > 0) lines.push(`  … ${same} step${same === 1 ? '' : 's'} alike`);
    same = 0;
  };
  for (const { sign, step } of changes) {
    if (sign === ' ') same += 1;
    else {
      flush();
      lines.push(formatChange(sign, step));
    }
  }
  const count = (sign: string) => changes.filter((change) => change.sign === sign).length;
  flush();
  return `${lines.join('\n')}\n${count('-')} steps less, ${count('+')} more\n`;
}

/** One changed step as a line. */
export const formatChange = (sign: string, step: Step): string =>
  `${sign} ${step.actor.padEnd(7)}  ${(step.origin || '-').padEnd(30)}  ${formatCall(step)}`;

/** The longest common sequence, by actor and call: a property that only moved in its list is no change. */
export function compareSteps(before: readonly Step[], after: readonly Step[]): readonly Change[] {
  const [a, b] = [before.map(keyOf), after.map(keyOf)];
  const width = b.length + 1;
  const lengths = new Uint16Array((a.length + 1) * width);
  const at = (i: number, j: number) => lengths[i * width + j] ?? 0;
  for (let i = a.length - 1; i >= 0; i -= 1) {
    for (let j = b.length - 1; j >= 0; j -= 1) {
      lengths[i * width + j] =
        a[i] === b[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
    }
  }
  const changes: Change[] = [];
  let [i, j] = [0, 0];
  while (i < a.length || j < b.length) {
    const [old, now] = [before[i], after[j]];
    if (old !== undefined && now !== undefined && a[i] === b[j]) {
      changes.push({ sign: ' ', step: now });
      i += 1;
      j += 1;
    } else if (old !== undefined && (now === undefined || at(i + 1, j) >= at(i, j + 1))) {
      changes.push({ sign: '-', step: old });
      i += 1;
    } else if (now !== undefined) {
      changes.push({ sign: '+', step: now });
      j += 1;
    }
  }
  return changes;
}

const keyOf = (step: Step): string => `${step.actor} ${formatCall(step)}`;
