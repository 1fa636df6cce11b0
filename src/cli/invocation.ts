/** What a verb is given to do its work. */
import { isInUserNamespace } from '../container/probe.ts';
import type { CgroupManager } from '../container/request.ts';
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
  readonly cgroupManager: CgroupManager;
  readonly systemdTimeoutMs: number;
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
    cgroupManager: parseCgroupManager(values),
    systemdTimeoutMs: parseSystemdTimeout(values),
    ...(rootless === undefined ? {} : { rootless }),
  };
}

function parseCgroupManager(values: Values): CgroupManager {
  const isSystemd = values.isSet('systemd-cgroup');
  const name = values.text('cgroup-manager') || (isSystemd ? 'systemd' : 'cgroupfs');
  if (name !== 'cgroupfs' && name !== 'systemd' && name !== 'disabled') {
    throw usage(
      `invalid value ${JSON.stringify(name)} for flag -cgroup-manager: cgroupfs, systemd or disabled`,
    );
  }
  if (isSystemd && name !== 'systemd') {
    throw usage(`-systemd-cgroup and -cgroup-manager ${name} exclude each other`);
  }
  return name;
}

/** Seconds, as milliseconds. */
function parseSystemdTimeout(values: Values): number {
  const seconds = values.int('systemd-timeout');
  if (seconds >= 1 && seconds <= MAX_TIMEOUT_SECONDS) return 1000 * seconds;
  throw usage(`invalid value "${seconds}" for flag -systemd-timeout: 1 to ${MAX_TIMEOUT_SECONDS}`);
}

/** A day: more is for ever. */
const MAX_TIMEOUT_SECONDS = 86_400;

function parseRootless(text: string): boolean | undefined {
  if (text === 'auto' || text === '') return undefined;
  if (text === 'true' || text === 'false') return text === 'true';
  throw usage(`invalid value ${JSON.stringify(text)} for flag -rootless: true, false or auto`);
}

function parseRoot(given: string | undefined): string {
  if (given === undefined) return defaultRoot(isRootlessByDefault(isInUserNamespace()));
  const path = absolutePath(given);
  const root = path.endsWith('/') ? path.replace(/\/+$/, '') : path;
  // Every directory of the host would look like a container, and `delete` removes those.
  if (root === '') throw usage('-root must not be the root directory');
  return root;
}
