/** `tsrun mounts add|remove|list`: the mounts of a container, while it runs. */
import type { Invocation } from '../cli/invocation.ts';
import { print } from '../cli/output.ts';
import { createsNamespace } from '../config/linux/namespaces.ts';
import { hasMountApi } from '../config/mounts/entry.ts';
import { sharesUserNamespace } from '../container/exec.ts';
import { execute } from '../container/execute.ts';
import { Slots } from '../container/perform.ts';
import { probeHost } from '../container/probe.ts';
import { statusOf } from '../container/status.ts';
import { load, replaceConfig, type Stored, savedConfig, withLocked } from '../container/store.ts';
import { engine } from '../engine/current.ts';
import { configInvalid, containerNotRunning, mountsFixed, usage } from '../errors.ts';
import type { Mount, Spec } from '../generated/spec.ts';
import { readAll, readText } from '../linux/files.ts';
import { buildPlan } from '../plan/build.ts';
import type { ExecContext } from '../plan/context.ts';
import { ADD_MOUNTS, type ExecPlanner, REMOVE_MOUNTS } from '../plan/sequence.ts';
import { formatJson } from '../spec/formatJson.ts';
import { parseJson } from '../spec/json.ts';
import { checkConfig, loadSaved } from '../spec/load.ts';
import { mountFacts } from './inspectMounts.ts';
import { formatMounts } from './inspectText.ts';

export function mounts(invocation: Invocation): void {
  const { args, globals, log } = invocation;
  const [action = '', id = '', file] = args;
  if (action === 'list' && file === undefined) {
    list(load(globals.root, id));
    return;
  }
  if ((action !== 'add' && action !== 'remove') || file === undefined) {
    throw usage(
      'mounts takes add, remove or list, a container and for the first two a file',
      'mounts',
    );
  }
  const text = file === '-' ? engine().decodeUtf8(readAll(0)) : readText(file);
  withLocked(globals.root, id, (stored) => change(stored, action, text, file, log.warning));
}

function list(stored: Stored): void {
  if (statusOf(stored) === 'stopped') throw containerNotRunning();
  const { record, directory } = stored;
  const mountinfo = readText(`/proc/${record.init_process_pid}/mountinfo`);
  print(formatMounts(mountFacts(mountinfo, loadSaved(savedConfig(directory)))));
}

const TABLES = { add: ADD_MOUNTS, remove: REMOVE_MOUNTS } as const;

/**
 * `config-invalid` when the file is no list of mounts, `container-state` where the container cannot have
 * other mounts than it has, `mount-failed` for the mount to blame; those before it stay.
 */
function change(
  stored: Stored,
  action: keyof typeof TABLES,
  text: string,
  file: string,
  warn: (message: string) => void,
): void {
  if (!['created', 'running'].includes(statusOf(stored))) throw containerNotRunning();
  const saved = loadSaved(savedConfig(stored.directory));
  const spec = { ...saved, mounts: checkedMounts(saved, text, file) };
  const context = contextOf(stored, spec);
  if (!createsNamespace(spec, 'mount')) throw mountsFixed('it has no mount namespace of its own');
  if (!hasMountApi(context)) throw mountsFixed('that takes Linux 5.12');
  perform(TABLES[action], context, warn);
  const gone = new Set(spec.mounts.map(({ destination }) => destination));
  const kept = saved.mounts ?? [];
  const now =
    action === 'add'
      ? [...kept, ...spec.mounts]
      : kept.filter(({ destination }) => !gone.has(destination));
  replaceConfig(stored.directory, formatJson({ ...saved, mounts: now }));
}

/** Checked as the mounts of the container's config; what is wrong is of the file, at no line of it. */
function checkedMounts(saved: Spec, text: string, file: string): readonly Mount[] {
  const { value, problems } = checkConfig(formatJson({ ...saved, mounts: parsed(text, file) }));
  if (value !== undefined) return value.mounts ?? [];
  throw configInvalid(
    file,
    problems.map(({ position: _position, ...problem }) => problem),
  );
}

function parsed(text: string, file: string): unknown {
  try {
    return parseJson(text);
  } catch (thrown) {
    throw usage(`${file} is not JSON: ${thrown instanceof Error ? thrown.message : ''}`);
  }
}

function contextOf({ record, directory }: Stored, spec: Spec): ExecContext {
  const host = probeHost();
  const { id, bundle, rootfs, init_process_pid: pid, init_process_start: startTime } = record;
  const options = {
    ...{ id, bundle, rootfs, stateDirectory: directory },
    ...{ noPivot: false, noNewKeyring: true, preserveFds: 0, listenFds: 0, foreground: false },
    ...{ systemdCgroup: false, rootless: host.euid !== 0, intoContainer: true as const },
  };
  const container = {
    pid,
    startTime,
    cgroups: [],
    sharesUserNamespace: sharesUserNamespace(spec, pid),
  };
  return { spec, host, options, container };
}

function perform(
  table: readonly ExecPlanner[],
  context: ExecContext,
  warn: (message: string) => void,
): void {
  const slots = new Slots();
  const saveState = (status: string) => {
    throw new RangeError(`mounts do not save ${status}`);
  };
  try {
    const plan = buildPlan(table, context);
    execute({ plan, config: context.spec, slots, preserveFds: 0, saveState, warn });
  } finally {
    slots.closeAll();
  }
}
