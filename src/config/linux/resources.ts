/** linux.resources: limits, one file a controller in resources/. */

import type { LinuxResources, Spec } from '../../generated/spec.ts';
import type { PlanContext } from '../../plan/context.ts';
import { type Step, step } from '../../plan/step.ts';
import { error, type Problem, warning } from '../../spec/problem.ts';
import { oncePer } from '../once.ts';
import { type ContainerCgroup, containerCgroup } from './cgroupsPath.ts';
import { checkBlockIO, limitsOfBlockIO, planBlockIO } from './resources/blockIO.ts';
import { checkCpu, limitsOfCpu, planCpu } from './resources/cpu.ts';
import { checkExpressible, deviceLines, deviceTransition } from './resources/devices/list.ts';
import { deviceProgram } from './resources/devices/program.ts';
import {
  allowEverything,
  checkDeviceRules,
  DEVICES,
  type DeviceRule,
  deviceRules,
} from './resources/devices.ts';
import { checkHugepageLimits, planHugepageLimits } from './resources/hugepageLimits.ts';
import { checkMemory, limitsOfMemory, planMemory } from './resources/memory.ts';
import { limitsOfNetwork, planNetwork } from './resources/network.ts';
import { planPids } from './resources/pids.ts';
import { planRdma } from './resources/rdma.ts';
import type { CgroupVersion, Setting } from './resources/setting.ts';
import { checkUnified, limitsOfUnified, planUnified } from './resources/unified.ts';
import {
  type CurrentValue,
  inAcceptedOrder,
  undoSettings,
  withCompanions,
} from './resources/update.ts';

export function checkResources(spec: Spec): readonly Problem[] {
  const resources = spec.linux?.resources;
  if (resources === undefined) return [];
  return [
    ...checkDeviceRules(resources),
    ...checkMemory(resources),
    ...checkCpu(resources),
    ...checkBlockIO(resources),
    ...checkHugepageLimits(resources),
    ...checkUnified(resources),
  ];
}

/** Limits as lines for files; unified last, so that what it says wins. */
export const limitSettings = (
  resources: LinuxResources,
  version: CgroupVersion,
): readonly Setting[] => [
  ...planMemory(resources, version),
  ...planCpu(resources, version),
  ...planPids(resources),
  ...planBlockIO(resources, version),
  ...planHugepageLimits(resources, version),
  ...planNetwork(resources, version),
  ...planRdma(resources),
  ...planUnified(resources, version),
];

/** What this host's cgroups cannot do of what the config asks. */
export const checkHostResources = ({ spec, host }: PlanContext): readonly Problem[] =>
  spec.linux?.resources === undefined ? [] : checkResourcesOf(host.cgroup, spec.linux.resources);

/** What cgroups of this layout cannot do of some resources. */
export function checkResourcesOf(
  layout: PlanContext['host']['cgroup'],
  resources: LinuxResources,
): readonly Problem[] {
  const { version } = layout;
  const rules =
    resources.devices?.length && !hasDeviceRules(layout)
      ? [warning(DEVICES, 'is not enforced: that takes the cgroup v1 devices hierarchy, or v2')]
      : [];
  if (version === 0) return [...rules, ...lackingController(limitSettings(resources, 2))];
  return [
    ...rules,
    ...(version === 1 ? checkExpressible(deviceRules(resources)) : []),
    ...limitsOfMemory(resources, version),
    ...limitsOfCpu(resources, version),
    ...limitsOfBlockIO(resources, version),
    ...limitsOfNetwork(resources, version),
    ...limitsOfUnified(resources, version),
    ...lackingController(
      limitSettings(resources, version).filter((s) => !hasController(layout, s.controller)),
    ),
  ];
}

/** One problem a property, however many files it is written to. */
const lackingController = (settings: readonly Setting[]): readonly Problem[] =>
  settings
    .filter(({ origin }, i) => settings.findIndex((other) => other.origin === origin) === i)
    .map(({ origin, controller }) =>
      error(origin, `needs the cgroup controller ${controller}, which this host does not have`),
    );

/** Files of v2 that belong to no controller that can be turned off. */
const ALWAYS_THERE: readonly string[] = ['cgroup', 'irq'];

function hasController(layout: PlanContext['host']['cgroup'], controller: string): boolean {
  if (layout.version === 1) {
    return layout.hierarchies.some(({ controllers }) => controllers.includes(controller));
  }
  if (layout.version === 0) return false;
  return ALWAYS_THERE.includes(controller) || layout.controllers.includes(controller);
}

const hasDeviceRules = (layout: PlanContext['host']['cgroup']): boolean =>
  layout.version === 2 || (layout.version === 1 && hasController(layout, 'devices'));

/** A `write` for each limit, by the runtime, before anything runs in the cgroup. */
export const planResources = (context: PlanContext): readonly Step[] =>
  context.options.systemdCgroup ? [] : planLimits(context);

/** The same where systemd makes the cgroup, once it has: systemd has no property for some limits. */
export const planUnitResources = (context: PlanContext): readonly Step[] =>
  context.options.systemdCgroup ? planLimits(context) : [];

function planLimits(context: PlanContext): readonly Step[] {
  const { version } = context.host.cgroup;
  const resources = context.spec.linux?.resources;
  const rules = mountsDevice(context.spec) ? [] : planDevices(context);
  if (resources === undefined || version === 0) return rules;
  return [...writes(containerCgroup(context), limitSettings(resources, version)), ...rules];
}

/** The device rules again, late, where a mount has to open a block device they may forbid. */
export const planLateDeviceRules = (context: PlanContext): readonly Step[] =>
  mountsDevice(context.spec) ? planDevices(context) : [];

const mountsDevice = oncePer(({ mounts = [] }: Spec): boolean =>
  mounts.some(({ type = 'bind', source = '' }) => type !== 'bind' && source.startsWith('/')),
);

/** Not in a user namespace: the kernel lets nobody there change them, nor make device nodes. */
const mayRuleDevices = ({ host, options }: PlanContext): boolean =>
  !host.inUserNamespace && !options.rootless;

/** Whether systemd may be told the device rules: from the first moment on, before any mount. */
export const hasOwnDeviceRules = (context: PlanContext): boolean =>
  mayRuleDevices(context) && !mountsDevice(context.spec);

function planDevices(context: PlanContext): readonly Step[] {
  const { host, spec } = context;
  if (!mayRuleDevices(context)) return [];
  const resources = spec.linux?.resources ?? NO_RESOURCES;
  const rules = deviceRules(resources);
  if (host.cgroup.version === 1) {
    const lines = resources.devices?.length ? deviceLines(rules) : DEFAULT_LINES;
    return writes(containerCgroup(context), lines);
  }
  // A new v2 cgroup allows everything its ancestors do.
  if (host.cgroup.version === 0 || allowEverything(rules)) return [];
  return containerCgroup(context).directories.flatMap(({ hostPath, isShared }) =>
    isShared ? [] : bpfDevice(hostPath, rules, resources),
  );
}

const NO_RESOURCES: LinuxResources = {};
/** Of cgroup v1, where the config has no rules. */
const DEFAULT_LINES = deviceLines(deviceRules(NO_RESOURCES));

const bpfDevice = (path: string, rules: readonly DeviceRule[], { devices }: LinuxResources): Step =>
  step('runtime', devices?.length ? DEVICES : '', {
    call: 'bpf_device',
    path,
    program: deviceProgram(rules),
  });

/** A line for each setting whose controller the cgroup has; alternatives together. */
function writes(cgroup: ContainerCgroup, settings: readonly Setting[]): readonly Step[] {
  return settings.flatMap((setting, i) => {
    const { value: data, origin, isAlternative } = setting;
    const path = isAlternative ? undefined : pathOf(cgroup, setting);
    if (path === undefined) return [];
    const other = settings[i + 1];
    const otherPath = other?.isAlternative ? pathOf(cgroup, other) : undefined;
    const op =
      other === undefined || otherPath === undefined
        ? ({ call: 'write', path, data } as const)
        : ({ call: 'write_any', paths: [path, otherPath], data: [data, other.value] } as const);
    return step('runtime', origin, op, toleranceOf(setting));
  });
}

const toleranceOf = ({ ignore, warn }: Setting): Pick<Step, 'ignore' | 'warn'> | undefined =>
  ignore && (warn ? { ignore, warn } : { ignore });

/** The file of a setting; undefined when the cgroup is in no hierarchy of its controller. */
export function pathOf(
  { version, directories }: ContainerCgroup,
  { controller, file }: Pick<Setting, 'controller' | 'file'>,
): string | undefined {
  const at = directories.find(
    ({ controllers }) => version === 2 || controllers.includes(controller),
  );
  return at === undefined ? undefined : `${at.hostPath}/${file}`;
}

/** The plan of `update`, and the plan that undoes as much of it as was performed. */
export interface UpdatePlan {
  readonly steps: readonly Step[];
  /** Each by itself: one that fails keeps none of the others from being tried. */
  readonly undo: readonly Step[];
}

/**
 * The steps from the resources `before` to those that `merged` is with `asked` in it: the lines of what
 * was asked for, then the device rules where they are part of it. `current` tells what the files hold.
 */
export function planUpdate(
  cgroup: ContainerCgroup,
  resources: {
    readonly before: LinuxResources;
    readonly asked: LinuxResources;
    readonly merged: LinuxResources;
  },
  current: CurrentValue,
): UpdatePlan {
  const { before, asked, merged } = resources;
  if (cgroup.version === 0) return { steps: [], undo: [] };
  const properties = withCompanions(asked, merged, cgroup.version);
  const settings = inAcceptedOrder(limitSettings(properties, cgroup.version), current);
  const forward = asked.devices?.length ? planDeviceUpdate(cgroup, before, merged) : [];
  const backward = asked.devices?.length ? planDeviceUpdate(cgroup, merged, before) : [];
  return {
    steps: [...writes(cgroup, settings), ...forward],
    undo: [...backward, ...writes(cgroup, undoSettings(settings, current))],
  };
}

function planDeviceUpdate(
  cgroup: ContainerCgroup,
  from: LinuxResources,
  to: LinuxResources,
): readonly Step[] {
  const rules = deviceRules(to);
  if (cgroup.version === 1) return writes(cgroup, deviceTransition(deviceRules(from), rules));
  return cgroup.directories.map(({ hostPath }) => bpfDevice(hostPath, rules, to));
}
