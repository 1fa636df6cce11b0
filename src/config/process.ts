/** process: what the container runs. */

import type { Spec } from '../generated/spec.ts';
import type { Problem } from '../spec/problem.ts';

export const checkProcess = (_spec: Spec): readonly Problem[] => [];
