/** How every call to the C library is made: bound when first used, failures thrown as SystemError. */
import { engine } from '../engine/current.ts';
import type { CFunction, CValue, Signature } from '../engine/engine.ts';
import { errnoName, errnoNumber, errnoText } from './constants/errno.ts';

/** A call that failed. `detail` is what it was about, mostly a path; text for people is made elsewhere. */
export class SystemError extends Error {
  override readonly name = 'SystemError';
  readonly errno: number;
  readonly call: string;
  readonly detail: string;

  constructor(call: string, errno: number, detail = '') {
    super(`${call}${detail === '' ? '' : ` ${detail}`}: ${errnoName(errno)}: ${errnoText(errno)}`);
    this.call = call;
    this.errno = errno;
    this.detail = detail;
  }
}

/** Whether something thrown is a failed call with one of these errno. */
export const failedWith = (thrown: unknown, ...names: readonly `E${string}`[]): boolean =>
  thrown instanceof SystemError && names.some((name) => errnoNumber(name) === thrown.errno);

const EINTR = 4;

/** A function of the C library, looked up when it is first called. */
export function libc(name: string, signature: Signature): CFunction {
  let bound: CFunction | undefined;
  return (...args: CValue[]) => {
    bound ??= engine().bind(name, signature);
    return bound(...args);
  };
}

/**
 * A function that returns -1 and sets errno when it fails: throws SystemError then, and calls again when
 * a signal came between. `detail` names what the call is about.
 */
export function throwing(
  name: string,
  signature: Signature,
): (detail: string, ...args: CValue[]) => number {
  const call = libc(name, signature);
  return (detail, ...args) => {
    for (;;) {
      const result = call(...args);
      if (result !== -1) return result;
      const errno = engine().errno();
      if (errno !== EINTR) throw new SystemError(name, errno, detail);
    }
  };
}

/** Runs `attempt`; undefined when it fails with one of these errno. */
export function unless<T>(names: readonly `E${string}`[], attempt: () => T): T | undefined {
  try {
    return attempt();
  } catch (thrown) {
    if (failedWith(thrown, ...names)) return undefined;
    throw thrown;
  }
}
