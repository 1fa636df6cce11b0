/** /proc/PID/mountinfo as data: proc_pid_mountinfo(5). */
import { readText } from './files.ts';

export interface MountInfo {
  /** As fdinfo names the mount of a descriptor. */
  readonly number: string;
  /** `major:minor` of what is mounted: the same for every mount of one file system. */
  readonly device: string;
  /** What of the file system is seen, a path in it. */
  readonly root: string;
  readonly mountpoint: string;
  readonly type: string;
}

export const readMountInfo = (pid: number | 'self'): readonly MountInfo[] =>
  parseMountInfo(readText(`/proc/${pid}/mountinfo`));

/** `36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue`, a mount a line. */
export const parseMountInfo = (text: string): readonly MountInfo[] =>
  text.split('\n').flatMap((line) => {
    const [number, , device, root, mountpoint] = line.split(' ');
    const type = / - (\S+)/.exec(line)?.[1];
    if (number === undefined || device === undefined || type === undefined) return [];
    if (root === undefined || mountpoint === undefined) return [];
    return [{ number, device, root: decodeOctal(root), mountpoint: decodeOctal(mountpoint), type }];
  });

/** Blanks, tabs, newlines and backslashes are in octal. */
const decodeOctal = (path: string): string =>
  path.replace(/\\([0-7]{3})/g, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 8)),
  );

/** Where the host sees what another mount shows; undefined when no mount of the host does. */
export function hostPathOf(mount: MountInfo, host: readonly MountInfo[]): string | undefined {
  const found = host.findLast(
    ({ device, root }) => device === mount.device && isBelow(mount.root, root),
  );
  if (found === undefined) return undefined;
  const rest = found.root === '/' ? mount.root : mount.root.slice(found.root.length);
  return `${found.mountpoint === '/' ? '' : found.mountpoint}${rest === '/' ? '' : rest}` || '/';
}

const isBelow = (path: string, top: string): boolean =>
  top === '/' || path === top || path.startsWith(`${top}/`);
