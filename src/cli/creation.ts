/** The flags that create, run and plan share. */
import type { CreateRequest } from '../container/request.ts';
import { usage } from '../errors.ts';
import { absolutePath, realPath } from '../linux/paths.ts';
import { type Invocation, idOf } from './invocation.ts';

/** What a creating verb asks for; paths are made absolute, for the bundle becomes the directory. */
export function creationOf(invocation: Invocation, id = idOf(invocation)): CreateRequest {
  const { values, globals, log } = invocation;
  const preserveFds = preserveFdsOf(invocation);
  const consoleSocket = pathOf(invocation, 'console-socket');
  const pidfdSocket = pathOf(invocation, 'pidfd-socket');
  const pidFile = pathOf(invocation, 'pid-file');
  return {
    root: globals.root,
    id,
    bundle: realPath(bundleOf(invocation)),
    ...(consoleSocket === undefined ? {} : { consoleSocket }),
    ...(pidfdSocket === undefined ? {} : { pidfdSocket }),
    ...(pidFile === undefined ? {} : { pidFile }),
    noPivot: values.isSet('no-pivot'),
    noNewKeyring: values.isSet('no-new-keyring'),
    preserveFds,
    cgroupManager: globals.cgroupManager,
    systemdTimeoutMs: globals.systemdTimeoutMs,
    ...(globals.rootless === undefined ? {} : { rootless: globals.rootless }),
    warn: log.warning,
  };
}

/** --preserve-fds; throws `usage` for a negative number. */
export function preserveFdsOf({ values }: Invocation): number {
  const preserveFds = values.int('preserve-fds');
  if (preserveFds >= 0) return preserveFds;
  throw usage(`invalid value "${preserveFds}" for flag -preserve-fds: must not be negative`);
}

/** --bundle as it was given; the current directory when it was not, or is empty. */
export const bundleOf = ({ values }: Invocation): string => values.text('bundle') || '.';

/** A flag that names a file, absolute; an empty one counts as not given, as engines' scripts write it. */
export function pathOf({ values }: Invocation, flag: string): string | undefined {
  const path = values.text(flag);
  return path === undefined || path === '' ? undefined : absolutePath(path);
}
