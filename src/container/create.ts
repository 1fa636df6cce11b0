/** `create`: makes a container up to the point where its process waits for `start`. */
import { refuseInUse } from '../cgroup/directory.ts';
import { TsrunError } from '../errors.ts';
import { SystemError } from '../linux/call.ts';
import { errnoNumber } from '../linux/constants/errno.ts';
import type { SeccompFilter } from '../linux/constants/seccomp.ts';
import {
  chdir,
  type Fd,
  readTextIfExists,
  release,
  removeIfExists,
  unlink,
} from '../linux/files.ts';
import type { Pid } from '../linux/processes.ts';
import { INIT } from '../plan/step.ts';
import { removeCgroupsOf } from './delete.ts';
import { checkConsole, checkPreserved } from './descriptors.ts';
import { execute } from './execute.ts';
import { filterCompiler } from './filters.ts';
import { runPoststop } from './hooks.ts';
import { cgroupsOf, newRecord } from './newRecord.ts';
import { Slots } from './perform.ts';
import { type Attachment, DETACHED, type Prepared, prepareCreate } from './prepare.ts';
import { probeHost } from './probe.ts';
import type { StateRecord } from './record.ts';
import { Recorder } from './recorder.ts';
import type { CreateRequest } from './request.ts';
import { unmountRootfs } from './rootfsMounts.ts';
import { claim, newDirectory, removeDirectory, type Stored, seccompSocketOf } from './store.ts';

/**
 * Creates a container. TsrunError when it cannot: `container-exists`, `config-…`, or `step-failed` with
 * the property to blame; nothing is left of it then.
 */
export function create(request: CreateRequest): void {
  createContainer(request, DETACHED).slots.closeAll();
}

export interface Created {
  /**
   * The runtime's: init's pid, its pidfd, and in the foreground the socket over which the terminal's
   * master comes. They are the caller's to close.
   */
  readonly slots: Slots;
  readonly stored: Stored;
  /** For who goes on: to let go of the thousands of steps of a thousand mounts takes as long as to make them. */
  readonly prepared: Prepared;
  /** Init waits for `start`. */
  readonly waits: boolean;
}

/** Creates a container for who goes on with it in the same process. */
export function createContainer(request: CreateRequest, attachment: Attachment): Created {
  const prepared = prepareCreate(request, probeHost(), attachment);
  const { options } = prepared.context;
  checkConsole(prepared.context);
  checkPreserved(options.preserveFds);
  const directory = newDirectory(request.root, request.id);
  // Hooks and relative paths of the config are the bundle's.
  chdir(options.bundle);
  return perform(request, prepared, directory);
}

function perform(request: CreateRequest, prepared: Prepared, directory: string): Created {
  const { context, plan } = prepared;
  const { warn, trace } = request;
  const cgroups = cgroupsOf(plan);
  const slots = new Slots();
  const recorder = new Recorder(directory, newRecord(context, plan, cgroups), slots);
  let lock: Fd | undefined;
  const claimOnce = () => {
    if (lock !== undefined) return;
    lock = claim(directory, prepared.configText);
    for (const cgroup of cgroups) refuseInUse(cgroup);
  };
  try {
    // The executor is started with what these have in the directory.
    if (trace !== undefined || request.watchSeccomp !== undefined) claimOnce();
    execute({
      plan,
      config: context.spec,
      slots,
      preserveFds: context.options.preserveFds,
      claim: claimOnce,
      saveState: (status) => recorder.save(status),
      prepareState: () => recorder.prepare(),
      warn,
      compileFilter: compilerOf(request, directory),
      ...(trace === undefined ? {} : { tracer: trace(plan) }),
    });
    const waits = context.options.goesOn !== true;
    return { slots, stored: { directory, record: recorder.record }, prepared, waits };
  } catch (thrown) {
    undo(request, slots, recorder, thrown);
    if (lock !== undefined) attempt(request, () => removeDirectory(directory));
    throw thrown;
  } finally {
    if (lock !== undefined) release(lock);
  }
}

/** What was made of a container that cannot be, but for its directory. */
function undo(request: CreateRequest, slots: Slots, recorder: Recorder, failure: unknown): void {
  const { directory, record } = recorder;
  const wasSpawned = slots.has(INIT);
  if (wasSpawned) attempt(request, () => removePidFile(request.pidFile, slots.get(INIT)));
  slots.closeAll();
  if (recorder.isSaved) {
    const left = timedOut(failure) ? withoutUnit(record) : record;
    attempt(request, () => removeCgroupsOf(left, request.warn));
    attempt(request, () => unmountRootfs(left, request.warn));
  }
  // runtime.md "Lifecycle": a hook's failure goes on with the poststop hooks.
  if (wasSpawned) runPoststop({ directory, record }, request.warn);
}

const compilerOf = ({ root, watchSeccomp }: CreateRequest, directory: string) =>
  watchSeccomp === undefined
    ? filterCompiler(root)
    : (filter: SeccompFilter) => watchSeccomp.compile(filter, seccompSocketOf(directory));

/** systemd did not answer: to ask it again would take as long again, and a scope goes with its processes. */
const timedOut = (thrown: unknown): boolean =>
  thrown instanceof TsrunError &&
  thrown.facts.call === 'start_unit' &&
  thrown.facts.errno === errnoNumber('ETIMEDOUT');

function withoutUnit(record: StateRecord): StateRecord {
  const { systemd_unit: _unit, ...rest } = record;
  return rest;
}

/** What cannot be removed is told, and the failure that led here stays the one that is thrown. */
function attempt({ warn }: CreateRequest, remove: () => void): void {
  try {
    remove();
  } catch (thrown) {
    if (!(thrown instanceof SystemError)) throw thrown;
    warn(thrown.message);
  }
}

/** Ours alone: one that was there before has another number in it. */
function removePidFile(path: string | undefined, pid: Pid): void {
  if (path !== undefined && readTextIfExists(path) === String(pid)) removeIfExists(unlink, path);
}
