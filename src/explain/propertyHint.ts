/** Why a step of a property other than mounts fails, where errno alone leaves people guessing. */
import type { Failure } from './hint.ts';

interface Rule {
  /** Of `call origin`. */
  readonly step: RegExp;
  readonly errno: readonly string[];
  readonly hint: string;
}

const RULES: readonly Rule[] = [
  {
    step: /\/process\/rlimits\//,
    errno: ['EPERM'],
    hint: 'to raise a hard limit takes CAP_SYS_RESOURCE in the initial user namespace',
  },
  {
    step: /\/process\/oomScoreAdj/,
    errno: ['EACCES', 'EPERM'],
    hint: "to lower it below the caller's own takes CAP_SYS_RESOURCE",
  },
  {
    step: /^clone3 /,
    errno: ['ENOSPC', 'EUSERS'],
    hint: 'a limit of /proc/sys/user/max_*_namespaces is reached, or namespaces are nested too deep',
  },
  {
    step: /^clone3 /,
    errno: ['EPERM'],
    hint: 'without root it takes a namespace of type user, which this host may have switched off',
  },
  { step: /^clone3 /, errno: ['EINVAL'], hint: 'this kernel lacks one of the namespaces' },
  {
    step: /\/(uid|gid)Mappings/,
    errno: ['EPERM'],
    hint: "the mapping names ids that are not the caller's: without root /etc/subuid and /etc/subgid grant them",
  },
  {
    step: /\/linux\/resources\/memory/,
    errno: ['EBUSY'],
    hint: 'more memory is in use than the new limit, and it cannot be taken back',
  },
  {
    step: /\/linux\/resources\/cpu\/(cpus|mems)/,
    errno: ['EINVAL', 'ERANGE', 'EACCES', 'ENOSPC'],
    hint: 'the list must lie within what the parent cgroup has, and on processors that are there',
  },
  {
    step: /\/linux\/sysctl/,
    errno: ['EACCES', 'EPERM', 'EROFS'],
    hint: 'the setting is not of a namespace of this container, or is for root of the host alone',
  },
  {
    step: /\/linux\/seccomp/,
    errno: ['EACCES'],
    hint: 'without noNewPrivileges a filter takes CAP_SYS_ADMIN',
  },
  {
    step: /\/process\/capabilities/,
    errno: ['EPERM'],
    hint: 'the set holds what the caller does not have: compare CapBnd in /proc/self/status',
  },
  {
    step: /\/process\/cwd/,
    errno: ['ENOTDIR', 'EACCES'],
    hint: "process.cwd must be a directory that the container's user may enter",
  },
  {
    step: /\/linux\/namespaces/,
    errno: ['ENOENT'],
    hint: 'the path names the namespace of a process that has ended, or was never there',
  },
];

/** A clause; undefined where no rule knows the failure. */
export const propertyHint = ({ step, errno }: Failure): string | undefined =>
  RULES.find(
    (rule) => rule.step.test(`${step.op.call} ${step.origin}`) && rule.errno.includes(errno),
  )?.hint;
