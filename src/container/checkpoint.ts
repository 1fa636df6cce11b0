/** `checkpoint`: writes all there is of a running container into files, by CRIU. */

import { engine } from '../engine/current.ts';
import { containerNotRunning } from '../errors.ts';
import type { Spec } from '../generated/spec.ts';
import {
  CRIU_DUMP,
  CRIU_PRE_DUMP,
  type CriuOptions,
  callCriu,
  pageServerInfo,
  pair,
  startCriu,
} from '../linux/criu.ts';
import { close, type Fd, mkdirAll, openDirectory, readlink, writeFile } from '../linux/files.ts';
import { hostPathOf, readMountInfo } from '../linux/mountinfo.ts';
import { loadSaved } from '../spec/load.ts';
import {
  type CriuRequest,
  commonOptions,
  criuFailed,
  DESCRIPTORS_FILE,
  externalNamespaces,
  findCriu,
  MOUNTS_FILE,
} from './criuRequest.ts';
import { destroy } from './delete.ts';
import type { Warn } from './request.ts';
import { statusOf } from './status.ts';
import { load, lockContainer, type Stored, savedConfig } from './store.ts';
import { openFilesOf } from './streams.ts';

export interface CheckpointRequest extends CriuRequest {
  readonly root: string;
  readonly id: string;
  readonly leaveRunning: boolean;
  /** Memory alone; the container runs on. */
  readonly preDump: boolean;
  /** The images of the pre-dump before, relative to imagePath. */
  readonly parentPath?: string;
  readonly tcpSkipInFlight: boolean;
  /** Where memory goes instead of files: --page-server. */
  readonly pageServer?: { readonly address: string; readonly port: number };
  /** A descriptor to which CRIU writes a NUL when lazy pages can be asked for. */
  readonly statusFd?: Fd;
  readonly warn: Warn;
}

const LOG_FILE = 'dump.log';
const PATIENCE_MS = 10_000;

/**
 * Checkpoints a container that runs or is paused; it is deleted then, unless it is to run on.
 * `container-state` when it is stopped, `criu-failed` with the reason, and the container as it was.
 */
export function checkpoint(request: CheckpointRequest): void {
  const stored = load(request.root, request.id);
  const lock = lockContainer(stored.directory, PATIENCE_MS);
  try {
    const status = statusOf(stored);
    if (status !== 'running' && status !== 'paused') throw containerNotRunning();
    dump(request, stored);
    if (!request.leaveRunning && !request.preDump) destroy(stored, request.warn);
  } finally {
    if (lock !== undefined) close(lock);
  }
}

function dump(request: CheckpointRequest, stored: Stored): void {
  const program = findCriu();
  const spec = loadSaved(savedConfig(stored.directory));
  mkdirAll(request.imagePath, 0o700);
  const images = openDirectory(request.imagePath);
  const { workPath } = request;
  if (workPath !== undefined) mkdirAll(workPath, 0o700);
  const work = workPath === undefined ? undefined : openDirectory(workPath);
  try {
    const options = dumpOptions(request, stored, spec, { images, work });
    const type = request.preDump ? CRIU_PRE_DUMP : CRIU_DUMP;
    const answer = callCriu(startCriu(program, [], request.shellJob), type, options);
    if (!answer.success) {
      const directory = workPath ?? request.imagePath;
      throw criuFailed('dump', answer.message, `${directory}/${LOG_FILE}`);
    }
  } finally {
    for (const fd of [images, work]) if (fd !== undefined) close(fd);
  }
}

function dumpOptions(
  request: CheckpointRequest,
  { record }: Stored,
  spec: Spec,
  directories: { readonly images: Fd; readonly work: Fd | undefined },
): CriuOptions {
  const pid = record.init_process_pid;
  const { pageServer, parentPath, statusFd } = request;
  const mounts = externalMounts(pid);
  const { streams, outside } = openFilesOf(pid);
  if (!request.preDump) {
    saveJson(MOUNTS_FILE, mounts, directories.images);
    saveJson(DESCRIPTORS_FILE, streams, directories.images);
  }
  const { freezer } = record;
  return {
    ...commonOptions(request, spec, directories, LOG_FILE),
    pid,
    root: record.rootfs,
    leaveRunning: request.leaveRunning,
    tcpSkipInFlight: request.tcpSkipInFlight,
    externalMounts: mounts.map(([mountpoint]) => pair(mountpoint, mountpoint)),
    external: [...namespaceKeys(spec, pid), ...outside],
    ...(request.preDump ? { trackMemory: true } : {}),
    ...(parentPath === undefined ? {} : { parentImage: parentPath }),
    ...(freezer === undefined ? {} : { freezeCgroup: freezer }),
    ...(statusFd === undefined ? {} : { statusFd }),
    ...(pageServer === undefined
      ? {}
      : { pageServer: pageServerInfo(pageServer.address, pageServer.port) }),
  };
}

/**
 * Mounts of file systems that the host has mounted too: bind mounts, v1 cgroups, masks. What the container
 * alone has is in the images. With each, where the host sees it; it may be another place at `restore`.
 */
function externalMounts(pid: number): readonly (readonly [string, string])[] {
  const host = readMountInfo('self');
  return readMountInfo(pid).flatMap((mount) => {
    if (mount.mountpoint === '/') return [];
    const hostPath = hostPathOf(mount, host);
    return hostPath === undefined ? [] : [[mount.mountpoint, hostPath] as const];
  });
}

/** `net[4026531840]:extRootNetNS`. */
const namespaceKeys = (spec: Spec, pid: number): readonly string[] =>
  externalNamespaces(spec).map(({ type, key }) => {
    const link = readlink(`/proc/${pid}/ns/${type === 'network' ? 'net' : 'pid'}`);
    return `${link.replace(':', '')}:${key}`;
  });

const saveJson = (name: string, value: unknown, directory: Fd): void =>
  writeFile(name, engine().encodeUtf8(JSON.stringify(value)), 0o600, directory);
