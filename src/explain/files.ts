/** The container's files, seen from the host: before it exists, or while it runs. */
import type { Mount, Spec } from '../generated/spec.ts';
import { unless } from '../linux/call.ts';
import { O_DIRECTORY, O_PATH, O_RDONLY } from '../linux/constants/file.ts';
import { closing, type Fd, open, read } from '../linux/files.ts';
import { factsOf, openInRoot } from '../linux/look.ts';
import { PROGRAM_HEAD, type SeenFile, type View } from './program.ts';

const GONE = ['ENOENT', 'ENOTDIR', 'ELOOP'] as const;

/** Of a container that runs: through its init's root. Nothing is seen when it has ended. */
export function viewOfProcess(pid: number): View {
  const root = unless([...GONE, 'ESRCH', 'EPERM', 'EACCES'], () =>
    open(`/proc/${pid}/root`, O_PATH | O_DIRECTORY),
  );
  return root === undefined ? () => 'unseen' : (path) => look(root, path);
}

/**
 * Of a container that is still to be made: its root file system, with bind mounts where they will be.
 * What another mount will cover is unseen.
 */
export function viewOfBundle(rootfs: string, { mounts = [] }: Spec): View {
  const roots = new Map<string, Fd | undefined>();
  const rootAt = (hostPath: string): Fd | undefined => {
    if (!roots.has(hostPath)) {
      roots.set(
        hostPath,
        unless([...GONE, 'EACCES'], () => open(hostPath, O_PATH)),
      );
    }
    return roots.get(hostPath);
  };
  return (path) => {
    const mount = coveringMount(mounts, path);
    if (mount === undefined) return lookBelow(rootAt(rootfs), path);
    if (!isBind(mount) || mount.source === undefined) return 'unseen';
    const isNoexec = (mount.options ?? []).includes('noexec');
    const file = lookBelow(rootAt(mount.source), path.slice(mount.destination.length));
    if (typeof file !== 'object' || !isNoexec) return file;
    return { ...file, facts: { ...file.facts, isNoexec } };
  };
}

const isBind = ({ options = [] }: Mount): boolean =>
  options.includes('bind') || options.includes('rbind');

/** The last mount at or above a path. */
const coveringMount = (mounts: readonly Mount[], path: string): Mount | undefined =>
  mounts.findLast(({ destination }) => {
    const at = destination.replace(/\/+$/, '');
    return path === at || path.startsWith(`${at}/`);
  });

const lookBelow = (root: Fd | undefined, path: string): SeenFile | undefined | 'unseen' =>
  root === undefined ? 'unseen' : look(root, path);

/** Opened without effect on what it is, a device may be behind it; read only where it is a file. */
function look(root: Fd, path: string): SeenFile | undefined | 'unseen' {
  // The source of a bind mount may be the file itself.
  const isRoot = path.replaceAll('/', '') === '';
  const find = () => (isRoot ? open(link(root), O_PATH) : openInRoot(root, path, O_PATH));
  const fd = unless(['EACCES', 'ENOSYS'], () => unless(GONE, find) ?? 'gone') ?? 'unseen';
  if (typeof fd === 'string') return fd === 'gone' ? undefined : fd;
  return closing(fd, () => {
    const facts = factsOf(fd);
    if ((facts.mode & S_IFMT) !== S_IFREG) return { facts, head: new Uint8Array() };
    const file = unless(['EACCES', 'EPERM'], () => open(link(fd), O_RDONLY));
    if (file === undefined) return 'unseen';
    const buffer = new Uint8Array(PROGRAM_HEAD);
    return closing(file, () => ({ facts, head: buffer.subarray(0, read(file, buffer)) }));
  });
}

const link = (fd: Fd): string => `/proc/self/fd/${fd}`;

const S_IFMT = 0o170000;
const S_IFREG = 0o100000;
