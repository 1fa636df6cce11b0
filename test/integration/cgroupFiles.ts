/** The files of a container's cgroups, on whichever version of cgroups this machine has. */
import { existsSync, readdirSync, readFileSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { cgroupsOf } from './runtime.ts';

const TOP = '/sys/fs/cgroup';

/** No v1 hierarchy has limits here: one v2 tree has all. */
export const isV2 = existsSync(join(TOP, 'cgroup.controllers'));

/** The directory of a hierarchy: systemd mounts `cpu,cpuacct` and makes `cpu` a symlink to it. */
export const hierarchyOf = (controller: string): string =>
  isV2 ? TOP : realpathSync(join(TOP, controller));

export const hasController = (name: string): boolean =>
  isV2
    ? readFileSync(join(TOP, 'cgroup.controllers'), 'utf8').trim().split(' ').includes(name)
    : existsSync(join(TOP, name));

/** The directory of a container in the hierarchy of a controller. */
export function cgroupDirectory(id: string, controller: string): string {
  const prefix = `${hierarchyOf(controller)}/`;
  const found = cgroupsOf(id).find((path) => path.startsWith(prefix));
  if (found === undefined) throw new Error(`${id} has no ${controller} cgroup`);
  return found;
}

/** What a file holds, without blanks at its ends. */
export const readCgroup = (id: string, controller: string, file: string): string =>
  readFileSync(join(cgroupDirectory(id, controller), file), 'utf8').trim();

export interface Disk {
  readonly name: string;
  readonly major: number;
  readonly minor: number;
  /** BFQ serves it, which knows weights. */
  readonly hasWeights: boolean;
}

/** Some block device of the machine, real disks before loop devices; a virtual machine may have none. */
export function firstDisk(): Disk | undefined {
  const [name] = readdirSync('/sys/block').sort((a, b) => rank(a) - rank(b));
  if (name === undefined) return undefined;
  const numbers = readFileSync(`/sys/block/${name}/dev`, 'utf8').split(':').map(Number);
  const [major = 0, minor = 0] = numbers;
  const scheduler = `/sys/block/${name}/queue/scheduler`;
  const hasWeights = existsSync(scheduler) && readFileSync(scheduler, 'utf8').includes('[bfq]');
  return { name, major, minor, hasWeights };
}

const rank = (name: string): number => (/^(loop|ram|zram|nbd)/.test(name) ? 1 : 0);
