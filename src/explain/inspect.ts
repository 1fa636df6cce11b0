/** `tsrun inspect`: what isolates a container that exists, as the kernel has it now. */
import { type Invocation, idOf } from '../cli/invocation.ts';
import { print } from '../cli/output.ts';
import { initOf, type Status, statusOf } from '../container/status.ts';
import { load, loadIfReadable, type Stored, savedConfig, storedIds } from '../container/store.ts';
import { containerNotRunning, usage } from '../errors.ts';
import type { Spec } from '../generated/spec.ts';
import { failedWith, unless } from '../linux/call.ts';
import { readlink, readTextIfExists } from '../linux/files.ts';
import { formatJson } from '../spec/formatJson.ts';
import { loadSaved } from '../spec/load.ts';
import { type CgroupFact, cgroupFacts } from './inspectCgroups.ts';
import { type MountFact, mountFacts } from './inspectMounts.ts';
import { type ProcessFacts, processFacts } from './inspectProcess.ts';
import { formatInspection } from './inspectText.ts';

export interface NamespaceFact {
  readonly type: string;
  /** Of clone(2). */
  readonly flag: string;
  readonly inode: string;
  /** `own`, `host`, or the ids of other containers that are in it too. */
  readonly shared: 'own' | 'host' | readonly string[];
}

export interface Inspection {
  readonly id: string;
  readonly status: Status;
  readonly bundle: string;
  readonly rootfs: string;
  readonly created: string;
  readonly process: ProcessFacts;
  readonly namespaces: readonly NamespaceFact[];
  readonly cgroups: readonly CgroupFact[];
  readonly mounts: readonly MountFact[];
}

export function inspect(invocation: Invocation): void {
  const format = invocation.values.text('format');
  if (format !== 'text' && format !== 'json') throw usage('invalid format option', 'inspect');
  const { root } = invocation.globals;
  const found = inspectContainer(root, load(root, idOf(invocation)));
  print(format === 'json' ? `${formatJson(found, '  ')}\n` : formatInspection(found));
}

/** Throws `container-state` when init has ended: nothing is left to be looked at. */
function inspectContainer(root: string, stored: Stored): Inspection {
  const { record, directory } = stored;
  const status = statusOf(stored);
  const init = initOf(stored);
  if (status === 'stopped' || init === undefined) throw containerNotRunning();
  const spec: Spec = loadSaved(savedConfig(directory));
  const read = (file: string) => readIfAllowed(`/proc/${init.pid}/${file}`);
  const found = {
    id: record.id,
    status,
    bundle: record.bundle,
    rootfs: record.rootfs,
    created: record.created,
    process: processFacts(init.pid, read),
    namespaces: namespaceFacts(init.pid, othersOf(root, record.id)),
    cgroups: cgroupFacts(record.cgroup_paths, readIfAllowed),
    mounts: mountFacts(read('mountinfo') ?? '', spec),
  };
  // What was read of a process that ended meanwhile is no container's any more.
  if (statusOf(stored) === 'stopped' || isEnding(init.pid)) throw containerNotRunning();
  return found;
}

/** A process gives its namespaces back before it counts as ended. */
function isEnding(pid: number): boolean {
  try {
    readlink(`/proc/${pid}/ns/mnt`);
    return false;
  } catch (thrown) {
    return failedWith(thrown, 'ENOENT', 'ESRCH');
  }
}

const readIfAllowed = (path: string): string | undefined =>
  unless(['EACCES', 'EPERM', 'EINVAL', 'EOPNOTSUPP'], () => readTextIfExists(path));

/** The other containers of the state root that run: id and pid. */
const othersOf = (
  root: string,
  id: string,
): readonly { readonly id: string; readonly pid: number }[] =>
  storedIds(root).flatMap((other) => {
    const stored = other === id ? undefined : loadIfReadable(root, other);
    if (stored === undefined || statusOf(stored) === 'stopped') return [];
    return [{ id: other, pid: stored.record.init_process_pid }];
  });

/** File in /proc/PID/ns, type in config.json, flag of clone(2). */
const NAMESPACES = [
  ['pid', 'pid', 'CLONE_NEWPID'],
  ['net', 'network', 'CLONE_NEWNET'],
  ['mnt', 'mount', 'CLONE_NEWNS'],
  ['ipc', 'ipc', 'CLONE_NEWIPC'],
  ['uts', 'uts', 'CLONE_NEWUTS'],
  ['user', 'user', 'CLONE_NEWUSER'],
  ['cgroup', 'cgroup', 'CLONE_NEWCGROUP'],
  ['time', 'time', 'CLONE_NEWTIME'],
] as const;

function namespaceFacts(
  pid: number,
  others: readonly { readonly id: string; readonly pid: number }[],
): readonly NamespaceFact[] {
  const inodeOf = (process: number | 'self', file: string) =>
    /\[(\d+)\]/.exec(
      unless(['ENOENT', 'EACCES', 'EPERM', 'ESRCH'], () =>
        readlink(`/proc/${process}/ns/${file}`),
      ) ?? '',
    )?.[1];
  return NAMESPACES.flatMap(([file, type, flag]): readonly NamespaceFact[] => {
    const inode = inodeOf(pid, file);
    if (inode === undefined) return [];
    if (inode === inodeOf('self', file)) return [{ type, flag, inode, shared: 'host' }];
    const sharing = others.filter((other) => inodeOf(other.pid, file) === inode);
    const shared = sharing.length === 0 ? 'own' : sharing.map(({ id }) => id);
    return [{ type, flag, inode, shared }];
  });
}
