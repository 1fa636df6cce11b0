/** Giving a v2 cgroup to a user, who may then make cgroups below it (cgroups(7)). */
import { unless } from '../linux/call.ts';
import { chown, readTextIfExists } from '../linux/files.ts';

/** What a kernel without the list (before 4.15) has of it. */
const FILES = 'cgroup.procs\ncgroup.subtree_control\ncgroup.threads\n';

/** Gives the directory and the files that the kernel lists as safe to give to `uid`. */
export function delegateCgroup(directory: string, uid: number): void {
  const list = readTextIfExists('/sys/kernel/cgroup/delegate') ?? FILES;
  chown(directory, uid);
  for (const file of list.split('\n').filter((name) => name !== '')) {
    // Files of controllers that are not on here.
    unless(['ENOENT'], () => chown(`${directory}/${file}`, uid));
  }
}
