/**
 * Checks that need to know the machine: what a config asks for and this host cannot give. They run on
 * the plan's context, before its first step, and report problems as src/config/checks.ts does.
 */
import type { PlanContext } from '../plan/context.ts';
import type { Problem } from '../spec/problem.ts';
import { checkCgroupPermission } from './linux/cgroupsPath.ts';
import { checkMountLabelHost } from './linux/mountLabel.ts';
import { checkHostResources } from './linux/resources.ts';
import { checkApparmor } from './process/apparmorProfile.ts';
import { checkSelinux } from './process/selinuxLabel.ts';

export const HOST_CHECKS: readonly ((context: PlanContext) => readonly Problem[])[] = [
  checkCgroupPermission,
  checkHostResources,
  checkApparmor,
  checkSelinux,
  checkMountLabelHost,
];

export const checkHost = (context: PlanContext): readonly Problem[] =>
  HOST_CHECKS.flatMap((check) => check(context));
