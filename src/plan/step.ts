/** A plan: what a config causes, as an immutable list of native operations. */
import type { Op } from '../generated/ops.ts';

export type { Op, OpCall } from '../generated/ops.ts';

/**
 * Who performs a step. `runtime`: tsrun itself in the host's namespaces. `outer`: the executor before
 * the container's namespaces exist. `init`: the executor inside them, which becomes the container.
 */
export type Actor = 'runtime' | 'outer' | 'init';

/**
 * A JSON pointer into config.json (`/mounts/3`), `$` and the name of an environment variable of tsrun's own,
 * or `''` for what nothing in particular asked for.
 */
export type ConfigPath = string;

/**
 * A name for a value known only at run time: a descriptor or a pid. A slot written again closes the
 * descriptor it held; a step one of whose required slots is empty, because the step that fills it
 * failed with an ignored errno, is skipped.
 */
export type Slot = string;

/** The slot of init's pid, filled by clone3. */
export const INIT: Slot = 'init';

/** The slot of init's pidfd; empty before Linux 5.3, where steps that need it fail with ENOSYS. */
export const PIDFD: Slot = 'pidfd';

/** The slot of the executor's pid before clone3: filled when it is spawned. */
export const OUTER: Slot = 'outer';

export interface Step {
  readonly actor: Actor;
  readonly op: Op;
  readonly origin: ConfigPath;
  /** Failures that mean nothing happened here and that is fine: the step counts as done. */
  readonly ignore?: readonly ErrnoName[];
  /** An ignored failure is worth a warning in the log. */
  readonly warn?: true;
}

export type ErrnoName = `E${string}`;

export interface Plan {
  readonly steps: readonly Step[];
}

type Extra = Pick<Step, 'ignore' | 'warn'>;

/** Spread only when there is something: a plan has a hundred steps and more. */
export const step = (actor: Actor, origin: ConfigPath, op: Op, extra?: Extra): Step =>
  extra === undefined ? { actor, op, origin } : { actor, op, origin, ...extra };
