/** The executor's program as this process runs it: a sealed copy, made when first used. */
import { engine } from '../engine/current.ts';
import { sealedProgram } from '../linux/descriptors.ts';
import type { Fd } from '../linux/files.ts';

/** The name of the sealed copy: /proc/PID/exe of the executor is `/memfd:tsrun-init (deleted)`. */
export const EXECUTOR_NAME = 'tsrun-init';

let program: Fd | undefined;

/** The sealed copy of the executor, open in this process. */
export function executorProgram(): Fd {
  program ??= sealedProgram(EXECUTOR_NAME, engine().executorImage());
  return program;
}

/** A path under which this process, and one it spawns, can execute a descriptor. */
export const pathOf = (fd: Fd): string => `/proc/self/fd/${fd}`;
