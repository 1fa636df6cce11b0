/** mount(2)'s flags as the attributes of fsmount(2) and mount_setattr(2). */

import {
  MOUNT_ATTR__ATIME,
  MOUNT_ATTR_NOATIME,
  MOUNT_ATTR_NODEV,
  MOUNT_ATTR_NODIRATIME,
  MOUNT_ATTR_NOEXEC,
  MOUNT_ATTR_NOSUID,
  MOUNT_ATTR_NOSYMFOLLOW,
  MOUNT_ATTR_RDONLY,
  MOUNT_ATTR_STRICTATIME,
  MS_DIRSYNC,
  MS_I_VERSION,
  MS_LAZYTIME,
  MS_MANDLOCK,
  MS_NOATIME,
  MS_NODEV,
  MS_NODIRATIME,
  MS_NOEXEC,
  MS_NOSUID,
  MS_NOSYMFOLLOW,
  MS_RDONLY,
  MS_RELATIME,
  MS_SILENT,
  MS_STRICTATIME,
  MS_SYNCHRONOUS,
} from '../../linux/constants/mount.ts';
import type { ParsedOptions } from './options.ts';

const SAME_BIT = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;

const ATIME = MS_NOATIME | MS_STRICTATIME | MS_RELATIME;

/** Flags a mount has by itself, and not the file system behind it. */
const OF_THE_MOUNT =
  MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_NODIRATIME | MS_NOSYMFOLLOW | ATIME;

/** Flags of the superblock, by the names fsconfig(2) knows. */
export const SUPERBLOCK_OPTIONS: readonly (readonly [flag: number, option: string])[] = [
  [MS_RDONLY, 'ro'],
  [MS_SYNCHRONOUS, 'sync'],
  [MS_DIRSYNC, 'dirsync'],
  [MS_MANDLOCK, 'mand'],
  [MS_LAZYTIME, 'lazytime'],
];

export const SUPERBLOCK_FLAGS = SUPERBLOCK_OPTIONS.reduce((flags, [flag]) => flags | flag, 0);

/** Superblock flags that mount(2) takes and fsconfig(2) refuses by any name (seen on Linux 6.18). */
export const ONLY_MOUNT_2 = MS_I_VERSION | MS_SILENT;

/** Flags that mean nothing on a bind mount: the superblock is another mount's too. */
export const IGNORED_ON_BIND =
  MS_SYNCHRONOUS | MS_DIRSYNC | MS_MANDLOCK | MS_LAZYTIME | ONLY_MOUNT_2;

/** `noatime` wins over `strictatime`, as in mount(2); without either: relatime. */
const atimeOf = (flags: number): number =>
  flags & MS_NOATIME ? MOUNT_ATTR_NOATIME : flags & MS_STRICTATIME ? MOUNT_ATTR_STRICTATIME : 0;

/** Four have the same bit on both sides. */
const attributesOf = (flags: number): number =>
  (flags & SAME_BIT) |
  (flags & MS_NODIRATIME ? MOUNT_ATTR_NODIRATIME : 0) |
  (flags & MS_NOSYMFOLLOW ? MOUNT_ATTR_NOSYMFOLLOW : 0);

/** The attributes of a new mount. */
export const mountAttributes = (flags: number): number => attributesOf(flags) | atimeOf(flags);

export interface AttributeChange {
  readonly set: number;
  readonly clear: number;
}

/**
 * What a bind mount's options change of the attributes it takes over from its source; undefined when
 * they mention none. `replace`: attributes nobody mentioned are cleared, as `mount --bind -o` does (but
 * atime, which mount(2) keeps). Otherwise they stay, which a mount needs whose attributes are locked by
 * a user namespace: mount_namespaces(7).
 */
export function bindAttributes(
  { flags, cleared }: ParsedOptions,
  replace: boolean,
): AttributeChange | undefined {
  if (((flags | cleared) & OF_THE_MOUNT) === 0) return undefined;
  const set = mountAttributes(flags);
  const atimeNamed = ((flags | cleared) & (ATIME | MS_NODIRATIME)) !== 0;
  const atime = (flags | cleared) & ATIME ? MOUNT_ATTR__ATIME : 0;
  if (!replace) return { set, clear: (attributesOf(cleared) & ~set) | atime };
  const others = attributesOf(~(atimeNamed ? 0 : MS_NODIRATIME));
  return { set, clear: (others & ~set) | atime };
}
