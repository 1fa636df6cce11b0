/** process.cwd: the working directory of the program, made when it is missing. config.md "Process". */

import type { Spec } from '../../generated/spec.ts';
import type { PlanContext } from '../../plan/context.ts';
import { type Step, step } from '../../plan/step.ts';
import { error, type Problem } from '../../spec/problem.ts';

const ORIGIN = '/process/cwd';

export function checkCwd(spec: Spec): readonly Problem[] {
  const cwd = spec.process?.cwd;
  if (cwd === undefined) return [];
  if (!cwd.startsWith('/')) return [error(ORIGIN, 'must be an absolute path', cwd)];
  return cwd.includes('\0') ? [error(ORIGIN, 'must not contain NUL', cwd)] : [];
}

/** As root of the container and before the root may become read-only. */
export const planMakeCwd = ({ spec }: PlanContext): readonly Step[] =>
  spec.process === undefined || spec.process.cwd === '/'
    ? []
    : [
        step('init', ORIGIN, {
          call: 'mkdir_in_root',
          root: 'root',
          path: spec.process.cwd,
          mode: 0o755,
          uid: 0,
          gid: 0,
        }),
      ];

/**
 * Root may enter directories the user may not; but where root is nobody (NFS root_squash, FUSE) only the
 * user may, so a refusal is left to planVerifyCwd, which tries again as the user.
 */
export const planChdir = ({ spec }: PlanContext): readonly Step[] =>
  spec.process === undefined
    ? []
    : [
        step(
          'init',
          ORIGIN,
          { call: 'chdir', path: spec.process.cwd },
          { ignore: ['EACCES', 'EPERM'] },
        ),
      ];

/** The directory must be one of the container: a leaked descriptor could lead outside (CVE-2024-21626). */
export const planVerifyCwd = ({ spec }: PlanContext): readonly Step[] =>
  spec.process === undefined
    ? []
    : [step('init', ORIGIN, { call: 'check_cwd', path: spec.process.cwd })];
