/** linux.memoryPolicy: what the kernel says of each mapping in numa_maps (proc(5)). runc 1.1 does not have it. */
import { existsSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { Config } from './config.ts';
import { isTsrun, useContainers } from './runtime.ts';

const t = useContainers();
type Policy = NonNullable<Config['linux']['memoryPolicy']>;

const hasNuma = existsSync('/proc/self/numa_maps');

/** The policies of the mappings of a process: mostly one. */
const policiesIn = (numaMaps: string): readonly string[] => [
  ...new Set(numaMaps.split('\n').flatMap((line) => line.split(' ')[1] ?? [])),
];

describe.runIf(isTsrun && hasNuma)('linux.memoryPolicy', () => {
  it.each<[Policy, string]>([
    [{ mode: 'MPOL_BIND', nodes: '0' }, 'bind:0'],
    [{ mode: 'MPOL_PREFERRED', nodes: '0' }, 'prefer:0'],
    [{ mode: 'MPOL_INTERLEAVE', nodes: '0-0' }, 'interleave:0'],
    [{ mode: 'MPOL_BIND', nodes: '0', flags: ['MPOL_F_STATIC_NODES'] }, 'bind=static:0'],
    [{ mode: 'MPOL_LOCAL' }, 'local'],
    [{ mode: 'MPOL_DEFAULT' }, 'default'],
  ])('%j is the policy %s of all memory of the process', (memoryPolicy, policy) => {
    const { stdout, stderr } = t.sh('cat /proc/self/numa_maps', (config) => {
      config.linux.memoryPolicy = memoryPolicy;
    });
    expect({ stderr, policies: policiesIn(stdout) }).toEqual({ stderr: '', policies: [policy] });
  });

  it('is that of the processes of exec too', () => {
    const { id } = t.create((config) => {
      config.process.args = ['sleep', '1000'];
      config.linux.memoryPolicy = { mode: 'MPOL_BIND', nodes: '0' };
    });
    const { stdout } = t.call(['exec', id, 'cat', '/proc/self/numa_maps']);
    expect(policiesIn(stdout)).toEqual(['bind:0']);
  });

  it('is blamed for a node that the machine does not have', () => {
    const { status, stderr } = t.run((config) => {
      config.linux.memoryPolicy = { mode: 'MPOL_BIND', nodes: '1000' };
    });
    expect(status).toBe(1);
    expect(stderr).toContain('linux.memoryPolicy');
    expect(stderr).toContain('EINVAL');
  });
});
