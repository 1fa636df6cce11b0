/**
 * linux.seccomp: which system calls the container may make. The plan holds the rules; they are compiled
 * when the plan is encoded. config-linux.md "Seccomp", seccomp(2).
 */

import type {
  Seccomp,
  SeccompArchitecture,
  SeccompArg,
  SeccompFeatures,
  SeccompRule,
  Spec,
  State,
} from '../../generated/spec.ts';
import {
  LISTENER_MARKER,
  SECCOMP_FILTER_FLAG_LOG,
  SECCOMP_FILTER_FLAG_NEW_LISTENER,
  SECCOMP_FILTER_FLAG_SPEC_ALLOW,
  SECCOMP_FILTER_FLAG_TSYNC,
  SECCOMP_FILTER_FLAG_TSYNC_ESRCH,
  SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV,
  SECCOMP_RET_ALLOW,
  SECCOMP_RET_ERRNO,
  SECCOMP_RET_KILL_PROCESS,
  SECCOMP_RET_KILL_THREAD,
  SECCOMP_RET_LOG,
  SECCOMP_RET_TRACE,
  SECCOMP_RET_TRAP,
  SECCOMP_RET_USER_NOTIF,
  type SeccompCondition,
  type SeccompFilter,
  type SeccompFilterRule,
} from '../../linux/constants/seccomp.ts';
import type { PlanContext, SeccompWatch } from '../../plan/context.ts';
import { type Step, step } from '../../plan/step.ts';
import { error, type Problem, warning } from '../../spec/problem.ts';
import { OCI_VERSION } from '../../spec/version.ts';

const ORIGIN = '/linux/seccomp';

const NOTIFY = 'SCMP_ACT_NOTIFY';

const EPERM = 1;
const ENOSYS = 38;

/** The kernel's MAX_ERRNO. */
const MAX_ERRNO = 4095;

type Action = Seccomp['defaultAction'];
type Flag = NonNullable<Seccomp['flags']>[number];

export const ACTIONS: Readonly<Record<Action, number>> = {
  SCMP_ACT_KILL: SECCOMP_RET_KILL_THREAD,
  SCMP_ACT_KILL_THREAD: SECCOMP_RET_KILL_THREAD,
  SCMP_ACT_KILL_PROCESS: SECCOMP_RET_KILL_PROCESS,
  SCMP_ACT_TRAP: SECCOMP_RET_TRAP,
  SCMP_ACT_ERRNO: SECCOMP_RET_ERRNO,
  SCMP_ACT_NOTIFY: SECCOMP_RET_USER_NOTIF,
  SCMP_ACT_TRACE: SECCOMP_RET_TRACE,
  SCMP_ACT_LOG: SECCOMP_RET_LOG,
  SCMP_ACT_ALLOW: SECCOMP_RET_ALLOW,
};

/** enum scmp_compare of libseccomp. */
const OPERATORS: Readonly<Record<SeccompArg['op'], number>> = {
  SCMP_CMP_NE: 1,
  SCMP_CMP_LT: 2,
  SCMP_CMP_LE: 3,
  SCMP_CMP_EQ: 4,
  SCMP_CMP_GE: 5,
  SCMP_CMP_GT: 6,
  SCMP_CMP_MASKED_EQ: 7,
};

const FLAGS: Readonly<Record<Flag, number>> = {
  SECCOMP_FILTER_FLAG_LOG,
  SECCOMP_FILTER_FLAG_SPEC_ALLOW,
  SECCOMP_FILTER_FLAG_TSYNC,
  SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV,
};

const OF_LISTENERS: Flag = 'SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV';

/** libseccomp's names, seccomp_arch_resolve_name(3). */
export const ARCHITECTURES: Readonly<Record<SeccompArchitecture, string>> = {
  SCMP_ARCH_X86: 'x86',
  SCMP_ARCH_X86_64: 'x86_64',
  SCMP_ARCH_X32: 'x32',
  SCMP_ARCH_ARM: 'arm',
  SCMP_ARCH_AARCH64: 'aarch64',
  SCMP_ARCH_LOONGARCH64: 'loongarch64',
  SCMP_ARCH_M68K: 'm68k',
  SCMP_ARCH_MIPS: 'mips',
  SCMP_ARCH_MIPS64: 'mips64',
  SCMP_ARCH_MIPS64N32: 'mips64n32',
  SCMP_ARCH_MIPSEL: 'mipsel',
  SCMP_ARCH_MIPSEL64: 'mipsel64',
  SCMP_ARCH_MIPSEL64N32: 'mipsel64n32',
  SCMP_ARCH_PARISC: 'parisc',
  SCMP_ARCH_PARISC64: 'parisc64',
  SCMP_ARCH_PPC: 'ppc',
  SCMP_ARCH_PPC64: 'ppc64',
  SCMP_ARCH_PPC64LE: 'ppc64le',
  SCMP_ARCH_RISCV64: 'riscv64',
  SCMP_ARCH_S390: 's390',
  SCMP_ARCH_S390X: 's390x',
  SCMP_ARCH_SH: 'sh',
  SCMP_ARCH_SHEB: 'sheb',
};

/** Without flags, as runc has it: the mitigation would slow every container down. `[]` is none. */
const DEFAULT_FLAGS: readonly Flag[] = ['SECCOMP_FILTER_FLAG_SPEC_ALLOW'];

/** A default that lets a call pass lets newer ones pass too; a tracer answers ENOSYS itself. */
const PERMISSIVE: readonly Action[] = ['SCMP_ACT_ALLOW', 'SCMP_ACT_LOG', 'SCMP_ACT_TRACE'];

export function checkSeccomp(spec: Spec): readonly Problem[] {
  const profile = spec.linux?.seccomp;
  if (profile === undefined) return [];
  return [
    ...checkErrno(`${ORIGIN}/defaultErrnoRet`, profile.defaultAction, profile.defaultErrnoRet),
    ...checkListener(profile),
    ...checkFlags(profile),
    ...(profile.syscalls ?? []).flatMap(({ action, errnoRet }, i) =>
      checkErrno(`${ORIGIN}/syscalls/${i}/errnoRet`, action, errnoRet),
    ),
  ];
}

const takesErrno = (action: Action) => action === 'SCMP_ACT_ERRNO' || action === 'SCMP_ACT_TRACE';

function checkErrno(path: string, action: Action, errno: number | undefined): readonly Problem[] {
  if (errno === undefined) return [];
  if (!takesErrno(action)) return [error(path, `means nothing for ${action}`, errno)];
  return errno > MAX_ERRNO ? [error(path, `is no errno: more than ${MAX_ERRNO}`, errno)] : [];
}

/** Whoever hands the listener over must not be held back itself: as with runc, write(2) has to pass. */
function checkListener(profile: Seccomp): readonly Problem[] {
  const { defaultAction, syscalls = [], listenerPath = '', listenerMetadata = '' } = profile;
  const problems: Problem[] = [];
  if (defaultAction === NOTIFY)
    problems.push(error(`${ORIGIN}/defaultAction`, `${NOTIFY} cannot be used as default action`));
  for (const [i, { names, action }] of syscalls.entries()) {
    if (action !== NOTIFY) continue;
    if (names.includes('write'))
      problems.push(
        error(`${ORIGIN}/syscalls/${i}`, `${NOTIFY} cannot be used for the write syscall`),
      );
    if (listenerPath === '')
      problems.push(error(`${ORIGIN}/syscalls/${i}/action`, `${NOTIFY} needs a listenerPath`));
  }
  if (listenerPath !== '' && !listenerPath.startsWith('/'))
    problems.push(error(`${ORIGIN}/listenerPath`, 'must be an absolute path', listenerPath));
  if (listenerMetadata !== '' && listenerPath === '')
    problems.push(error(`${ORIGIN}/listenerMetadata`, 'must not be set without listenerPath'));
  return problems;
}

const notifies = ({ syscalls = [] }: Seccomp): boolean =>
  syscalls.some(({ action }) => action === NOTIFY);

/** The kernel refuses it where there is no listener to receive from (EINVAL); libseccomp leaves it out. */
function checkFlags(profile: Seccomp): readonly Problem[] {
  const index = profile.flags?.indexOf(OF_LISTENERS) ?? -1;
  if (index < 0 || notifies(profile)) return [];
  const at = `${ORIGIN}/flags/${index}`;
  return [warning(at, `has no effect without a rule of ${NOTIFY}`, OF_LISTENERS)];
}

/** What the agent is sent with a listener: config-linux.md "The Container Process State". */
export interface ContainerProcessState {
  readonly ociVersion: string;
  /** Names of the descriptors that come along, in their order. */
  readonly fds: readonly string[];
  /** The process whose filter it is. */
  readonly pid: number;
  readonly metadata?: string;
  readonly state: State;
}

/** `exec` knows the container's own process. */
type SeccompContext = PlanContext & { readonly container?: { readonly pid: number } };

/** Without no_new_privs a filter takes CAP_SYS_ADMIN: before the capabilities are given up. */
export const planSeccompEarly = (context: SeccompContext): readonly Step[] =>
  context.spec.process?.noNewPrivileges === true ? [] : planFilter(context);

/** With no_new_privs: last, so that the profile need allow execve alone. */
export const planSeccompLate = (context: SeccompContext): readonly Step[] =>
  context.spec.process?.noNewPrivileges === true ? planFilter(context) : [];

function planFilter(context: SeccompContext): readonly Step[] {
  const watch = context.options.watchSeccomp;
  const profile = context.spec.linux?.seccomp ?? (watch?.everything ? PASSING : undefined);
  if (profile === undefined) return [];
  const flags = (profile.flags ?? DEFAULT_FLAGS).reduce((all, flag) => all | FLAGS[flag], 0);
  const filter = filterOf(profile);
  if (watch !== undefined) return watched(context, watch, flags, filter);
  const { listenerPath: agent = '', listenerMetadata = '' } = profile;
  if (agent === '' || !notifies(profile))
    return [step('init', ORIGIN, { call: 'seccomp', flags: flags & ~FLAGS[OF_LISTENERS], filter })];
  const state = processState(context, listenerMetadata);
  return [step('init', ORIGIN, { call: 'seccomp', flags: notifying(flags), filter, agent, state })];
}

/** Where there is no profile and its calls are to be learnt. */
const PASSING: Seccomp = { defaultAction: 'SCMP_ACT_ALLOW' };

/** Whether a profile has an agent of its own: a process can have one listener. */
export const hasAgent = ({ linux }: Spec): boolean =>
  linux?.seccomp?.syscalls?.some(({ action }) => action === NOTIFY) ?? false;

/** What is compiled from `filter` asks tsrun's own agent (explain/seccompWatch.ts). */
function watched(
  context: SeccompContext,
  { agent, killable }: SeccompWatch,
  flags: number,
  filter: SeccompFilter,
): readonly Step[] {
  const state = processState(context, '');
  const waiting = killable ? SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV : 0;
  return [
    step('init', ORIGIN, { call: 'announce_listener', marker: LISTENER_MARKER, agent, state }),
    step('init', ORIGIN, { call: 'seccomp', flags: notifying(flags) | waiting, filter }),
  ];
}

/** The kernel takes both flags only with a third that tells an error from a listener (Linux 5.7). */
const notifying = (flags: number): number =>
  flags |
  SECCOMP_FILTER_FLAG_NEW_LISTENER |
  (flags & SECCOMP_FILTER_FLAG_TSYNC ? SECCOMP_FILTER_FLAG_TSYNC_ESRCH : 0);

/**
 * What the agent is told; 0 is the pid of the process that is being made. A container whose program does not
 * run yet is `creating` to the agent, before `start` and in it, as with runc.
 */
function processState({ spec, options, container }: SeccompContext, metadata: string): string {
  const state: ContainerProcessState = {
    ociVersion: OCI_VERSION,
    fds: ['seccompFd'],
    pid: 0,
    ...(metadata === '' ? {} : { metadata }),
    state: {
      ociVersion: OCI_VERSION,
      id: options.id,
      status: container === undefined ? 'creating' : 'running',
      pid: container?.pid ?? 0,
      bundle: options.bundle,
      ...(spec.annotations === undefined ? {} : { annotations: spec.annotations }),
    },
  };
  return JSON.stringify(state);
}

/** The profile in libseccomp's terms. A rule that says what the default says is one it would refuse. */
export function filterOf(profile: Seccomp): SeccompFilter {
  const { defaultAction, defaultErrnoRet, architectures = [], syscalls = [] } = profile;
  const action = actionOf(defaultAction, defaultErrnoRet);
  const saysNewer = PERMISSIVE.includes(defaultAction) || defaultErrnoRet === ENOSYS;
  return {
    architectures: architectures.map((name) => ARCHITECTURES[name]),
    action,
    rules: syscalls.flatMap(rulesOf).filter((rule) => rule.action !== action),
    known: saysNewer ? [] : [...new Set(syscalls.flatMap(({ names }) => names))],
  };
}

const actionOf = (action: Action, errno: number | undefined): number =>
  takesErrno(action) ? ACTIONS[action] | (errno ?? EPERM) : ACTIONS[action];

/**
 * Conditions must all hold; where two are about one argument, which libseccomp cannot express, each
 * becomes a rule of its own and one is enough, as with runc.
 */
function rulesOf({ names, action, errnoRet, args = [] }: SeccompRule): SeccompFilterRule[] {
  // Nearly every rule of a profile, which may have hundreds.
  if (args.length === 0) return [{ names, action: actionOf(action, errnoRet), conditions: [] }];
  const conditions = args.map(
    (arg): SeccompCondition => ({
      index: arg.index,
      operator: OPERATORS[arg.op],
      value: BigInt(arg.value),
      valueTwo: BigInt(arg.valueTwo ?? 0),
    }),
  );
  const isAnyOf = new Set(args.map(({ index }) => index)).size < args.length;
  const alternatives = isAnyOf ? conditions.map((condition) => [condition]) : [conditions];
  return alternatives.map((all) => ({
    names,
    action: actionOf(action, errnoRet),
    conditions: all,
  }));
}

/** linux.seccomp of features.json. */
export const seccompFeatures = (): SeccompFeatures => ({
  actions: Object.keys(ACTIONS),
  operators: Object.keys(OPERATORS),
  archs: Object.keys(ARCHITECTURES),
  knownFlags: Object.keys(FLAGS),
  supportedFlags: Object.keys(FLAGS),
});
