/** From a bundle to the plan: what `plan` prints and `create` executes. Changes nothing. */
import { checkHost } from '../config/hostChecks.ts';
import { joinsNamespace, mountsOnHost } from '../config/linux/namespaces.ts';
import { engine } from '../engine/current.ts';
import { configMissing } from '../errors.ts';
import type { Spec } from '../generated/spec.ts';
import { unless } from '../linux/call.ts';
import { readText } from '../linux/files.ts';
import { isOwnMountNamespace } from '../linux/mounts.ts';
import { realPath } from '../linux/paths.ts';
import { getenv, getpid } from '../linux/processes.ts';
import { findResctrl } from '../linux/resctrl.ts';
import { buildPlan } from '../plan/build.ts';
import type { CreateOptions, HostFacts, PlanContext, SeccompWatch } from '../plan/context.ts';
import { CREATE } from '../plan/sequence.ts';
import type { Plan } from '../plan/step.ts';
import { loadConfig, reportProblems } from '../spec/load.ts';
import { notifyAddress } from './notifyRelay.ts';
import type { CreateRequest, WatchedSeccomp } from './request.ts';
import { directoryOf, seccompSocketOf } from './store.ts';

/** What becomes of a container that is created: the options of the same names (plan/context.ts). */
export interface Attachment {
  readonly foreground: boolean;
  readonly goesOn?: true;
}

/** Of `create`: whoever comes next starts it. */
export const DETACHED: Attachment = { foreground: false };

export interface Prepared {
  readonly context: PlanContext;
  readonly plan: Plan;
  /** config.json as it was read. */
  readonly configText: string;
}

/**
 * Reads and checks the bundle's config and plans its container. `config-missing`, `config-invalid` and
 * `config-unsupported` are thrown; warnings are told to the request.
 */
export function prepareCreate(
  request: CreateRequest,
  machine: HostFacts,
  attachment: Attachment,
): Prepared {
  const file = `${request.bundle}/config.json`;
  const configText = unless(['ENOENT', 'ENOTDIR'], () => readText(file));
  if (configText === undefined) throw configMissing(file);
  const { value: spec, warnings } = loadConfig(configText, 'config.json');
  for (const warning of warnings) request.warn(warning);
  const context = contextFor(request, spec, machine, attachment);
  const lacking = reportProblems(checkHost(context), configText, 'config.json');
  for (const warning of lacking) request.warn(warning);
  return { context, plan: buildPlan(CREATE, context), configText };
}

/** What the planners are told of a config that was checked. */
export function contextFor(
  request: CreateRequest,
  spec: Spec,
  machine: HostFacts,
  attachment: Attachment,
): PlanContext {
  const host = { ...machine, ...factsFor(spec, request) };
  return { spec, host, options: optionsOf(request, spec, host, attachment) };
}

/** What is asked of the machine for some configs alone, and what the command line says of it. */
function factsFor(spec: Spec, { cgroupManager, bundle }: CreateRequest): Partial<HostFacts> {
  const { linux } = spec;
  const joined = joinsNamespace(spec, 'mount');
  const resctrl = linux?.intelRdt === undefined ? undefined : findResctrl();
  return {
    ...(cgroupManager === 'disabled' ? { cgroup: { version: 0 } } : {}),
    ...(resctrl === undefined ? {} : { resctrl }),
    ...(joined !== undefined && isOwnMountNamespace(joined)
      ? { joinsOwnMountNamespace: true }
      : {}),
    ...(mountsOnHost(spec) && isRootDirectory(rootfsOf(spec, bundle))
      ? { mountsOnRoot: true }
      : {}),
  };
}

const rootfsOf = (spec: Spec, bundle: string): string =>
  resolvePath(bundle, spec.root?.path ?? 'rootfs');

/** What is not there is for the step to say that needs it. */
const isRootDirectory = (path: string): boolean =>
  unless(['ENOENT', 'ENOTDIR', 'EACCES', 'ELOOP'], () => realPath(path)) === '/';

function optionsOf(
  request: CreateRequest,
  spec: Spec,
  host: HostFacts,
  { foreground, goesOn }: Attachment,
): CreateOptions {
  const { consoleSocket, pidfdSocket, pidFile } = request;
  const { listenFds, listenFdNames } = socketActivation();
  return {
    id: request.id,
    bundle: request.bundle,
    rootfs: rootfsOf(spec, request.bundle),
    stateDirectory: directoryOf(request.root, request.id),
    noPivot: request.noPivot,
    noNewKeyring: request.noNewKeyring,
    preserveFds: request.preserveFds + listenFds,
    listenFds,
    ...(listenFdNames === undefined ? {} : { listenFdNames }),
    ...(notifyAddress() === undefined ? {} : { notify: true }),
    ...(consoleSocket === undefined ? {} : { consoleSocket }),
    ...(pidfdSocket === undefined ? {} : { pidfdSocket }),
    ...(pidFile === undefined ? {} : { pidFile }),
    ...(request.overlay === undefined
      ? {}
      : { overlay: request.overlay || `${directoryOf(request.root, request.id)}/overlay` }),
    ...(request.watchSeccomp === undefined
      ? {}
      : { watchSeccomp: watchOf(request.watchSeccomp, directoryOf(request.root, request.id)) }),
    foreground,
    // The size of the terminal is set before there is a program that could ask for it.
    ...(goesOn && spec.process?.terminal !== true ? { goesOn } : {}),
    systemdCgroup: request.cgroupManager === 'systemd',
    systemdTimeoutMs: request.systemdTimeoutMs,
    rootless: request.rootless ?? (host.euid !== 0 || host.inUserNamespace),
  };
}

const watchOf = ({ everything, killable }: WatchedSeccomp, directory: string): SeccompWatch => ({
  agent: seccompSocketOf(directory),
  everything,
  killable,
});

/** sd_listen_fds(3): LISTEN_FDS counts only when LISTEN_PID is this very process. */
function socketActivation(): Pick<CreateOptions, 'listenFds' | 'listenFdNames'> {
  const count = getenv('LISTEN_FDS');
  if (count === undefined || getenv('LISTEN_PID') !== String(getpid())) return { listenFds: 0 };
  const listenFds = /^\d{1,4}$/.test(count) ? Number(count) : 0;
  const listenFdNames = getenv('LISTEN_FDNAMES');
  return listenFdNames === undefined ? { listenFds } : { listenFds, listenFdNames };
}

/** An absolute path without `.`, `..`, doubled or trailing slashes; relative ones are the base's. */
export function resolvePath(base: string, path: string): string {
  const names: string[] = [];
  for (const name of (path.startsWith('/') ? path : `${base}/${path}`).split('/')) {
    if (name === '..') names.pop();
    else if (name !== '' && name !== '.') names.push(name);
  }
  return `/${names.join('/')}`;
}

/** The program and arguments that run this program again, behind an engine's own options. */
export const selfCommand = (args: readonly string[]): readonly string[] => [
  ...engine().self,
  ...args,
];
