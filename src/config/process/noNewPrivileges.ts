/** process.noNewPrivileges: execve gives no rights by set-uid bits or file capabilities. prctl(2). */
import { PR_SET_NO_NEW_PRIVS } from '../../linux/constants/process.ts';
import type { PlanContext } from '../../plan/context.ts';
import { type Step, step } from '../../plan/step.ts';

export const planNoNewPrivileges = ({ spec }: PlanContext): readonly Step[] =>
  spec.process?.noNewPrivileges === true
    ? [
        step('init', '/process/noNewPrivileges', {
          call: 'prctl',
          option: PR_SET_NO_NEW_PRIVS,
          arg2: 1n,
          arg3: 0n,
          arg4: 0n,
          arg5: 0n,
        }),
      ]
    : [];
