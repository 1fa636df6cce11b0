/** Who holds a flock(2): proc_locks(5). */
import { unless } from './call.ts';
import { type Fd, listDirectory, readlink, readText } from './files.ts';
import type { ProcessIdentity } from './pidfd.ts';
import { type Pid, readProcess } from './processes.ts';
import { inodeOf } from './statx.ts';

/** `12: FLOCK  ADVISORY  WRITE 4711 00:1b:98765 0 EOF`: process, device, inode. Who waits has `->` before it. */
const HELD = /^\d+: FLOCK +ADVISORY +WRITE (\d+) \w+:\w+:(\d+) /gm;

/**
 * The process that has a file or directory locked, of those this process can see: the one of the list that
 * has it open, for inode numbers are of one file system alone.
 */
export function lockHolder(fd: Fd): ProcessIdentity | undefined {
  const inode = `${inodeOf(fd)}`;
  const path = readlink(`/proc/self/fd/${fd}`);
  for (const [, pid, held] of readText('/proc/locks').matchAll(HELD)) {
    if (held !== inode) continue;
    // Before the look at its descriptors: another that gets its number then began at another time.
    const startTime = readProcess(Number(pid))?.startTime;
    if (startTime !== undefined && hasOpen(Number(pid), path))
      return { pid: Number(pid), startTime };
  }
  return undefined;
}

/** False for a process that ends meanwhile, or that may not be looked at. */
const hasOpen = (pid: Pid, path: string): boolean =>
  unless(['ENOENT', 'ESRCH', 'EACCES', 'EPERM'], () => {
    const directory = `/proc/${pid}/fd`;
    return listDirectory(directory).some(({ name }) => readlink(`${directory}/${name}`) === path);
  }) ?? false;
