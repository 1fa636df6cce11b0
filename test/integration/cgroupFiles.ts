/** The files of a container's cgroups, on whichever version of cgroups this machine has. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { cgroupsOf } from './runtime.ts';

/** No v1 hierarchy has limits here: one v2 tree has all. */
export const isV2 = existsSync('/sys/fs/cgroup/cgroup.controllers');

/** The directory of a container in the hierarchy of a controller. */
export function cgroupDirectory(id: string, controller: string): string {
  const prefix = isV2 ? '/sys/fs/cgroup/' : `/sys/fs/cgroup/${controller}/`;
  const found = cgroupsOf(id).find((path) => path.startsWith(prefix));
  if (found === undefined) throw new Error(`${id} has no ${controller} cgroup`);
  return found;
}

/** What a file holds, without blanks at its ends. */
export const readCgroup = (id: string, controller: string, file: string): string =>
  readFileSync(join(cgroupDirectory(id, controller), file), 'utf8').trim();
