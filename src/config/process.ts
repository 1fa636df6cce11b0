/** process: what the container runs. config.md "Process". */

import type { Spec } from '../generated/spec.ts';
import { error, type Problem } from '../spec/problem.ts';

/** The specification lets `create` go without; nothing could be started then. */
export const checkProcess = (spec: Spec): readonly Problem[] =>
  spec.process === undefined ? [error('/process', 'is required')] : [];
