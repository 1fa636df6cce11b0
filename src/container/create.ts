/** `create`: makes a container up to the point where its process waits for `start`. */
import { refuseInUse } from '../cgroup/directory.ts';
import { planPoststartHooks, planPoststopHooks } from '../config/hooks.ts';
import { containerCgroup } from '../config/linux/cgroupsPath.ts';
import { INTEL_RDT } from '../config/linux/intelRdt.ts';
import { TsrunError } from '../errors.ts';
import { SystemError } from '../linux/call.ts';
import { errnoNumber } from '../linux/constants/errno.ts';
import { chdir, close, readTextIfExists, removeIfExists, unlink } from '../linux/files.ts';
import { geteuid, type Pid, readProcess } from '../linux/processes.ts';
import { timestamp } from '../linux/time.ts';
import type { PlanContext } from '../plan/context.ts';
import { INIT, type Plan } from '../plan/step.ts';
import { OCI_VERSION } from '../spec/version.ts';
import { removeCgroupsOf } from './delete.ts';
import { checkConsole, checkPreserved } from './descriptors.ts';
import { execute } from './execute.ts';
import { filterCompiler } from './filters.ts';
import { runPoststop } from './hooks.ts';
import { Slots } from './perform.ts';
import { type Prepared, prepareCreate } from './prepare.ts';
import { probeHost } from './probe.ts';
import type { StateRecord } from './record.ts';
import type { CreateRequest } from './request.ts';
import { rootfsMountsOf, unmountRootfs } from './rootfsMounts.ts';
import { claim, removeDirectory, type Stored, saveRecord } from './store.ts';

/**
 * Creates a container. TsrunError when it cannot: `container-exists`, `config-…`, or `step-failed` with
 * the property to blame; nothing is left of it then.
 */
export function create(request: CreateRequest): void {
  createContainer(request, 'detached').slots.closeAll();
}

export interface Created {
  /**
   * The runtime's: init's pid, its pidfd, and in the foreground the socket over which the terminal's
   * master comes. They are the caller's to close.
   */
  readonly slots: Slots;
  readonly stored: Stored;
}

/** Creates a container for who goes on with it in the same process. */
export function createContainer(
  request: CreateRequest,
  attachment: 'detached' | 'foreground',
): Created {
  const prepared = prepareCreate(request, probeHost(), attachment === 'foreground');
  const { options } = prepared.context;
  checkConsole(prepared.context);
  checkPreserved(options.preserveFds);
  const cgroups = cgroupsOf(prepared.plan);
  const { directory, lock } = claim(request.root, request.id, prepared.configText);
  try {
    for (const cgroup of cgroups) refuseInUse(cgroup);
    // Hooks and relative paths of the config are the bundle's.
    chdir(options.bundle);
    return perform(request, prepared, directory, cgroups);
  } catch (thrown) {
    attempt(request, () => removeDirectory(directory));
    throw thrown;
  } finally {
    close(lock);
  }
}

function perform(
  request: CreateRequest,
  { context, plan }: Prepared,
  directory: string,
  cgroups: readonly string[],
): Created {
  const slots = new Slots();
  let record = newRecord(context, plan, cgroups);
  const saveState = (status: StateRecord['status']) => {
    const pid = slots.has(INIT) ? slots.get(INIT) : 0;
    record = {
      ...record,
      status,
      init_process_pid: pid,
      init_process_start: pid === 0 ? 0 : (readProcess(pid)?.startTime ?? 0),
      ...rootfsMountsOf(slots),
    };
    saveRecord(directory, record);
  };
  const preserveFds = context.options.preserveFds;
  try {
    const { warn } = request;
    execute({
      plan,
      config: context.spec,
      slots,
      preserveFds,
      saveState,
      warn,
      compileFilter: filterCompiler(request.root),
      ...(request.trace === undefined ? {} : { tracer: request.trace(plan) }),
    });
    return { slots, stored: { directory, record } };
  } catch (thrown) {
    const wasSpawned = slots.has(INIT);
    if (wasSpawned) attempt(request, () => removePidFile(request.pidFile, slots.get(INIT)));
    slots.closeAll();
    const left = timedOut(thrown) ? withoutUnit(record) : record;
    attempt(request, () => removeCgroupsOf(left, request.warn));
    attempt(request, () => unmountRootfs(left, request.warn));
    // runtime.md "Lifecycle": a hook's failure goes on with the poststop hooks.
    if (wasSpawned) runPoststop({ directory, record }, request.warn);
    throw thrown;
  }
}

/** systemd did not answer: to ask it again would take as long again, and a scope goes with its processes. */
const timedOut = (thrown: unknown): boolean =>
  thrown instanceof TsrunError &&
  thrown.facts.call === 'start_unit' &&
  thrown.facts.errno === errnoNumber('ETIMEDOUT');

function withoutUnit(record: StateRecord): StateRecord {
  const { systemd_unit: _unit, ...rest } = record;
  return rest;
}

/** What cannot be removed is told, and the failure that led here stays the one that is thrown. */
function attempt({ warn }: CreateRequest, remove: () => void): void {
  try {
    remove();
  } catch (thrown) {
    if (!(thrown instanceof SystemError)) throw thrown;
    warn(thrown.message);
  }
}

/** Ours alone: one that was there before has another number in it. */
function removePidFile(path: string | undefined, pid: Pid): void {
  if (path !== undefined && readTextIfExists(path) === String(pid)) removeIfExists(unlink, path);
}

/** The container's own cgroup directories, one a hierarchy. */
const cgroupsOf = (plan: Plan): readonly string[] =>
  plan.steps.flatMap(({ op }) =>
    op.call === 'cgroup_create' ? [`${op.mountpoint}/${op.path}`.replace(/\/{2,}/g, '/')] : [],
  );

/** cgroup v1 has a hierarchy for it; every directory of v2 can be frozen. */
function freezerOf(context: PlanContext): Pick<StateRecord, 'freezer'> {
  const { version, directories } = containerCgroup(context);
  const found = directories.find(
    ({ controllers, isShared }) => !isShared && (version === 2 || controllers.includes('freezer')),
  );
  return found === undefined ? {} : { freezer: found.hostPath };
}

/** The unit that a plan has systemd start. */
function unitOf(steps: Plan['steps']): Pick<StateRecord, 'systemd_unit'> {
  for (const { op } of steps) {
    if (op.call !== 'start_unit') continue;
    const bus = op.bus === 'user' ? 'user' : 'system';
    return { systemd_unit: { name: op.unit, bus, timeoutMs: op.timeout_ms } };
  }
  return {};
}

function resctrlOf(steps: Plan['steps']): Pick<StateRecord, 'resctrl_groups'> {
  const made = steps.flatMap(({ op, origin }) =>
    op.call === 'mkdir' && origin === INTEL_RDT ? [op.path] : [],
  );
  return made.length === 0 ? {} : { resctrl_groups: made };
}

function newRecord(context: PlanContext, { steps }: Plan, cgroups: readonly string[]): StateRecord {
  const { spec, options } = context;
  const accept = steps.findIndex(({ op }) => op.call === 'accept');
  const pid = spec.linux?.namespaces?.find(({ type }) => type === 'pid');
  return {
    id: options.id,
    ociVersion: OCI_VERSION,
    status: 'creating',
    init_process_pid: 0,
    init_process_start: 0,
    created: timestamp(),
    bundle: options.bundle,
    rootfs: options.rootfs,
    uid: geteuid(),
    ...(spec.annotations === undefined ? {} : { annotations: spec.annotations }),
    cgroup_paths: cgroups,
    ...freezerOf(context),
    ...unitOf(steps),
    ...resctrlOf(steps),
    shares_pid_namespace: pid === undefined || pid.path !== undefined,
    no_new_keyring: options.noNewKeyring,
    behind_accept: { first: accept + 1, steps: steps.slice(accept + 1) },
    poststart: planPoststartHooks(context),
    poststop: planPoststopHooks(context),
  };
}
