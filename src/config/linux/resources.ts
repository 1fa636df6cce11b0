/** linux.resources: limits, one file a controller in resources/. */

import type { LinuxResources, Spec } from '../../generated/spec.ts';
import type { PlanContext } from '../../plan/context.ts';
import { type Step, step } from '../../plan/step.ts';
import { error, type Problem, warning } from '../../spec/problem.ts';
import { containerCgroup } from './cgroupsPath.ts';
import { checkBlockIO, limitsOfBlockIO, planBlockIO } from './resources/blockIO.ts';
import { checkCpu, limitsOfCpu, planCpu } from './resources/cpu.ts';
import { checkExpressible, deviceLines } from './resources/devices/list.ts';
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

export function checkResources(spec: Spec): readonly Problem[] {
  const resources = spec.linux?.resources ?? {};
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
export function checkHostResources({ spec, host, options }: PlanContext): readonly Problem[] {
  const resources = spec.linux?.resources ?? {};
  const { version } = host.cgroup;
  const driver = options.systemdCgroup
    ? [error('/linux/cgroupsPath', 'the systemd cgroup driver is not carried out yet')]
    : [];
  const rules =
    resources.devices?.length && !hasDeviceRules(host.cgroup)
      ? [warning(DEVICES, 'is not enforced: that takes the cgroup v1 devices hierarchy, or v2')]
      : [];
  if (version === 0) return [...rules, ...lackingController(limitSettings(resources, 2))];
  return [
    ...driver,
    ...rules,
    ...(version === 1 ? checkExpressible(deviceRules(resources)) : []),
    ...limitsOfMemory(resources, version),
    ...limitsOfCpu(resources, version),
    ...limitsOfBlockIO(resources, version),
    ...limitsOfNetwork(resources, version),
    ...limitsOfUnified(resources, version),
    ...lackingController(
      limitSettings(resources, version).filter((s) => !hasController(host.cgroup, s.controller)),
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
export function planResources(context: PlanContext): readonly Step[] {
  const { version } = context.host.cgroup;
  const resources = context.spec.linux?.resources ?? {};
  const limits = version === 0 ? [] : limitSettings(resources, version);
  return [...writes(context, limits), ...(mountsDevice(context.spec) ? [] : planDevices(context))];
}

/** The device rules again, late, where a mount has to open a block device they may forbid. */
export const planLateDeviceRules = (context: PlanContext): readonly Step[] =>
  mountsDevice(context.spec) ? planDevices(context) : [];

const mountsDevice = ({ mounts = [] }: Spec): boolean =>
  mounts.some(({ type = 'bind', source = '' }) => type !== 'bind' && source.startsWith('/'));

/** Not in a user namespace: the kernel lets nobody there change them, nor make device nodes. */
function planDevices(context: PlanContext): readonly Step[] {
  const { host, options, spec } = context;
  if (host.inUserNamespace || options.rootless) return [];
  const rules = deviceRules(spec.linux?.resources ?? {});
  if (host.cgroup.version === 1) return writes(context, deviceLines(rules));
  // A new v2 cgroup allows everything its ancestors do.
  if (host.cgroup.version === 0 || allowEverything(rules)) return [];
  return containerCgroup(context).directories.flatMap(({ hostPath, isShared }) =>
    isShared ? [] : bpfDevice(hostPath, rules, spec),
  );
}

const bpfDevice = (path: string, rules: readonly DeviceRule[], { linux }: Spec): Step =>
  step('runtime', linux?.resources?.devices?.length ? DEVICES : '', {
    call: 'bpf_device',
    path,
    program: deviceProgram(rules),
  });

function writes(context: PlanContext, settings: readonly Setting[]): readonly Step[] {
  const { version, directories } = containerCgroup(context);
  return settings.flatMap(({ controller, file, value, origin, ignore, warn }) => {
    const at = directories.find(
      ({ controllers }) => version === 2 || controllers.includes(controller),
    );
    if (at === undefined) return [];
    const path = `${at.hostPath}/${file}`;
    return step(
      'runtime',
      origin,
      { call: 'write', path, data: value },
      { ...(ignore && { ignore }), ...(warn && { warn }) },
    );
  });
}
