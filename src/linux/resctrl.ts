/** The resctrl file system: classes of service for caches and memory bandwidth (x86/resctrl.rst). */
import { DT_DIR, listDirectory, readTextIfExists } from './files.ts';

const NO_CLASSES = ['info', 'mon_groups', 'mon_data'];

/** Where it is mounted, and the classes of service in it; undefined where it is not. */
export function findResctrl():
  | { readonly mountpoint: string; readonly groups: readonly string[] }
  | undefined {
  for (const line of (readTextIfExists('/proc/self/mountinfo') ?? '').split('\n')) {
    // `36 35 0:31 / /sys/fs/resctrl rw,relatime - resctrl resctrl rw`, proc_pid_mountinfo(5).
    const [before = '', after = ''] = line.split(' - ');
    const mountpoint = before.split(' ')[4];
    if (mountpoint === undefined || !after.startsWith('resctrl ')) continue;
    const groups = listDirectory(mountpoint)
      .filter(({ name, type }) => type === DT_DIR && !NO_CLASSES.includes(name))
      .map(({ name }) => name);
    return { mountpoint, groups };
  }
  return undefined;
}
