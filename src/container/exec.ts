/** `exec`: runs a further process inside a container. */
import { checkProcessOnHost } from '../config/hostChecks.ts';
import { hasNamespace, joinsNamespace } from '../config/linux/namespaces.ts';
import { cannotExec, configInvalid, TsrunError } from '../errors.ts';
import type { Spec } from '../generated/spec.ts';
import { unless } from '../linux/call.ts';
import { errnoNumber } from '../linux/constants/errno.ts';
import { readlink } from '../linux/files.ts';
import { blockSignals } from '../linux/processes.ts';
import { findResctrl } from '../linux/resctrl.ts';
import { buildPlan } from '../plan/build.ts';
import type { CreateOptions, ExecContext, HostFacts, JoinedContainer } from '../plan/context.ts';
import { EXEC } from '../plan/sequence.ts';
import { INIT } from '../plan/step.ts';
import { loadSaved } from '../spec/load.ts';
import { checkConsole, checkPreserved } from './descriptors.ts';
import { processOf } from './execProcess.ts';
import { execute } from './execute.ts';
import { filterCompiler } from './filters.ts';
import { callersWindowSize, receiveMaster, supervise } from './foreground.ts';
import { Slots } from './perform.ts';
import { probeHost } from './probe.ts';
import type { StateRecord } from './record.ts';
import type { ExecRequest } from './request.ts';
import { statusOf } from './status.ts';
import { load, type Stored, savedConfig } from './store.ts';
import { cgroupsToEnter } from './subgroups.ts';

/**
 * Runs a process in a created or running container. Detached it returns when the program runs. In the
 * foreground it does not return: this process becomes the supervisor and exits with the program's status
 * (128+N for signal N). `container-state` when the container has ended or is paused; `config-invalid`,
 * `exec-missing`, `exec-denied`, `step-failed` when the process cannot be had.
 */
export function exec(request: ExecRequest): void {
  // Before anything is made: a signal that comes now is the supervisor's to forward.
  if (!request.detach) blockSignals();
  const stored = load(request.root, request.id);
  checkStatus(stored, request.ignorePaused);
  const context = contextOf(request, stored, probeHost());
  checkOnHost(context);
  checkConsole(context);
  checkPreserved(context.options.preserveFds);
  const slots = new Slots();
  perform(request, context, slots);
  if (request.detach) slots.closeAll();
  else supervise(slots.get(INIT), receiveMaster(slots), { command: [] });
}

function checkStatus(stored: Stored, ignorePaused: boolean): void {
  const status = statusOf(stored);
  if (status === 'created' || status === 'running') return;
  if (status !== 'paused' || !ignorePaused) throw cannotExec(status);
}

function checkOnHost(context: ExecContext): void {
  const problems = checkProcessOnHost(context);
  if (problems.length > 0) throw configInvalid('exec', problems);
}

function perform({ warn, root }: ExecRequest, context: ExecContext, slots: Slots): void {
  const saveState = (status: string) => {
    throw new RangeError(`exec does not save ${status}`);
  };
  const { spec, options } = context;
  const { preserveFds } = options;
  const plan = buildPlan(EXEC, context);
  try {
    execute({
      plan,
      config: spec,
      slots,
      preserveFds,
      saveState,
      warn,
      compileFilter: filterCompiler(root),
    });
  } catch (thrown) {
    slots.closeAll();
    // It has ended since it was asked for its status.
    const hasEnded =
      thrown instanceof TsrunError &&
      thrown.facts.call === 'open_process' &&
      thrown.facts.errno === errnoNumber('ESRCH');
    throw hasEnded ? cannotExec('stopped') : thrown;
  }
}

function contextOf(request: ExecRequest, stored: Stored, host: HostFacts): ExecContext {
  const { record, directory } = stored;
  const config = loadSaved(savedConfig(directory));
  const process = processOf(request, config);
  const consoleSize =
    process.terminal === true && !request.detach ? callersWindowSize() : undefined;
  const spec = {
    ...config,
    process: consoleSize === undefined ? process : { ...process, consoleSize },
  };
  const resctrl = config.linux?.intelRdt === undefined ? undefined : findResctrl();
  return {
    spec,
    host: resctrl === undefined ? host : { ...host, resctrl },
    options: optionsOf(request, stored, host),
    container: {
      pid: record.init_process_pid,
      startTime: record.init_process_start,
      cgroups: cgroupsToEnter(
        record.cgroup_paths,
        request.subgroups,
        host.cgroup,
        record.init_process_pid,
      ),
      ...unitOf(record),
      sharesUserNamespace: sharesUserNamespace(spec, record.init_process_pid),
    },
  };
}

function unitOf(record: StateRecord): Pick<JoinedContainer, 'unit'> {
  const { systemd_unit: unit, cgroup_paths: directories } = record;
  const [directory] = directories;
  return unit === undefined || directory === undefined ? {} : { unit: { ...unit, directory } };
}

function optionsOf(
  { consoleSocket, pidfdSocket, pidFile, preserveFds, detach, rootless }: ExecRequest,
  { record, directory }: Stored,
  host: HostFacts,
): CreateOptions {
  return {
    id: record.id,
    bundle: record.bundle,
    rootfs: record.rootfs,
    stateDirectory: directory,
    noPivot: false,
    noNewKeyring: record.no_new_keyring,
    preserveFds,
    // Sockets of a service manager are for the container's first process.
    listenFds: 0,
    ...(consoleSocket === undefined ? {} : { consoleSocket }),
    ...(pidfdSocket === undefined ? {} : { pidfdSocket }),
    ...(pidFile === undefined ? {} : { pidFile }),
    foreground: !detach,
    systemdCgroup: false,
    rootless: rootless ?? (host.euid !== 0 || host.inUserNamespace),
  };
}

/** A user namespace the container has joined by path may be the one tsrun is in. */
export function sharesUserNamespace(spec: Spec, pid: number): boolean {
  if (!hasNamespace(spec, 'user') || joinsNamespace(spec, 'user') === undefined) return false;
  const own = unless(['ENOENT'], () => readlink('/proc/self/ns/user'));
  const theirs = unless(['ENOENT', 'EACCES'], () => readlink(`/proc/${pid}/ns/user`));
  return own !== undefined && own === theirs;
}
