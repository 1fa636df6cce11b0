/** Constants of seccomp(2), as linux/seccomp.h spells them. */
export const SECCOMP_FILTER_FLAG_TSYNC = 0x1;
export const SECCOMP_FILTER_FLAG_LOG = 0x2;
export const SECCOMP_FILTER_FLAG_SPEC_ALLOW = 0x4;
export const SECCOMP_FILTER_FLAG_NEW_LISTENER = 0x8;
export const SECCOMP_FILTER_FLAG_TSYNC_ESRCH = 0x10;
export const SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV = 0x20;

/** What a filter returns: the high 16 bits an action, the low ones ERRNO's errno and TRACE's message. */
export const SECCOMP_RET_KILL_PROCESS = 0x8000_0000;
export const SECCOMP_RET_KILL_THREAD = 0x0;
export const SECCOMP_RET_TRAP = 0x0003_0000;
export const SECCOMP_RET_ERRNO = 0x0005_0000;
export const SECCOMP_RET_USER_NOTIF = 0x7fc0_0000;
export const SECCOMP_RET_TRACE = 0x7ff0_0000;
export const SECCOMP_RET_LOG = 0x7ffc_0000;
export const SECCOMP_RET_ALLOW = 0x7fff_0000;

/** Stands in the place of an operation of seccomp(2) in the call that announce_listener asks for. */
export const LISTENER_MARKER = 0x7473_7275;

/** What a filter is compiled from, in libseccomp's terms. */
export interface SeccompFilter {
  /** libseccomp's names (`x86_64`); the machine's own is always among them. */
  readonly architectures: readonly string[];
  /** Returned where no rule matches: SECCOMP_RET_. */
  readonly action: number;
  readonly rules: readonly SeccompFilterRule[];
  /**
   * System calls that existed when the profile was written: those of higher numbers than all of them
   * fail with ENOSYS. Empty: they are as any other.
   */
  readonly known: readonly string[];
}

/** Matches a call of one of the names for which all conditions hold. */
export interface SeccompFilterRule {
  readonly names: readonly string[];
  readonly action: number;
  readonly conditions: readonly SeccompCondition[];
}

/** `struct scmp_arg_cmp`: an argument of 64 bits, compared. */
export interface SeccompCondition {
  /** 0 to 5. */
  readonly index: number;
  /** enum scmp_compare. */
  readonly operator: number;
  /** With SCMP_CMP_MASKED_EQ the mask, and valueTwo what it must leave. */
  readonly value: bigint;
  readonly valueTwo: bigint;
}
