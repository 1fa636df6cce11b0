/** `restore`: makes a container whose processes, memory and mounts CRIU takes from images of `checkpoint`. */
import { refuseInUse } from '../cgroup/directory.ts';
import { planRuntimeHooks } from '../config/hooks.ts';
import { containerCgroup } from '../config/linux/cgroupsPath.ts';
import { bindSource, isBind, isRemount, mountEntries } from '../config/mounts/entry.ts';
import { engine } from '../engine/current.ts';
import { TsrunError } from '../errors.ts';
import { SystemError, unless } from '../linux/call.ts';
import { F_OK, O_RDONLY } from '../linux/constants/file.ts';
import {
  CRIU_RESTORE,
  type Criu,
  type CriuOptions,
  callCriu,
  dismissCriu,
  type Notification,
  pair,
  startCriu,
} from '../linux/criu.ts';
import { duplicate } from '../linux/descriptors.ts';
import {
  access,
  chdir,
  close,
  closing,
  type Fd,
  mkdir,
  mkdirAll,
  open,
  openDirectory,
  readTextIfExists,
  removeIfExists,
  rmdir,
  writeExisting,
} from '../linux/files.ts';
import { bindRecursively, inPrivateMounts } from '../linux/mounts.ts';
import { becomeSubreaper, blockSignals, readProcess } from '../linux/processes.ts';
import { connectUnix, send } from '../linux/sockets.ts';
import { buildPlan } from '../plan/build.ts';
import type { PlanContext } from '../plan/context.ts';
import { planMountPoints } from '../plan/restore.ts';
import { RESTORE } from '../plan/sequence.ts';
import { INIT, OUTER, type Plan, step } from '../plan/step.ts';
import {
  CGROUP_MODES,
  type CriuRequest,
  commonOptions,
  criuFailed,
  DESCRIPTORS_FILE,
  externalNamespaces,
  findCriu,
  joinedNamespaces,
  MOUNTS_FILE,
} from './criuRequest.ts';
import { removeCgroupsOf } from './delete.ts';
import { checkConsole } from './descriptors.ts';
import { execute } from './execute.ts';
import { supervise } from './foreground.ts';
import { cgroupsOf, newRecord } from './newRecord.ts';
import { Slots } from './perform.ts';
import { type Prepared, prepareCreate } from './prepare.ts';
import { probeHost } from './probe.ts';
import type { StateRecord } from './record.ts';
import type { CreateRequest } from './request.ts';
import { claim, newDirectory, removeDirectory, saveRecord } from './store.ts';

export interface RestoreRequest extends CriuRequest {
  readonly creation: CreateRequest;
  readonly detach: boolean;
  readonly noSubreaper: boolean;
  readonly tcpClose: boolean;
  /** `TYPE:NAME`, instead of the profile in the images. */
  readonly lsmProfile?: string;
  readonly lsmMountContext?: string;
}

const LOG_FILE = 'restore.log';

/** What a restore is about, from its claim to its end. */
interface Restoration {
  readonly request: RestoreRequest;
  readonly prepared: Prepared;
  readonly directory: string;
  readonly slots: Slots;
  record: StateRecord;
  /** A restored terminal's other end. */
  master?: Fd;
}

/**
 * Restores a container. Detached it returns when the container runs; in the foreground this process
 * becomes its supervisor. `criu-failed` with the reason when it cannot, and nothing is left of it.
 */
export function restore(request: RestoreRequest): void {
  const { creation, detach } = request;
  const program = findCriu();
  if (!detach) {
    blockSignals();
    if (!request.noSubreaper) becomeSubreaper();
  }
  const prepared = prepareCreate(creation, probeHost(), { foreground: !detach });
  checkConsole(prepared.context);
  const cgroups = cgroupsOf(prepared.plan);
  const directory = newDirectory(creation.root, creation.id);
  const lock = claim(directory, prepared.configText);
  const record = newRecord(prepared.context, prepared.plan, cgroups);
  const restoration: Restoration = {
    request,
    prepared,
    directory,
    slots: new Slots(),
    record,
  };
  try {
    refuseTaken(request, directory, cgroups);
    perform(restoration, program);
  } finally {
    close(lock);
  }
  if (!detach) foreground(restoration);
}

/**
 * Refuses cgroups of somebody else's, which are left alone, and in CRIU's strict mode any that exist: the
 * container's are made before CRIU runs, so it is asked for here, and CRIU restores as in full mode.
 */
function refuseTaken(
  { manageCgroupsMode: mode }: RestoreRequest,
  directory: string,
  cgroups: readonly string[],
): void {
  try {
    for (const cgroup of cgroups) refuseInUse(cgroup);
    const found = mode === 'strict' ? cgroups.find((path) => access(path, F_OK)) : undefined;
    if (found === undefined) return;
    throw new TsrunError('criu-failed', `--manage-cgroups-mode strict: ${found} exists already`);
  } catch (thrown) {
    removeDirectory(directory);
    throw thrown;
  }
}

function foreground({ request, slots, master }: Restoration): void {
  const { root, id } = request.creation;
  supervise(slots.get(INIT), master, {
    command: [...engine().self, '--root', root, 'delete', '--force', id],
  });
}

function undo({ request, record, directory }: Restoration): void {
  const { warn } = request.creation;
  try {
    removeCgroupsOf(record, warn);
  } catch (thrown) {
    if (!(thrown instanceof SystemError)) throw thrown;
    warn(thrown.message);
  }
  removeDirectory(directory);
}

function perform(restoration: Restoration, program: string): void {
  try {
    callRestore(restoration, program);
  } catch (thrown) {
    undo(restoration);
    throw thrown;
  }
}

function callRestore(restoration: Restoration, program: string): void {
  const { request, prepared, directory } = restoration;
  const { context } = prepared;
  const { workPath, imagePath } = request;
  runSteps(restoration, planMountPoints(context));
  const root = `${directory}/criu-root`;
  mkdir(root, 0o700);
  if (workPath !== undefined) mkdirAll(workPath, 0o700);
  const inherited = closing(openDirectory(imagePath), (images) => inheritedOf(images, context));
  try {
    const { criu, directories } = inPrivateMounts(() => {
      bindRecursively(context.options.rootfs, root);
      // CRIU mounts below its working directory, so that must be of its own mount namespace.
      const work = workPath === undefined ? undefined : openDirectory(workPath);
      const fds = inherited.map(({ fd }) => fd);
      return {
        directories: { images: openDirectory(imagePath), work },
        criu: startCriu(program, fds, request.shellJob),
      };
    });
    chdir(context.options.bundle);
    enterCgroups(restoration, criu);
    const options = {
      ...restoreOptions(restoration, directories),
      root,
      inheritFds: inherited.map(({ key, fd }) => pair(key, fd)),
    };
    const notified = (notification: Notification) => onNotification(restoration, notification);
    const answer = callCriu(criu, CRIU_RESTORE, options, notified);
    for (const fd of Object.values(directories)) if (fd !== undefined) close(fd);
    if (!answer.success) {
      throw criuFailed('restore', answer.message, `${workPath ?? imagePath}/${LOG_FILE}`);
    }
  } finally {
    for (const { fd } of inherited) close(fd);
    removeIfExists(rmdir, root);
  }
}

/** Makes the container's cgroups and limits around CRIU, which then makes processes in them. */
function enterCgroups(restoration: Restoration, criu: Criu): void {
  const { prepared, slots, record } = restoration;
  const { options } = prepared.context;
  try {
    slots.set(OUTER, criu.pid);
    runSteps(restoration, buildPlan(RESTORE, prepared.context));
    if (options.systemdCgroup) return;
    for (const path of record.cgroup_paths) writeExisting(`${path}/cgroup.procs`, `${criu.pid}`);
  } catch (thrown) {
    dismissCriu(criu);
    throw thrown;
  }
}

function onNotification(restoration: Restoration, { script, pid, fds }: Notification): void {
  const { slots, prepared, request } = restoration;
  switch (script) {
    case 'setup-namespaces':
      slots.set(INIT, pid);
      runSteps(restoration, { steps: planRuntimeHooks(prepared.context) });
      break;
    case 'post-restore':
      // The processes wait for our answer: whoever sees them finds their state.
      slots.set(INIT, pid);
      runSteps(restoration, { steps: createdSteps(prepared.context) });
      break;
    case 'orphan-pts-master':
      takeMaster(restoration, fds[0], request.creation.consoleSocket);
      break;
    default:
  }
}

const createdSteps = ({ options: { pidFile } }: PlanContext): Plan['steps'] => [
  step('runtime', '', { call: 'save_state', status: 'created' }),
  ...(pidFile === undefined
    ? []
    : [step('runtime', '', { call: 'write_pid_file', path: pidFile, pid: INIT } as const)]),
];

function takeMaster(restoration: Restoration, fd: Fd | undefined, consoleSocket?: string): void {
  if (fd === undefined) return;
  if (consoleSocket === undefined) {
    restoration.master = duplicate(fd);
    return;
  }
  const socket = connectUnix(consoleSocket);
  try {
    send(socket, engine().encodeUtf8('/dev/ptmx'), [fd]);
  } finally {
    close(socket);
  }
}

function runSteps(restoration: Restoration, plan: Plan): void {
  if (plan.steps.length === 0) return;
  const { prepared, directory, slots, request } = restoration;
  const isOwn = plan.steps.some(({ actor }) => actor !== 'runtime');
  execute({
    plan,
    config: prepared.context.spec,
    // Steps of the executor are of one of their own: in the container's slots CRIU stands for it.
    slots: isOwn ? new Slots() : slots,
    preserveFds: 0,
    warn: request.creation.warn,
    saveState: (status) => {
      const pid = slots.has(INIT) ? slots.get(INIT) : 0;
      restoration.record = {
        ...restoration.record,
        status,
        init_process_pid: pid,
        init_process_start: pid === 0 ? 0 : (readProcess(pid)?.startTime ?? 0),
      };
      saveRecord(directory, restoration.record);
    },
  });
}

function restoreOptions(
  { request, prepared }: Restoration,
  directories: { readonly images: Fd; readonly work: Fd | undefined },
): CriuOptions {
  const { context } = prepared;
  const { lsmProfile, lsmMountContext, manageCgroupsMode } = request;
  const mounts = [...externalMounts(context, directories.images)];
  return {
    ...commonOptions(request, context.spec, directories, LOG_FILE),
    restoreSibling: true,
    tcpClose: request.tcpClose,
    externalMounts: mounts.map(([mountpoint, source]) => pair(mountpoint, source)),
    joinNamespaces: joinedNamespaces(context.spec),
    ...(manageCgroupsMode === 'strict' ? { manageCgroupsMode: CGROUP_MODES.full } : {}),
    ...(manageCgroupsMode === 'ignore' ? {} : { cgroupRoots: cgroupRoots(context) }),
    ...(lsmProfile === undefined ? {} : { lsmProfile }),
    ...(lsmMountContext === undefined ? {} : { lsmMountContext }),
  };
}

/** Where the tasks' cgroups are to be now, each below the hierarchy's mount point. */
const cgroupRoots = (context: PlanContext): readonly Uint8Array[] => {
  const { version, directories } = containerCgroup(context);
  return directories.map(({ controllers, path }) =>
    pair(version === 2 ? undefined : controllers.join(','), path),
  );
};

/**
 * Where each external mount comes from now: what the config binds there, else where it came from; the
 * container's cgroups are those it has now.
 */
function externalMounts(context: PlanContext, images: Fd): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const path of context.spec.linux?.maskedPaths ?? []) found.set(path, '/dev/null');
  const { directories } = containerCgroup(context);
  for (const row of readList(MOUNTS_FILE, images)) {
    if (!Array.isArray(row)) continue;
    const [mountpoint, saved]: readonly unknown[] = row;
    if (typeof mountpoint !== 'string' || typeof saved !== 'string') continue;
    const cgroup = directories.find((one) => saved.startsWith(`${one.mountpoint}/`));
    found.set(mountpoint, cgroup?.hostPath ?? saved);
  }
  for (const entry of mountEntries(context)) {
    if (isBind(entry) && !isRemount(entry))
      found.set(entry.destination, bindSource(context, entry));
  }
  return found;
}

interface Inherited {
  readonly key: string;
  readonly fd: Fd;
}

/** Descriptors that stand for what is not in the images: joined namespaces, and the standard streams. */
function inheritedOf(images: Fd, { spec }: PlanContext): readonly Inherited[] {
  const inherited: Inherited[] = externalNamespaces(spec).map(({ key, path }) => ({
    key,
    fd: open(path, O_RDONLY),
  }));
  readList(DESCRIPTORS_FILE, images).forEach((key, stream) => {
    const isOutside = typeof key === 'string' && /^(pipe:|file)\[/.test(key);
    if (!isOutside || inherited.some((other) => other.key === key)) return;
    inherited.push({ key, fd: duplicate(stream) });
  });
  return inherited;
}

/** A file of the images that holds a JSON array; empty when there is none, as in another runtime's images. */
function readList(name: string, images: Fd): readonly unknown[] {
  const text = unless(['ENOENT'], () => readTextIfExists(name, images));
  if (text === undefined) return [];
  try {
    const list: unknown = JSON.parse(text);
    return Array.isArray(list) ? list : [];
  } catch {
    return [];
  }
}
