/** Hooks that run when no plan does: behind `start` and behind `delete`. */
import { TsrunError } from '../errors.ts';
import { INIT, type Step } from '../plan/step.ts';
import { execute } from './execute.ts';
import { Slots } from './perform.ts';
import type { Trace, Warn } from './request.ts';
import type { Stored } from './store.ts';

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
