/** Hooks that run when no plan does: behind `start` and behind `delete`. */
import { stillAlive, TsrunError } from '../errors.ts';
import { LOCK_EX, LOCK_NB, O_RDONLY } from '../linux/constants/file.ts';
import { SIGNALS } from '../linux/constants/signals.ts';
import { closing, type Fd, flock, open } from '../linux/files.ts';
import { lockHolder } from '../linux/locks.ts';
import { signalProcess, waitUntilEnded } from '../linux/pidfd.ts';
import { INIT, type Step } from '../plan/step.ts';
import { execute } from './execute.ts';
import { Slots } from './perform.ts';
import type { Trace, Warn } from './request.ts';
import { type Stored, stateFileOf } from './store.ts';

/**
 * Who runs the poststart hooks has state.json locked meanwhile, so that `delete --force` finds it; only
 * `create` writes that file, so it is one and the same until the container goes. Undefined where there are
 * no such hooks. To be taken while the container itself is locked.
 */
export function announcePoststart({ directory, record }: Stored): Fd | undefined {
  if (record.poststart.length === 0) return undefined;
  const path = stateFileOf(directory);
  const announced = open(path, O_RDONLY);
  flock(announced, LOCK_EX, path);
  return announced;
}

/** Kills who still runs the poststart hooks, and they end with it; waits until it has ended. */
export function endPoststart({ directory, record }: Stored, patienceMs: number): void {
  if (record.poststart.length === 0) return;
  const path = stateFileOf(directory);
  closing(open(path, O_RDONLY), (file) => {
    if (flock(file, LOCK_EX | LOCK_NB, path)) return;
    const holder = lockHolder(file);
    if (holder === undefined || !signalProcess(holder, SIGNALS.SIGKILL)) return;
    if (!waitUntilEnded(holder, patienceMs)) throw stillAlive(holder.pid);
  });
}

/** Runs the poststart hooks; the first failure is thrown, and the container must not live on. */
export function runPoststart({ record }: Stored, warn: Warn, trace?: Trace): void {
  const slots = new Slots();
  slots.set(INIT, record.init_process_pid);
  runSteps(record.poststart, slots, warn, trace);
}

/** Runs every poststop hook; a failure is told and the others run all the same. */
export function runPoststop(stored: Stored, warn: Warn): void {
  for (const hook of stored.record.poststop) {
    try {
      runSteps([hook], new Slots(), warn);
    } catch (thrown) {
      if (!(thrown instanceof TsrunError)) throw thrown;
      warn(thrown.message);
    }
  }
}

function runSteps(steps: readonly Step[], slots: Slots, warn: Warn, trace?: Trace): void {
  const saveState = (status: string) => {
    throw new RangeError(`a hook does not save ${status}`);
  };
  const plan = { steps };
  const tracer = trace?.(plan);
  execute({
    plan,
    config: undefined,
    slots,
    preserveFds: 0,
    saveState,
    warn,
    ...(tracer === undefined ? {} : { tracer }),
  });
}
