/** How the kernel tells that a cgroup ran out of memory. */
import { unless } from '../linux/call.ts';
import { F_OK, O_RDONLY } from '../linux/constants/file.ts';
import {
  access,
  close,
  closing,
  type Fd,
  open,
  readTextIfExists,
  writeExisting,
} from '../linux/files.ts';
import { drain, eventCounter, watchFile } from '../linux/notify.ts';
import { parseKeyed } from './stats/text.ts';

export interface OomWatch {
  /** Can be read when something may have happened. */
  readonly fd: Fd;
  /** Takes the notification: whether the cgroup ran out of memory, or is gone. */
  take(): 'oom' | 'nothing' | 'gone';
  close(): void;
}

/** Watches the first directory that can be; undefined where none is of the memory controller. */
export function watchOom(directories: readonly string[]): OomWatch | undefined {
  for (const directory of directories) {
    const watch = watchV1(directory) ?? watchV2(directory);
    if (watch !== undefined) return watch;
  }
  return undefined;
}

/** An eventfd the kernel adds to (cgroup-v1/memory.rst "OOM Control"), also when the directory goes. */
function watchV1(directory: string): OomWatch | undefined {
  const control = unless(['ENOENT'], () => open(`${directory}/memory.oom_control`, O_RDONLY));
  if (control === undefined) return undefined;
  return closing(control, () => {
    const fd = eventCounter();
    writeExisting(`${directory}/cgroup.event_control`, `${fd} ${control}`);
    return {
      fd,
      take: () => {
        drain(fd);
        return access(directory, F_OK) ? 'oom' : 'gone';
      },
      close: () => close(fd),
    };
  });
}

/** memory.events is modified when a counter in it grows (cgroup-v2.rst); oom_kill is the one runc tells. */
function watchV2(directory: string): OomWatch | undefined {
  const path = `${directory}/memory.events`;
  const fd = unless(['ENOENT'], () => watchFile(path));
  if (fd === undefined) return undefined;
  const count = () => parseKeyed(readTextIfExists(path)).get('oom_kill');
  let before = count() ?? 0n;
  return {
    fd,
    take: () => {
      drain(fd);
      const now = count();
      if (now === undefined) return 'gone';
      const isMore = now > before;
      before = now;
      return isMore ? 'oom' : 'nothing';
    },
    close: () => close(fd),
  };
}
