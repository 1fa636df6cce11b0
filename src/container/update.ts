/** `update`: changes the limits of a container while it runs. */
import { isFrozen, settleFrozen } from '../cgroup/freezer.ts';
import { probeCgroupLayout } from '../cgroup/layout.ts';
import { planUnitUpdate } from '../config/linux/cgroupsPath/update.ts';
import { type ContainerCgroup, recordedCgroup } from '../config/linux/cgroupsPath.ts';
import { planUpdateIntelRdt, type SchemataUpdate } from '../config/linux/intelRdt.ts';
import { checkUsage } from '../config/linux/resources/memory.ts';
import { mergeResources } from '../config/linux/resources/merge.ts';
import type { CurrentValue } from '../config/linux/resources/update.ts';
import {
  checkResources,
  checkResourcesOf,
  pathOf,
  planUpdate,
  type UpdatePlan,
} from '../config/linux/resources.ts';
import {
  configInvalid,
  containerNotRunning,
  formatProblem,
  intelRdtMissing,
  TsrunError,
} from '../errors.ts';
import type { LinuxResources, Spec } from '../generated/spec.ts';
import { unless } from '../linux/call.ts';
import { readTextIfExists } from '../linux/files.ts';
import { findResctrl } from '../linux/resctrl.ts';
import type { CgroupLayout } from '../plan/context.ts';
import type { Step } from '../plan/step.ts';
import { formatJson } from '../spec/formatJson.ts';
import { loadConfig } from '../spec/load.ts';
import type { Problem } from '../spec/problem.ts';
import { execute } from './execute.ts';
import { Slots } from './perform.ts';
import type { StateRecord } from './record.ts';
import type { Warn } from './request.ts';
import { statusOf } from './status.ts';
import { replaceConfig, type Stored, savedConfig, withLocked } from './store.ts';

/**
 * Changes what `asked` names and leaves all else; the config kept of the container then says the same.
 * `container-state` when it is stopped, `config-invalid` when old and new contradict each other,
 * `step-failed` when the kernel refuses: then the old values are written back.
 */
export function update(
  root: string,
  id: string,
  asked: LinuxResources,
  schemata: SchemataUpdate,
  warn: Warn,
): void {
  withLocked(root, id, (stored) => {
    if (statusOf(stored) === 'stopped') throw containerNotRunning();
    const { value: spec } = loadConfig(savedConfig(stored.directory), 'config.json');
    const before = spec.linux?.resources ?? {};
    const merged = mergeResources(before, asked);
    const rdt = planRdt(spec, id, schemata);
    const linux = { ...spec.linux, resources: merged };
    const updated: Spec = {
      ...spec,
      linux: rdt.length === 0 ? linux : { ...linux, intelRdt: { ...linux.intelRdt, ...schemata } },
    };
    const layout = probeCgroupLayout(false);
    const cgroup = recordedCgroup(layout, stored.record.cgroup_paths);
    check(updated, asked, layout, cgroup, warn);
    const plan = planUpdate(cgroup, { before, asked, merged }, currentOf(cgroup));
    const unit = unitUpdate(stored.record, cgroup, asked);
    const all = { steps: [...unit(merged), ...plan.steps, ...rdt], undo: plan.undo };
    const change = () => perform(all, unit(before), updated, warn);
    if (rewritesDeviceList(stored.record, cgroup, asked)) whileStopped(stored, change);
    else change();
    replaceConfig(stored.directory, formatJson(updated));
  });
}

/** The last step, without one that undoes it: resctrl takes its lines as a whole or refuses them. */
function planRdt({ linux }: Spec, id: string, schemata: SchemataUpdate): readonly Step[] {
  if (Object.keys(schemata).length === 0) return [];
  if (linux?.intelRdt === undefined) throw intelRdtMissing();
  const resctrl = findResctrl();
  if (resctrl === undefined) throw intelRdtMissing();
  return planUpdateIntelRdt(resctrl.mountpoint, linux.intelRdt.closID ?? id, schemata);
}

/** What a file of the cgroup holds; one that cannot be read (memory.force_empty and its like) nothing. */
const currentOf =
  (cgroup: ContainerCgroup): CurrentValue =>
  (setting) => {
    const path = pathOf(cgroup, setting);
    return path === undefined
      ? undefined
      : unless(['EACCES', 'EINVAL', 'EOPNOTSUPP'], () => readTextIfExists(path));
  };

const FILE = 'update';

function check(
  updated: Spec,
  asked: LinuxResources,
  layout: CgroupLayout,
  cgroup: ContainerCgroup,
  warn: Warn,
): void {
  const problems: readonly Problem[] = [
    ...checkResources(updated),
    ...checkResourcesOf(layout, asked),
    ...(cgroup.version === 2 && asked.memory !== undefined
      ? checkUsage(updated.linux?.resources ?? {}, usageOf(cgroup))
      : []),
  ];
  if (problems.some(({ severity }) => severity === 'error')) throw configInvalid(FILE, problems);
  for (const problem of problems) warn(formatProblem(FILE, problem));
}

const usageOf = (cgroup: ContainerCgroup): bigint =>
  BigInt(currentOf(cgroup)({ controller: 'memory', file: 'memory.current' })?.trim() || 0);

/** What systemd is to be told of resources; nothing where it has no part in the cgroup. */
const unitUpdate =
  ({ systemd_unit: unit }: StateRecord, { version }: ContainerCgroup, asked: LinuxResources) =>
  (resources: LinuxResources): readonly Step[] => {
    const devices = unit?.bus === 'system' && (asked.devices?.length ?? 0) > 0;
    return unit === undefined || version === 0
      ? []
      : planUnitUpdate(unit, version, resources, devices);
  };

/** On v1 systemd empties the list of devices and fills it again: between the two /dev/null cannot be opened. */
const rewritesDeviceList = (
  { systemd_unit: unit }: StateRecord,
  { version }: ContainerCgroup,
  { devices }: LinuxResources,
): boolean => unit !== undefined && version === 1 && (devices?.length ?? 0) > 0;

/** Nothing of the container runs meanwhile. Without a freezer, or paused already, it is as it is. */
function whileStopped(stored: Stored, change: () => void): void {
  const { freezer } = stored.record;
  if (freezer === undefined || isFrozen(freezer)) {
    change();
    return;
  }
  settleFrozen(freezer, true);
  try {
    change();
  } finally {
    settleFrozen(freezer, false);
  }
}

/** `unitBefore` belongs together; each other step of `undo` is tried by itself. */
function perform(
  { steps, undo }: UpdatePlan,
  unitBefore: readonly Step[],
  config: Spec,
  warn: Warn,
): void {
  try {
    performSteps(steps, config, warn);
  } catch (thrown) {
    for (const some of [unitBefore, ...undo.map((step) => [step])]) {
      try {
        performSteps(some, config, warn);
      } catch (other) {
        if (!(other instanceof TsrunError)) throw other;
        warn(`the old value could not be written back: ${other.message}`);
      }
    }
    throw thrown;
  }
}

function performSteps(steps: readonly Step[], config: Spec, warn: Warn): void {
  const saveState = (status: string) => {
    throw new RangeError(`update does not save ${status}`);
  };
  execute({ plan: { steps }, config, slots: new Slots(), preserveFds: 0, saveState, warn });
}
