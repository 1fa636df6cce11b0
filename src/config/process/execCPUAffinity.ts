/**
 * process.execCPUAffinity: the CPUs a process started by `exec` runs on, as lists like `0-3,7`.
 * config.md "Linux Process", sched_setaffinity(2).
 */

import type { Spec } from '../../generated/spec.ts';
import type { PlanContext } from '../../plan/context.ts';
import { type Actor, type Step, step } from '../../plan/step.ts';
import { error, type Problem } from '../../spec/problem.ts';

const ORIGIN = '/process/execCPUAffinity';

/** The kernel's CONFIG_NR_CPUS is at most 8192 on x86-64. */
const MAX_CPUS = 8192;

export function checkExecCPUAffinity(spec: Spec): readonly Problem[] {
  const lists = spec.process?.execCPUAffinity ?? {};
  return (['initial', 'final'] as const).flatMap((key) => {
    const list = lists[key];
    return list === undefined || list === '' || parseCpuList(list) !== undefined
      ? []
      : [error(`${ORIGIN}/${key}`, 'must be a list of CPUs like 0-3,7', list)];
  });
}

/** `0-3,7` as a little-endian bit set; undefined for what is no such list. */
export function parseCpuList(list: string): Uint8Array | undefined {
  const mask = new Uint8Array(MAX_CPUS / 8);
  let length = 0;
  for (const range of list.split(',')) {
    const match = /^\s*([0-9]{1,4})(?:-([0-9]{1,4}))?\s*$/.exec(range);
    if (match === null) return undefined;
    const first = Number(match[1]);
    const last = Number(match[2] ?? match[1]);
    if (first > last || last >= MAX_CPUS) return undefined;
    for (let cpu = first; cpu <= last; cpu++)
      mask[cpu >> 3] = (mask[cpu >> 3] ?? 0) | (1 << (cpu & 7));
    length = Math.max(length, (last >> 3) + 1);
  }
  return mask.slice(0, length);
}

/**
 * Every CPU: that tsrun was pinned says nothing of the container, which its cpuset bounds. Where that
 * may not be undone the container is pinned as its caller is; runc too goes on.
 */
const reset = (actor: Actor): Step =>
  step(
    actor,
    '',
    { call: 'sched_setaffinity', mask: new Uint8Array(0) },
    { ignore: ['EPERM', 'EINVAL', 'ENOSYS'], warn: true },
  );

/** `create`: by the executor, behind the cgroup. */
export const planResetAffinity = (_context: PlanContext): readonly Step[] => RESET_BY_OUTER;

const RESET_BY_OUTER = [reset('outer')];

/** `exec` alone: where the process is on its way, before it is in the container's cpuset. */
export const planInitialAffinity = (context: PlanContext): readonly Step[] =>
  planAffinity(context, 'initial', 'outer');

/**
 * `exec` alone: where it stays. Without a list, wherever the container's cpuset lets it. By init: only
 * behind clone3 is it in the cgroup on v2, whose CPUs may be others than the executor's, and which before
 * Linux 6.2 takes back what was set.
 */
export function planFinalAffinity(context: PlanContext): readonly Step[] {
  const steps = planAffinity(context, 'final', 'init');
  return steps.length > 0 ? steps : [reset('init')];
}

function planAffinity(
  { spec }: PlanContext,
  key: 'initial' | 'final',
  actor: Actor,
): readonly Step[] {
  const list = spec.process?.execCPUAffinity?.[key];
  const mask = list === undefined || list === '' ? undefined : parseCpuList(list);
  if (mask === undefined) return [];
  return [step(actor, `${ORIGIN}/${key}`, { call: 'sched_setaffinity', mask })];
}
