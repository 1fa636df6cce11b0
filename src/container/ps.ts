/** `ps`: the processes of a container. */
import { processesIn } from '../cgroup/processes.ts';
import { engine } from '../engine/current.ts';
import { psFailed } from '../errors.ts';
import { memoryFile, rewind } from '../linux/descriptors.ts';
import { closing, readAll } from '../linux/files.ts';
import { isAlive } from '../linux/pidfd.ts';
import { findProgram, type Pid, spawn, waitFor } from '../linux/processes.ts';
import { initOf } from './status.ts';
import { load } from './store.ts';

/**
 * Every process in the container's cgroups and in those below them, in ascending order. Of a container
 * without a cgroup of its own init alone is known.
 */
export function processes(root: string, id: string): readonly Pid[] {
  const stored = load(root, id);
  const { cgroup_paths: cgroups } = stored.record;
  const init = cgroups.length === 0 ? initOf(stored) : undefined;
  if (init !== undefined) return isAlive(init) ? [init.pid] : [];
  return [...new Set(cgroups.flatMap(processesIn))].sort((a, b) => a - b);
}

/** What ps(1) of the host prints for these arguments; TsrunError when it fails or is not there. */
export function runPs(args: readonly string[]): string {
  const path = findProgram('ps');
  if (path === undefined) throw psFailed('executable file not found in $PATH');
  return closing(memoryFile('ps', new Uint8Array(0)), (output) => {
    const pid = spawn({ path, args: ['ps', ...args], env: engine().environ, keep: [0], output });
    const ending = waitFor(pid);
    rewind(output);
    const text = engine().decodeUtf8(readAll(output));
    if (ending !== undefined && 'status' in ending && ending.status === 0) return text;
    const how = ending === undefined ? 'ended' : JSON.stringify(ending);
    throw psFailed(`${how}: ${text.trim()}`);
  });
}
