/** The process of `exec`: a file's, or the container's own as flags change it. */
import type { Capabilities, Process, Spec } from '../generated/spec.ts';
import { readText } from '../linux/files.ts';
import { checkedProcess, loadProcess } from '../spec/load.ts';
import type { ExecRequest, ProcessFile, ProcessFlags } from './request.ts';

/**
 * The process that is asked for, checked as a part of the container's config: `config-invalid` with all
 * that is wrong with it.
 */
export function processOf({ process, warn }: ExecRequest, container: Spec): Process {
  const { value, warnings } =
    'file' in process ? fromFile(process, container) : fromFlags(process, container);
  for (const warning of warnings) warn(warning);
  return value;
}

function fromFile({ file }: ProcessFile, container: Spec) {
  const { value, warnings } = loadProcess(readText(file), file, container);
  return { value: completed(value, container.process), warnings };
}

/** What a process file leaves open is as the container's own process has it; so it is with runc. */
function completed(process: Process, own: Process | undefined): Process {
  if (own === undefined) return process;
  const { user, ...rest } = process;
  const { capabilities, apparmorProfile, selinuxLabel, oomScoreAdj } = own;
  const { scheduler, ioPriority, execCPUAffinity } = own;
  const inherited = {
    capabilities,
    apparmorProfile,
    selinuxLabel,
    oomScoreAdj,
    scheduler,
    ioPriority,
    execCPUAffinity,
  };
  const umask = user?.umask ?? own.user?.umask;
  return {
    ...withoutAbsent(inherited),
    ...rest,
    user: { ...user, ...(umask === undefined ? {} : { umask }) },
  };
}

type Present<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

function withoutAbsent<T extends object>(members: T): Present<T> {
  const present: Present<T> = { ...members };
  for (const key of Object.keys(present)) {
    if (Reflect.get(present, key) === undefined) Reflect.deleteProperty(present, key);
  }
  return present;
}

function fromFlags(flags: ProcessFlags, container: Spec) {
  const own = container.process ?? { cwd: '/' };
  const { noNewPrivileges, apparmorProfile, selinuxLabel, cwd } = flags;
  const process: Process = {
    ...own,
    args: flags.args,
    terminal: flags.terminal,
    env: [...(own.env ?? []), ...flags.env],
    user: {
      ...own.user,
      ...flags.user,
      additionalGids: [...(own.user?.additionalGids ?? []), ...flags.additionalGids],
    },
    ...(cwd === undefined ? {} : { cwd }),
    ...(flags.capabilities.length === 0
      ? {}
      : { capabilities: withCapabilities(own.capabilities ?? {}, flags.capabilities) }),
    ...(noNewPrivileges === undefined ? {} : { noNewPrivileges }),
    ...(apparmorProfile === undefined ? {} : { apparmorProfile }),
    ...(selinuxLabel === undefined ? {} : { selinuxLabel }),
  };
  return checkedProcess(process, 'exec', container);
}

/** --cap: inheritable stays as it is, so only what is inheritable already can become ambient. */
function withCapabilities(sets: Capabilities, names: readonly string[]): Capabilities {
  const { bounding = [], effective = [], permitted = [], ambient = [], inheritable = [] } = sets;
  const raised = names.filter((name) => inheritable.includes(name));
  return {
    ...sets,
    bounding: [...bounding, ...names],
    effective: [...effective, ...names],
    permitted: [...permitted, ...names],
    ...(raised.length === 0 ? {} : { ambient: [...ambient, ...raised] }),
  };
}
