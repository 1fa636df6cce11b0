/** What `checkpoint` and `restore` have in common: their requests, directories, and CRIU's options. */
import { TsrunError } from '../errors.ts';
import type { Spec } from '../generated/spec.ts';
import { unless } from '../linux/call.ts';
import { F_OK } from '../linux/constants/file.ts';
import { CLONE_NEWNET } from '../linux/constants/process.ts';
import { type CriuOptions, pair } from '../linux/criu.ts';
import { access, type Fd, readTextIfExists } from '../linux/files.ts';
import { findProgram } from '../linux/processes.ts';

/** --manage-cgroups-mode, in CRIU's numbers (criu_cg_mode). */
export const CGROUP_MODES = { soft: 3, full: 4, strict: 5, ignore: 0 } as const;
/** --network-lock, in CRIU's numbers (criu_network_lock_method). */
export const NETWORK_LOCKS = { iptables: 1, nftables: 2, skip: 3 } as const;

/** The flags of both; paths are absolute. */
export interface CriuRequest {
  readonly imagePath: string;
  /** Where CRIU's log and statistics go; the images' directory when absent. */
  readonly workPath?: string;
  readonly tcpEstablished: boolean;
  readonly extUnixSk: boolean;
  readonly shellJob: boolean;
  readonly fileLocks: boolean;
  readonly lazyPages: boolean;
  readonly autoDedup: boolean;
  readonly linkRemap: boolean;
  readonly manageCgroupsMode: keyof typeof CGROUP_MODES;
  readonly networkLock?: keyof typeof NETWORK_LOCKS;
  /** --empty-ns network: the namespace is restored empty, for who fills it himself. */
  readonly emptyNetwork: boolean;
}

/** CRIU's program of PATH; `criu-failed` when there is none. */
export function findCriu(): string {
  const found = findProgram('criu');
  if (found !== undefined) return found;
  throw new TsrunError('criu-failed', 'no criu in $PATH');
}

/** In CRIU's log, everything that helps to see why. */
const LOG_LEVEL = 4;
/** Bytes of a deleted file that is still open: runc's. */
const GHOST_LIMIT = 10_000_000;

/** The options both calls have, on open directories. */
export const commonOptions = (
  request: CriuRequest,
  spec: Spec,
  directories: { readonly images: Fd; readonly work: Fd | undefined },
  logFile: string,
): CriuOptions => ({
  imagesDirFd: directories.images,
  workDirFd: directories.work,
  logLevel: LOG_LEVEL,
  logFile,
  tcpEstablished: request.tcpEstablished,
  extUnixSk: request.extUnixSk,
  shellJob: request.shellJob,
  fileLocks: request.fileLocks,
  lazyPages: request.lazyPages,
  autoDedup: request.autoDedup,
  linkRemap: request.linkRemap,
  ghostLimit: GHOST_LIMIT,
  manageCgroups: true,
  manageCgroupsMode: CGROUP_MODES[request.manageCgroupsMode],
  notifyScripts: true,
  orphanPtsMaster: true,
  ...(request.networkLock === undefined ? {} : { networkLock: NETWORK_LOCKS[request.networkLock] }),
  ...(request.emptyNetwork ? { emptyNamespaces: CLONE_NEWNET } : {}),
  ...configFileOf(spec),
});

const CONFIG_ANNOTATION = 'org.criu.config';
const CONFIG_FILES = ['/etc/criu/tsrun.conf', '/etc/criu/runc.conf'];

/** A file with further options, criu(8) "Configuration files"; an empty annotation: none. */
function configFileOf({ annotations = {} }: Spec): CriuOptions {
  const configFile =
    annotations[CONFIG_ANNOTATION] ?? CONFIG_FILES.find((path) => access(path, F_OK));
  return configFile ? { configFile } : {};
}

/** A namespace that stays outside of the images: by which key CRIU knows it, and where the config has it. */
export interface ExternalNamespace {
  readonly type: 'network' | 'pid';
  /** The name in `external` and in inherit_fd. */
  readonly key: string;
  readonly path: string;
}

/** Network and pid namespaces that the config joins by path. */
export const externalNamespaces = ({ linux }: Spec): readonly ExternalNamespace[] =>
  (linux?.namespaces ?? []).flatMap(({ type, path }) => {
    if (!path || (type !== 'network' && type !== 'pid')) return [];
    return [{ type, path, key: type === 'network' ? 'extRootNetNS' : 'extRootPidNS' }];
  });

/**
 * IPC and UTS namespaces that the config joins by path, a pod's: CRIU writes these into the images, but can
 * have the processes join others when it restores them.
 */
export const joinedNamespaces = ({ linux }: Spec): readonly Uint8Array[] =>
  (linux?.namespaces ?? []).flatMap(({ type, path }) =>
    path && (type === 'ipc' || type === 'uts') ? [pair(type, path)] : [],
  );

/** runc's name: for standard input, output and error, where each led. */
export const DESCRIPTORS_FILE = 'descriptors.json';
/** Where each external mount came from: `[mount point, path on the host]`. */
export const MOUNTS_FILE = 'tsrun-mounts.json';

/** A failed call: the errors of CRIU's log, or what it said, and where the rest is. */
export function criuFailed(verb: string, message: string, logPath: string): TsrunError {
  const log = unless(['EACCES'], () => readTextIfExists(logPath)) ?? '';
  const said = log === '' ? message.split('\n') : log.split('\n').filter(isError);
  const shown = said
    .map((line) => line.replace(/^(\([\d.]+\)\s*(\d+:\s*)?)?(Error \([^)]*\): )?/, ''))
    .filter((line) => line !== '' && !isHarmless(line));
  // The first say why, the others what failed for it.
  const why = shown.slice(0, 3).join('; ') || message;
  return new TsrunError('criu-failed', `criu ${verb} failed: ${why}; log: ${logPath}`);
}

const isError = (line: string): boolean => line.includes('Error (');

/** CRIU only tries to have more descriptors. */
const isHarmless = (line: string): boolean => line.includes("Can't setup RLIMIT_NOFILE");
