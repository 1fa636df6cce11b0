/**
 * linux.readonlyPaths: paths the container shall not write: each is mounted read-only over itself. A path
 * that is not there is passed over. config-linux.md "Readonly Paths".
 */

import type { Spec } from '../../generated/spec.ts';
import type { PlanContext } from '../../plan/context.ts';
import { type Step, step } from '../../plan/step.ts';
import type { Problem } from '../../spec/problem.ts';
import { ROOT } from '../mounts/entry.ts';
import { checkRestrictedPaths } from './maskedPaths.ts';
import { hasNamespace } from './namespaces.ts';

const ORIGIN = '/linux/readonlyPaths';

export const checkReadonlyPaths = (spec: Spec): readonly Problem[] =>
  checkRestrictedPaths(spec, ORIGIN, spec.linux?.readonlyPaths);

export const planReadonlyPaths = ({ spec }: PlanContext): readonly Step[] =>
  hasNamespace(spec, 'mount')
    ? (spec.linux?.readonlyPaths ?? []).map((path, i) =>
        step(
          'init',
          `${ORIGIN}/${i}`,
          { call: 'readonly_path', root: ROOT, path },
          { ignore: ['ENOENT'] },
        ),
      )
    : [];
