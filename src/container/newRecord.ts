/** What state.json says of a container at first: all that the plan tells of what will be made. */
import { planPoststartHooks, planPoststopHooks } from '../config/hooks.ts';
import { containerCgroup } from '../config/linux/cgroupsPath.ts';
import { INTEL_RDT } from '../config/linux/intelRdt.ts';
import { geteuid } from '../linux/processes.ts';
import { timestamp } from '../linux/time.ts';
import type { PlanContext } from '../plan/context.ts';
import type { Plan } from '../plan/step.ts';
import { OCI_VERSION } from '../spec/version.ts';
import type { StateRecord } from './record.ts';

/** The record of a container of which nothing is made yet: `delete` finds whatever comes to be. */
export function newRecord(
  context: PlanContext,
  { steps }: Plan,
  cgroups: readonly string[],
): StateRecord {
  const { spec, options } = context;
  const early = beforeInit(steps);
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
    ...unitOf(early),
    ...resctrlOf(early),
    shares_pid_namespace: pid === undefined || pid.path !== undefined,
    no_new_keyring: options.noNewKeyring,
    // Of a container that nobody starts nothing is.
    behind_accept: options.goesOn ? { first: steps.length, steps: [] } : behindAccept(steps),
    poststart: planPoststartHooks(context),
    poststop: planPoststopHooks(context),
  };
}

/** What is left for `start` to name, should it fail. */
function behindAccept(steps: Plan['steps']): StateRecord['behind_accept'] {
  // From the end, where it is: before it may be thousands of mounts.
  const accept = steps.findLastIndex(({ op }) => op.call === 'accept');
  return accept < 0
    ? { first: steps.length, steps: [] }
    : { first: accept + 1, steps: steps.slice(accept + 1) };
}

/** The container's own cgroup directories, one a hierarchy. */
export const cgroupsOf = (plan: Plan): readonly string[] =>
  beforeInit(plan.steps).flatMap(({ op }) =>
    op.call === 'cgroup_create' ? [withSingleSlashes(`${op.mountpoint}/${op.path}`)] : [],
  );

/** Mostly there is nothing to replace: to look for that by the expression takes ten times as long. */
const withSingleSlashes = (path: string): string =>
  path.includes('//') ? path.replace(/\/{2,}/g, '/') : path;

/** The steps with all that the host is to be rid of later: init and what is in its namespaces goes by itself. */
function beforeInit(steps: Plan['steps']): Plan['steps'] {
  const init = steps.findIndex(({ actor }) => actor === 'init');
  return init < 0 ? steps : steps.slice(0, init);
}

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
