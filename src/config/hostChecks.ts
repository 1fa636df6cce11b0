/**
 * Checks that need to know the machine: what a config asks for and this host cannot give. They run on
 * the plan's context, before its first step, and report problems as src/config/checks.ts does.
 */
import type { PlanContext } from '../plan/context.ts';
import type { Problem } from '../spec/problem.ts';
import { checkSystemdAnnotations } from './linux/cgroupsPath/start.ts';
import { checkSystemdUnit } from './linux/cgroupsPath/unit.ts';
import { checkCgroupPermission } from './linux/cgroupsPath.ts';
import { checkHostIntelRdt } from './linux/intelRdt.ts';
import { checkMountLabelHost } from './linux/mountLabel.ts';
import { checkJoinedMountNamespace } from './linux/namespaces.ts';
import { checkHostNetDevices } from './linux/netDevices.ts';
import { checkHostResources } from './linux/resources.ts';
import { checkApparmor } from './process/apparmorProfile.ts';
import { checkSelinux } from './process/selinuxLabel.ts';
import { checkHostRoot } from './root.ts';

type HostCheck = (context: PlanContext) => readonly Problem[];

/** Of process alone: also of the process of `exec`. */
const PROCESS_HOST_CHECKS: readonly HostCheck[] = [checkApparmor, checkSelinux];

export const HOST_CHECKS: readonly HostCheck[] = [
  checkCgroupPermission,
  checkHostResources,
  ...PROCESS_HOST_CHECKS,
  checkMountLabelHost,
  checkSystemdUnit,
  checkSystemdAnnotations,
  checkHostIntelRdt,
  checkHostNetDevices,
  checkJoinedMountNamespace,
  checkHostRoot,
];

export const checkHost = (context: PlanContext): readonly Problem[] =>
  HOST_CHECKS.flatMap((check) => check(context));

/** What the process of `exec` asks for and this host cannot give. */
export const checkProcessOnHost = (context: PlanContext): readonly Problem[] =>
  PROCESS_HOST_CHECKS.flatMap((check) => check(context));
