/** `tsrun exec`: the process is a file's (--process) or the container's own, changed by flags. */
import { exec as execInContainer } from '../container/exec.ts';
import type { ExecRequest, ProcessFlags } from '../container/request.ts';
import { flagUseless, invalidGid, invalidUser, processArgsEmpty } from '../errors.ts';
import { pathOf, preserveFdsOf } from './creation.ts';
import { type Invocation, idOf } from './invocation.ts';

export function exec(invocation: Invocation): void {
  const { values, globals, log } = invocation;
  const consoleSocket = pathOf(invocation, 'console-socket');
  const pidfdSocket = pathOf(invocation, 'pidfd-socket');
  const pidFile = pathOf(invocation, 'pid-file');
  execInContainer({
    root: globals.root,
    id: idOf(invocation),
    process: processOf(invocation),
    detach: values.isSet('detach'),
    ...(consoleSocket === undefined ? {} : { consoleSocket }),
    ...(pidfdSocket === undefined ? {} : { pidfdSocket }),
    ...(pidFile === undefined ? {} : { pidFile }),
    preserveFds: preserveFdsOf(invocation),
    subgroups: values.list('cgroup'),
    ignorePaused: values.isSet('ignore-paused'),
    ...(globals.rootless === undefined ? {} : { rootless: globals.rootless }),
    warn: log.warning,
  });
}

/** Flags that say of the process what --process says. */
const PROCESS_FLAGS = [
  'cwd',
  'env',
  'user',
  'additional-gids',
  'process-label',
  'apparmor',
  'no-new-privs',
  'cap',
] as const;

function processOf(invocation: Invocation): ExecRequest['process'] {
  const { args, values, log } = invocation;
  const file = pathOf(invocation, 'process');
  if (file === undefined) {
    if (args.length < 2) throw processArgsEmpty();
    return flagsOf(invocation);
  }
  for (const flag of PROCESS_FLAGS) {
    if (values.isGiven(flag)) log.warning(flagUseless(flag));
  }
  return { file };
}

function flagsOf({ args, values }: Invocation): ProcessFlags {
  const cwd = values.text('cwd') || undefined;
  const user = values.text('user') || undefined;
  const apparmorProfile = values.text('apparmor') || undefined;
  const selinuxLabel = values.text('process-label') || undefined;
  return {
    args: args.slice(1),
    terminal: values.isSet('tty'),
    env: values.list('env'),
    ...(cwd === undefined ? {} : { cwd }),
    ...(user === undefined ? {} : { user: parseUser(user) }),
    additionalGids: values.list('additional-gids').map(parseGid),
    capabilities: values.list('cap'),
    ...(values.isGiven('no-new-privs') ? { noNewPrivileges: values.isSet('no-new-privs') } : {}),
    ...(apparmorProfile === undefined ? {} : { apparmorProfile }),
    ...(selinuxLabel === undefined ? {} : { selinuxLabel }),
  };
}

/** `1000` or `1000:100`: nothing but digits, or a part of it would be dropped (CVE-2026-30892). */
export function parseUser(text: string): { readonly uid: number; readonly gid?: number } {
  const [, uid, gid] = /^(\d{1,10})(?::(\d{1,10}))?$/.exec(text) ?? [];
  if (uid === undefined || Math.max(Number(uid), Number(gid ?? 0)) > MAX_ID)
    throw invalidUser(text);
  return gid === undefined ? { uid: Number(uid) } : { uid: Number(uid), gid: Number(gid) };
}

/** (uid_t)-1 is no id. */
const MAX_ID = 0xffff_fffe;

function parseGid(text: string): number {
  if (!/^\d{1,10}$/.test(text) || Number(text) > MAX_ID) throw invalidGid(text);
  return Number(text);
}
