/**
 * linux.memoryPolicy: from which NUMA nodes the container's memory comes. config-linux.md "Memory policy",
 * set_mempolicy(2). Processes and threads inherit it; it survives execve.
 */

import type { MemoryPolicy, Spec } from '../../generated/spec.ts';
import {
  MPOL_BIND,
  MPOL_DEFAULT,
  MPOL_F_NUMA_BALANCING,
  MPOL_F_RELATIVE_NODES,
  MPOL_F_STATIC_NODES,
  MPOL_INTERLEAVE,
  MPOL_LOCAL,
  MPOL_PREFERRED,
  MPOL_PREFERRED_MANY,
  MPOL_WEIGHTED_INTERLEAVE,
} from '../../linux/constants/process.ts';
import type { PlanContext } from '../../plan/context.ts';
import { type Step, step } from '../../plan/step.ts';
import { error, type Problem } from '../../spec/problem.ts';

const ORIGIN = '/linux/memoryPolicy';

/** The kernel's CONFIG_NODES_SHIFT is at most 10. */
const MAX_NODES = 1024;

type Mode = MemoryPolicy['mode'];

/** How many nodes a mode takes; MPOL_PREFERRED without any is MPOL_LOCAL. */
const MODES: Readonly<Record<Mode, { readonly value: number; readonly nodes: NodeCount }>> = {
  MPOL_DEFAULT: { value: MPOL_DEFAULT, nodes: 'none' },
  MPOL_PREFERRED: { value: MPOL_PREFERRED, nodes: 'any' },
  MPOL_BIND: { value: MPOL_BIND, nodes: 'some' },
  MPOL_INTERLEAVE: { value: MPOL_INTERLEAVE, nodes: 'some' },
  MPOL_LOCAL: { value: MPOL_LOCAL, nodes: 'none' },
  MPOL_PREFERRED_MANY: { value: MPOL_PREFERRED_MANY, nodes: 'some' },
  MPOL_WEIGHTED_INTERLEAVE: { value: MPOL_WEIGHTED_INTERLEAVE, nodes: 'some' },
};

type NodeCount = 'none' | 'some' | 'any';

type Flag = NonNullable<MemoryPolicy['flags']>[number];
const FLAGS: Readonly<Record<Flag, number>> = {
  MPOL_F_NUMA_BALANCING,
  MPOL_F_RELATIVE_NODES,
  MPOL_F_STATIC_NODES,
};

/** For `features`. */
export const memoryPolicyFeatures = (): {
  readonly modes: string[];
  readonly flags: string[];
} => ({ modes: Object.keys(MODES), flags: Object.keys(FLAGS) });

export function checkMemoryPolicy(spec: Spec): readonly Problem[] {
  const policy = spec.linux?.memoryPolicy;
  if (policy === undefined) return [];
  const nodes = parseNodes(policy.nodes ?? '');
  const at = `${ORIGIN}/nodes`;
  if (nodes === undefined)
    return [{ ...error(at, 'is not a list of nodes', policy.nodes), expected: 'as "0-3,7"' }];
  const wanted = MODES[policy.mode].nodes;
  if (wanted === 'none' && nodes.length > 0)
    return [error(at, `memory policy mode requires 0 nodes but got ${nodes.length}`)];
  if (wanted === 'some' && nodes.length === 0)
    return [error(at, 'memory policy mode requires at least one node but got 0')];
  return [];
}

/** `0-3,7` as ascending node numbers, none for an empty list; undefined for what is no such list. */
function parseNodes(list: string): readonly number[] | undefined {
  const nodes = new Set<number>();
  if (list.trim() === '') return [];
  for (const range of list.split(',')) {
    const match = /^\s*([0-9]{1,4})(?:-([0-9]{1,4}))?\s*$/.exec(range);
    if (match === null) return undefined;
    const first = Number(match[1]);
    const last = Number(match[2] ?? match[1]);
    if (first > last || last >= MAX_NODES) return undefined;
    for (let node = first; node <= last; node += 1) nodes.add(node);
  }
  return [...nodes].sort((a, b) => a - b);
}

/** By init itself: the call knows no other process, and node numbers count within its cpuset. */
export function planMemoryPolicy({ spec }: PlanContext): readonly Step[] {
  const policy = spec.linux?.memoryPolicy;
  if (policy === undefined) return [];
  const flags = (policy.flags ?? []).reduce((all, flag) => all | FLAGS[flag], 0);
  const mode = MODES[policy.mode].value | flags;
  return [
    step('init', ORIGIN, {
      call: 'set_mempolicy',
      mode,
      nodes: bitsOf(parseNodes(policy.nodes ?? '') ?? []),
    }),
  ];
}

function bitsOf(nodes: readonly number[]): Uint8Array {
  const bits = new Uint8Array(((nodes.at(-1) ?? -1) >> 3) + 1);
  for (const node of nodes) bits[node >> 3] = (bits[node >> 3] ?? 0) | (1 << (node & 7));
  return bits;
}
