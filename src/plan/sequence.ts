/**
 * THE order in which a container comes to be (CREATE) and in which a process joins one (EXEC). One row a
 * planner; a row runs where it stands and nowhere else. What a property means, and its steps, is in the
 * file the property's path names.
 *
 * Slots that rows share: proc (the host's /proc, O_PATH, opened by outer), cgroup (the directory for
 * CLONE_INTO_CGROUP), init (pid), pidfd, root (the container's root, a mount), start, console-socket,
 * pidfd-socket, console (the terminal's master), container (what is joined: a pidfd of its init).
 */

import { planDomainname } from '../config/domainname.ts';
import {
  planCreateContainerHooks,
  planRuntimeHooks,
  planStartContainerHooks,
} from '../config/hooks.ts';
import { planHostname } from '../config/hostname.ts';
import { planDelegation } from '../config/linux/cgroupsPath/delegate.ts';
import { planSystemdUnit } from '../config/linux/cgroupsPath/start.ts';
import {
  planCgroup,
  planJoinCgroup,
  planJoinCgroupEarly,
  planMemoryCgroup,
} from '../config/linux/cgroupsPath.ts';
import { planDevices } from '../config/linux/devices.ts';
import { planIntelRdt, planJoinIntelRdt } from '../config/linux/intelRdt.ts';
import { planMaskedPaths } from '../config/linux/maskedPaths.ts';
import { planMemoryPolicy } from '../config/linux/memoryPolicy.ts';
import {
  planCgroupNamespace,
  planClone,
  planEarlyNamespaces,
  planIpcNamespace,
  planJoinNamespaces,
  planLoopback,
} from '../config/linux/namespaces.ts';
import { planNetDevices } from '../config/linux/netDevices.ts';
import { planPersonality } from '../config/linux/personality.ts';
import { planReadonlyPaths } from '../config/linux/readonlyPaths.ts';
import {
  planLateDeviceRules,
  planResources,
  planUnitResources,
} from '../config/linux/resources.ts';
import { planFinalPropagation, planRootfsPropagation } from '../config/linux/rootfsPropagation.ts';
import { planSeccompEarly, planSeccompLate } from '../config/linux/seccomp.ts';
import { planSysctl } from '../config/linux/sysctl.ts';
import { planTimeOffsets } from '../config/linux/timeOffsets.ts';
import { planBecomeRoot, planIdMappings } from '../config/linux/uidMappings.ts';
import {
  planLateReadonly,
  planMountSources,
  planMounts,
  planRemoveMounts,
} from '../config/mounts.ts';
import { planNotifyDirectory } from '../config/notifySocket.ts';
import { planApparmorProfile, planExecApparmorProfile } from '../config/process/apparmorProfile.ts';
import { planExecve, planFindExecutable } from '../config/process/args.ts';
import {
  planBoundingSet,
  planCapabilities,
  planKeepCapabilities,
} from '../config/process/capabilities.ts';
import { planChdir, planMakeCwd, planVerifyCwd } from '../config/process/cwd.ts';
import { planHome } from '../config/process/env.ts';
import {
  planFinalAffinity,
  planInitialAffinity,
  planResetAffinity,
} from '../config/process/execCPUAffinity.ts';
import { planIoPriority } from '../config/process/ioPriority.ts';
import { planNoNewPrivileges } from '../config/process/noNewPrivileges.ts';
import { planOomScoreAdj } from '../config/process/oomScoreAdj.ts';
import { planRlimits } from '../config/process/rlimits.ts';
import { planScheduler } from '../config/process/scheduler.ts';
import {
  planExecSelinuxLabel,
  planKeyLabel,
  planSelinuxLabel,
} from '../config/process/selinuxLabel.ts';
import { planConsole, planJoinedConsole } from '../config/process/terminal.ts';
import { planUmask, planUser } from '../config/process/user.ts';
import {
  planHostRootfs,
  planOverlay,
  planOverlayDirectories,
  planPivot,
  planRootfs,
  planRootReadonly,
} from '../config/root.ts';
import type { ExecContext, PlanContext } from './context.ts';
import {
  planContainerRoot,
  planEnterCgroups,
  planEnterNamespaces,
  planOpenContainer,
} from './join.ts';
import {
  planAccept,
  planAnnounce,
  planClaim,
  planCloseRange,
  planConsoleSocket,
  planCreated,
  planCreating,
  planExecuting,
  planGoOn,
  planHostHandles,
  planListen,
  planNullStreams,
  planPidfdSocket,
  planSession,
  planStartSocket,
} from './lifecycle.ts';
import type { Step } from './step.ts';

/** Planners are pure and return their steps in order; none, when the config does not ask. */
export type Planner = (context: PlanContext) => readonly Step[];

/** What init is, inside the container: the same for its first process and for one that joins it. */
const PROCESS: readonly Planner[] = [
  planUmask,
  planScheduler,
  planIoPriority,
  planPersonality,
  planMemoryPolicy,
  planRlimits,
  planCloseRange, // before a filter, which may refuse it; what is opened later is close-on-exec
  planSeccompEarly, // without no_new_privs a filter needs CAP_SYS_ADMIN, which goes below
  planChdir, // before setuid: the directory may be root's alone
  planBoundingSet,
  planKeepCapabilities,
  planUser,
  planCapabilities,
  planNoNewPrivileges,
  planVerifyCwd,
  planHome,
  planFindExecutable,
];

export const CREATE: readonly Planner[] = [
  // runtime: what the executor is started with.
  planStartSocket,
  planConsoleSocket,

  // outer: the executor in the host's namespaces, with the host's privileges. It begins here, and the runtime
  // goes on beside it with what does not name its pid.
  planHostHandles,
  planEarlyNamespaces, // a network takes the kernel as long as the runtime takes for the cgroups

  // runtime, meanwhile. state.json first: whatever follows can be found and removed by `delete`.
  planClaim,
  planCreating,
  planListen,
  planNotifyDirectory,
  planCgroup,

  // outer, which is told how far the runtime is.
  planJoinCgroupEarly, // before clone3: init is in its cgroups from its first instruction

  // runtime, meanwhile.
  planMemoryCgroup,
  planResources,
  planIntelRdt,
  planOverlayDirectories,
  planHostRootfs, // before outer goes to the rootfs

  // outer again, which waits until all above is done.
  planOomScoreAdj, // lowering it takes CAP_SYS_RESOURCE in the initial user namespace
  planSystemdUnit, // runtime: systemd makes a scope around a process, the executor
  planUnitResources,
  planDelegation, // behind the limits, which are written as root
  planJoinCgroup, // before clone3, as above
  planJoinIntelRdt,
  planResetAffinity, // behind the cgroup, whose cpuset bounds it
  planOverlay,
  planMountSources, // sources the container's root could not reach
  planJoinNamespaces,
  planClone,

  // runtime: what only the host may do to the new namespaces, while init waits.
  planIdMappings,
  planNetDevices,
  planPidfdSocket,

  // init, in the new namespaces, still seeing the host's file systems.
  planTimeOffsets, // before the ids change, which takes init's files in /proc from it
  planBecomeRoot,
  planIpcNamespace, // its message queues belong to whom it finds here
  planCgroupNamespace, // behind the join: its root is the cgroup init is in
  planKeyLabel, // of the keyring that comes with the session
  planSession,
  planLoopback,
  planHostname,
  planDomainname,
  planRootfsPropagation, // first of all mounts: nothing mounted here may reach the host
  planRootfs,
  planMounts,
  planDevices,

  // runtime: prestart and createRuntime see the finished mounts, before pivot_root.
  planLateDeviceRules,
  planRuntimeHooks,

  // init again.
  planCreateContainerHooks,
  planMakeCwd, // while the root can still be written
  planConsole, // before masks, so that a mask cannot be put under it (CVE-2025-52565)
  planNullStreams, // the host's /dev/null is not the container's to chmod
  planMaskedPaths,
  planReadonlyPaths,
  planPivot,
  planFinalPropagation,
  planLateReadonly,
  planRootReadonly,
  planSysctl,
  planApparmorProfile,
  planSelinuxLabel,
  ...PROCESS,

  // runtime: the container is created.
  planCreated,

  // init, on its own from here: waits for `start`, but of `run`.
  planAccept,
  planStartContainerHooks,
  planGoOn,
  planSeccompLate, // with no_new_privs: last, so that the filter need allow execve alone
  planExecve,
];

/**
 * Restored by CRIU: the runtime's part in the same order, with CRIU in the executor's place, which is in the
 * container's cgroup before it makes a process. Namespaces, mounts and the processes are in its images.
 */
export const RESTORE: readonly Planner[] = [
  planCreating,
  planCgroup,
  planMemoryCgroup,
  planResources,
  planIntelRdt,
  planSystemdUnit,
  planUnitResources,
  planDelegation,
  planLateDeviceRules,
];

/** Planners of EXEC see the container too; those of CREATE serve here as they are. */
export type ExecPlanner = (context: ExecContext) => readonly Step[];

export const EXEC: readonly ExecPlanner[] = [
  // runtime: whom to tell, and whom to join: from here on init's number cannot become another's.
  planConsoleSocket,
  planOpenContainer,

  // outer: the executor in the host's namespaces, with the host's privileges.
  planHostHandles,
  planOomScoreAdj, // lowering it takes CAP_SYS_RESOURCE in the initial user namespace
  planInitialAffinity,
  planEnterCgroups, // their directories are the host's
  planJoinIntelRdt,
  planExecApparmorProfile, // through the host's /proc, which stays outside
  planExecSelinuxLabel,
  planEnterNamespaces, // not dumpable, and nothing of the host's open any more (CVE-2016-9962)

  // init, in the container: behind clone3, for setns(2) to a pid namespace moves children alone.
  planFinalAffinity, // in the cgroups now, whose cpuset bounds it
  planContainerRoot,
  planSession,
  planJoinedConsole,
  planNullStreams,
  ...PROCESS,

  // runtime: it is told of.
  planAnnounce,

  // init: nothing but this is left to fail.
  planExecuting, // before a filter that may forbid to say it
  planSeccompLate, // with no_new_privs: last, so that the filter need allow execve alone
  planExecve,
];

/** Mounts that come to a container that runs (`mounts add`): entered as by exec, with nothing executed. */
export const ADD_MOUNTS: readonly ExecPlanner[] = [
  planOpenContainer,
  planHostHandles,
  planMountSources, // while the host's files are still to be seen
  planEnterNamespaces,
  planContainerRoot,
  planMounts,
  planLateReadonly,
];

/** Mounts that go (`mounts remove`), the last first. */
export const REMOVE_MOUNTS: readonly ExecPlanner[] = [
  planOpenContainer,
  planHostHandles,
  planEnterNamespaces,
  planRemoveMounts,
];
