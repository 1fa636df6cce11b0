/** linux.resources.pids: how many tasks there may be (config-linux.md "PIDs"; cgroup-v1/pids.rst). */
import type { LinuxResources } from '../../../generated/spec.ts';
import { orMax, RESOURCES, type Setting } from './setting.ts';

/** Negative: no limit. Zero would let not even the first process live, so it means one. */
export function planPids({ pids }: LinuxResources): readonly Setting[] {
  if (pids?.limit === undefined) return [];
  const value = BigInt(pids.limit) === 0n ? '1' : orMax(pids.limit);
  return [{ controller: 'pids', file: 'pids.max', value, origin: `${RESOURCES}/pids/limit` }];
}
