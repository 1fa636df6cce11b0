import { describe, expect, it } from 'vitest';
import { checkMemoryPolicy, planMemoryPolicy } from '../../../../src/config/linux/memoryPolicy.ts';
import type { MemoryPolicy } from '../../../../src/generated/spec.ts';
import { formatPlanText } from '../../../../src/plan/print.ts';
import { contextOf, opsOf, specOfLinux } from '../../context.ts';

const plan = (memoryPolicy: MemoryPolicy) =>
  planMemoryPolicy(contextOf(specOfLinux({ memoryPolicy })));
const problems = (memoryPolicy: MemoryPolicy) =>
  checkMemoryPolicy(specOfLinux({ memoryPolicy })).map(({ path, message }) => [path, message]);

describe('linux.memoryPolicy', () => {
  it('asks for nothing when it is absent', () => {
    expect(planMemoryPolicy(contextOf(specOfLinux({})))).toEqual([]);
  });
  it.each<[MemoryPolicy, number, readonly number[]]>([
    [{ mode: 'MPOL_DEFAULT' }, 0, []],
    [{ mode: 'MPOL_PREFERRED', nodes: '' }, 1, []],
    [{ mode: 'MPOL_PREFERRED', nodes: '1' }, 1, [0b10]],
    [{ mode: 'MPOL_BIND', nodes: '0-3,9' }, 2, [0b1111, 0b10]],
    [{ mode: 'MPOL_INTERLEAVE', nodes: '8, 0', flags: ['MPOL_F_STATIC_NODES'] }, 0x8003, [1, 1]],
    [{ mode: 'MPOL_LOCAL' }, 4, []],
    [
      {
        mode: 'MPOL_WEIGHTED_INTERLEAVE',
        nodes: '7',
        flags: ['MPOL_F_RELATIVE_NODES', 'MPOL_F_NUMA_BALANCING'],
      },
      0x6006,
      [0x80],
    ],
  ])('%j is set by init, mode and flags in one word, nodes as bits', (policy, mode, nodes) => {
    expect(opsOf(plan(policy))).toEqual([
      { call: 'set_mempolicy', mode, nodes: new Uint8Array(nodes) },
    ]);
    expect(problems(policy)).toEqual([]);
  });
  it('is printed with the names of its mode and flags', () => {
    const steps = plan({ mode: 'MPOL_DEFAULT', flags: ['MPOL_F_STATIC_NODES'] });
    expect(formatPlanText({ steps })).toContain('mode=MPOL_DEFAULT|MPOL_F_STATIC_NODES');
  });
  it.each<[MemoryPolicy, string]>([
    [{ mode: 'MPOL_DEFAULT', nodes: '0-1' }, 'memory policy mode requires 0 nodes but got 2'],
    [{ mode: 'MPOL_BIND' }, 'memory policy mode requires at least one node but got 0'],
    [{ mode: 'MPOL_BIND', nodes: '3-1' }, 'is not a list of nodes'],
    [{ mode: 'MPOL_BIND', nodes: '1024' }, 'is not a list of nodes'],
    [{ mode: 'MPOL_BIND', nodes: 'all' }, 'is not a list of nodes'],
  ])('refuses %j', (policy, message) => {
    expect(problems(policy)).toEqual([['/linux/memoryPolicy/nodes', message]]);
  });
});
