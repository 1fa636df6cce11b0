/**
 * Every cross-field check, one row a property file. JSON Schemas have seen the shapes before; these see
 * what one property demands of another.
 */

import type { Spec } from '../generated/spec.ts';
import type { Problem } from '../spec/problem.ts';
import { checkDomainname } from './domainname.ts';
import { checkHooks } from './hooks.ts';
import { checkHostname } from './hostname.ts';
import { checkCgroupsPath } from './linux/cgroupsPath.ts';
import { checkDevices } from './linux/devices.ts';
import { checkIntelRdt } from './linux/intelRdt.ts';
import { checkMaskedPaths } from './linux/maskedPaths.ts';
import { checkMemoryPolicy } from './linux/memoryPolicy.ts';
import { checkMountLabel } from './linux/mountLabel.ts';
import { checkNamespaces } from './linux/namespaces.ts';
import { checkNetDevices } from './linux/netDevices.ts';
import { checkPersonality } from './linux/personality.ts';
import { checkReadonlyPaths } from './linux/readonlyPaths.ts';
import { checkResources } from './linux/resources.ts';
import { checkRootfsPropagation } from './linux/rootfsPropagation.ts';
import { checkSeccomp } from './linux/seccomp.ts';
import { checkSysctl } from './linux/sysctl.ts';
import { checkTimeOffsets } from './linux/timeOffsets.ts';
import { checkIdMappings } from './linux/uidMappings.ts';
import { checkMounts } from './mounts.ts';
import { checkApparmorProfile } from './process/apparmorProfile.ts';
import { checkArgs } from './process/args.ts';
import { checkCapabilities } from './process/capabilities.ts';
import { checkCwd } from './process/cwd.ts';
import { checkEnv } from './process/env.ts';
import { checkExecCPUAffinity } from './process/execCPUAffinity.ts';
import { checkIoPriority } from './process/ioPriority.ts';
import { checkOomScoreAdj } from './process/oomScoreAdj.ts';
import { checkRlimits } from './process/rlimits.ts';
import { checkScheduler } from './process/scheduler.ts';
import { checkSelinuxLabel } from './process/selinuxLabel.ts';
import { checkTerminal } from './process/terminal.ts';
import { checkUser } from './process/user.ts';
import { checkProcess } from './process.ts';
import { checkRoot } from './root.ts';

type Check = (spec: Spec) => readonly Problem[];

/** Of process alone: also of the process `exec` puts into a container's config. */
export const PROCESS_CHECKS: readonly Check[] = [
  checkProcess,
  checkTerminal,
  checkCwd,
  checkEnv,
  checkArgs,
  checkUser,
  checkRlimits,
  checkCapabilities,
  checkOomScoreAdj,
  checkScheduler,
  checkIoPriority,
  checkExecCPUAffinity,
  checkApparmorProfile,
  checkSelinuxLabel,
];

export const CHECKS: readonly Check[] = [
  checkRoot,
  checkMounts,
  checkHostname,
  checkDomainname,
  checkHooks,
  ...PROCESS_CHECKS,
  checkNamespaces,
  checkIdMappings,
  checkTimeOffsets,
  checkCgroupsPath,
  checkResources,
  checkDevices,
  checkSysctl,
  checkSeccomp,
  checkRootfsPropagation,
  checkMaskedPaths,
  checkReadonlyPaths,
  checkPersonality,
  checkMemoryPolicy,
  checkNetDevices,
  checkIntelRdt,
  checkMountLabel,
];
