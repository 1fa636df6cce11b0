/** What a verb is given to do its work. */
import { isInUserNamespace } from '../container/probe.ts';
import { defaultRoot, isRootlessByDefault } from '../container/store.ts';
import { usage } from '../errors.ts';
import { absolutePath } from '../linux/paths.ts';
import type { Verb } from './commands.ts';
import type { Log } from './log.ts';
import type { Values } from './parse.ts';

export interface Invocation {
  readonly verb: Verb;
  readonly values: Values;
  readonly args: readonly string[];
  readonly globals: Globals;
  readonly log: Log;
}

/** The flags before the verb, checked. */
export interface Globals {
  /** --root, absolute, without a slash at its end; asked for only by verbs that have containers. */
  readonly root: string;
  readonly systemdCgroup: boolean;
  /** Ignore missing cgroup permissions; absent for `auto`. */
  readonly rootless?: boolean;
}

/** The container-id of a verb that takes one. */
export const idOf = ({ args }: Invocation): string => args[0] ?? '';

/** Throws `usage` for values that cannot be. */
export function globalsOf(values: Values): Globals {
  const rootless = parseRootless(values.text('rootless') ?? 'auto');
  return {
    root: parseRoot(values.text('root')),
    systemdCgroup: values.isSet('systemd-cgroup'),
    ...(rootless === undefined ? {} : { rootless }),
  };
}

function parseRootless(text: string): boolean | undefined {
  if (text === 'auto' || text === '') return undefined;
  if (text === 'true' || text === 'false') return text === 'true';
  throw usage(`invalid value ${JSON.stringify(text)} for flag -rootless: true, false or auto`);
}

function parseRoot(given: string | undefined): string {
  if (given === undefined) return defaultRoot(isRootlessByDefault(isInUserNamespace()));
  const root = absolutePath(given).replace(/\/+$/, '');
  // Every directory of the host would look like a container, and `delete` removes those.
  if (root === '') throw usage('-root must not be the root directory');
  return root;
}
