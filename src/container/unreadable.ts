/** A container whose state.json cannot be read: what the config that is kept beside it still tells. */
import { processesIn } from '../cgroup/processes.ts';
import { SYSTEMD_TIMEOUT_MS } from '../config/linux/cgroupsPath/start.ts';
import { TsrunError } from '../errors.ts';
import type { Spec } from '../generated/spec.ts';
import { SystemError } from '../linux/call.ts';
import { getpid } from '../linux/processes.ts';
import { buildPlan } from '../plan/build.ts';
import { CREATE } from '../plan/sequence.ts';
import { loadSaved } from '../spec/load.ts';
import { cgroupsOf, newRecord } from './newRecord.ts';
import { contextFor, DETACHED } from './prepare.ts';
import { probeHost } from './probe.ts';
import type { StateRecord } from './record.ts';
import type { CreateRequest, Warn } from './request.ts';
import { directoryOf, loadIfReadable, savedConfig, storedIds } from './store.ts';

/**
 * The record that `create` would write for the config now: its cgroups and its unit are the container's.
 * Not those cgroups that another container has by now, or this process is in. Undefined when the config
 * cannot be read either.
 */
export function recordOfConfig(root: string, id: string, warn: Warn): StateRecord | undefined {
  const spec = readConfig(directoryOf(root, id));
  if (spec === undefined) return undefined;
  const context = contextFor(requestOf(root, id, spec, warn), spec, probeHost(), DETACHED);
  const plan = buildPlan(CREATE, context);
  const others = storedIds(root).flatMap(
    (other) => loadIfReadable(root, other)?.record.cgroup_paths ?? [],
  );
  const cgroups = cgroupsOf(plan).filter(
    (directory) => !others.includes(directory) && !processesIn(directory).includes(getpid()),
  );
  return newRecord(context, plan, cgroups);
}

function readConfig(directory: string): Spec | undefined {
  try {
    return loadSaved(savedConfig(directory));
  } catch (thrown) {
    if (thrown instanceof SystemError || thrown instanceof TsrunError) return undefined;
    throw thrown;
  }
}

/** As far as the config tells: `slice:prefix:name` is systemd's. The bundle is not known. */
const requestOf = (root: string, id: string, { linux }: Spec, warn: Warn): CreateRequest => ({
  root,
  id,
  bundle: '/',
  noPivot: false,
  noNewKeyring: false,
  preserveFds: 0,
  cgroupManager: /^[^/:]*:[^/:]*:[^/:]+$/.test(linux?.cgroupsPath ?? '') ? 'systemd' : 'cgroupfs',
  systemdTimeoutMs: SYSTEMD_TIMEOUT_MS,
  warn,
});
