/** How every call to the C library is made: bound when first used, failures thrown as SystemError. */
import { engine } from '../engine/current.ts';
import type { CFunction, CValue, Signature } from '../engine/engine.ts';
import { errnoName, errnoNumber, errnoText } from './constants/errno.ts';

/**
 * A call that failed. `detail` is what it was about, mostly a path; text for people is made elsewhere. No
 * Error: most of these are answers (ENOENT, EEXIST), and to note the stack costs QuickJS more than the call.
 */
export class SystemError {
  readonly name = 'SystemError';
  readonly errno: number;
  readonly call: string;
  readonly detail: string;

  constructor(call: string, errno: number, detail = '') {
    this.call = call;
    this.errno = errno;
    this.detail = detail;
  }

  get message(): string {
    const { call, errno, detail } = this;
    return `${call}${detail === '' ? '' : ` ${detail}`}: ${errnoName(errno)}: ${errnoText(errno)}`;
  }

  toString(): string {
    return this.message;
  }
}

/** Whether something thrown is a failed call with one of these errno. */
export const failedWith = (thrown: unknown, ...names: readonly `E${string}`[]): boolean =>
  thrown instanceof SystemError && isOneOf(thrown.errno, names);

const isOneOf = (errno: number, names: readonly `E${string}`[]): boolean =>
  names.some((name) => errnoNumber(name) === errno);

const EINTR = 4;

/** A function of the C library, looked up when it is first called. */
export const libc = (name: string, signature: Signature): CFunction => ofArity(name, signature);

/**
 * A function that returns -1 and sets errno when it fails: throws SystemError then, and calls again when
 * a signal came between. `detail` names what the call is about: a path, a descriptor.
 */
export function throwing(
  name: string,
  signature: Signature,
): (detail: string | number, ...args: CValue[]) => number {
  const call = ofArity(name, signature);
  return (detail, a, b, c, d, e, f) => {
    for (;;) {
      const result = call(a, b, c, d, e, f);
      if (result !== -1) return result;
      const errno = engine().errno();
      if (errno !== EINTR) throw new SystemError(name, errno, String(detail));
    }
  };
}

/** Like `throwing`, but a failure is an answer: minus errno. For calls that mostly fail. */
export function answering(name: string, signature: Signature): Six {
  const call = ofArity(name, signature);
  return (a, b, c, d, e, f) => {
    for (;;) {
      const result = call(a, b, c, d, e, f);
      if (result !== -1) return result;
      const errno = engine().errno();
      if (errno !== EINTR) return -errno;
    }
  };
}

const unbound: (() => CFunction)[] = [];

/**
 * Binds every function that modules loaded so far may call. For a host whose memory is kept as it is before the
 * program starts: no process then binds them again.
 */
export function bindAll(): void {
  for (const bind of unbound.splice(0)) bind();
}

type Argument = CValue | undefined;
type Six = (
  a?: Argument,
  b?: Argument,
  c?: Argument,
  d?: Argument,
  e?: Argument,
  f?: Argument,
) => number;

/**
 * A function of up to six parameters that is bound at its first call. Spelled out by arity: a rest
 * parameter and its spreading cost QuickJS two arrays a call.
 */
function ofArity(name: string, signature: Signature): Six {
  let bound: CFunction | undefined;
  const bind = (): CFunction => {
    bound = engine().bind(name, signature);
    return bound;
  };
  unbound.push(bind);
  switch (signature.length - 'i:'.length) {
    case 0:
      return () => (bound ?? bind())();
    case 1:
      return (a = null) => (bound ?? bind())(a);
    case 2:
      return (a = null, b = null) => (bound ?? bind())(a, b);
    case 3:
      return (a = null, b = null, c = null) => (bound ?? bind())(a, b, c);
    case 4:
      return (a = null, b = null, c = null, d = null) => (bound ?? bind())(a, b, c, d);
    case 5:
      return (a = null, b = null, c = null, d = null, e = null) => (bound ?? bind())(a, b, c, d, e);
    case 6:
      return (a = null, b = null, c = null, d = null, e = null, f = null) =>
        (bound ?? bind())(a, b, c, d, e, f);
    default:
      throw new RangeError(`${name}: more parameters than six`);
  }
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
