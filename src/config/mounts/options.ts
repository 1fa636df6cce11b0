/**
 * The options of a mount that mean the same for every file system. config.md "Mounts", "Linux mount
 * options"; mount(8) "FILESYSTEM-INDEPENDENT MOUNT OPTIONS". What is not in the table is file system data.
 */

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
  MS_BIND,
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
  MS_PRIVATE,
  MS_RDONLY,
  MS_REC,
  MS_RELATIME,
  MS_REMOUNT,
  MS_SHARED,
  MS_SILENT,
  MS_SLAVE,
  MS_STRICTATIME,
  MS_SYNCHRONOUS,
  MS_UNBINDABLE,
} from '../../linux/constants/mount.ts';

/** At most one of `set` and `clear`, and then nothing else. */
export interface MountOption {
  /** MS_ flags it sets. */
  readonly set?: number;
  /** MS_ flags it clears. */
  readonly clear?: number;
  /** A change of propagation: MS_SHARED, MS_SLAVE, MS_PRIVATE or MS_UNBINDABLE, perhaps with MS_REC. */
  readonly propagation?: number;
  /** MOUNT_ATTR_ it sets on the mount and on all below it. */
  readonly recursiveSet?: number;
  /** MOUNT_ATTR_ it clears there. The atime attributes are one field, always cleared whole. */
  readonly recursiveClear?: number;
  /** Copies what the mount will cover into the new tmpfs. */
  readonly copyUp?: true;
  /** The mount is id-mapped; ridmap: with all below it. */
  readonly idmap?: 'idmap' | 'ridmap';
}

const set = (flags: number): MountOption => ({ set: flags });
const clear = (flags: number): MountOption => ({ clear: flags });
const propagation = (flags: number): MountOption => ({ propagation: flags });
const recursiveSet = (attributes: number): MountOption => ({ recursiveSet: attributes });
const recursiveClear = (attributes: number): MountOption => ({ recursiveClear: attributes });
const recursiveAtime = (attributes: number): MountOption => ({
  recursiveSet: attributes,
  recursiveClear: MOUNT_ATTR__ATIME,
});

export const MOUNT_OPTIONS: ReadonlyMap<string, MountOption> = new Map(
  Object.entries<MountOption>({
    async: clear(MS_SYNCHRONOUS),
    atime: clear(MS_NOATIME),
    bind: set(MS_BIND),
    defaults: {},
    dev: clear(MS_NODEV),
    diratime: clear(MS_NODIRATIME),
    dirsync: set(MS_DIRSYNC),
    exec: clear(MS_NOEXEC),
    idmap: { idmap: 'idmap' },
    iversion: set(MS_I_VERSION),
    lazytime: set(MS_LAZYTIME),
    loud: clear(MS_SILENT),
    mand: set(MS_MANDLOCK),
    noatime: set(MS_NOATIME),
    nodev: set(MS_NODEV),
    nodiratime: set(MS_NODIRATIME),
    noexec: set(MS_NOEXEC),
    noiversion: clear(MS_I_VERSION),
    nolazytime: clear(MS_LAZYTIME),
    nomand: clear(MS_MANDLOCK),
    norelatime: clear(MS_RELATIME),
    nostrictatime: clear(MS_STRICTATIME),
    nosuid: set(MS_NOSUID),
    nosymfollow: set(MS_NOSYMFOLLOW),
    private: propagation(MS_PRIVATE),
    ratime: recursiveAtime(0),
    rbind: set(MS_BIND | MS_REC),
    rdev: recursiveClear(MOUNT_ATTR_NODEV),
    rdiratime: recursiveClear(MOUNT_ATTR_NODIRATIME),
    relatime: set(MS_RELATIME),
    remount: set(MS_REMOUNT),
    rexec: recursiveClear(MOUNT_ATTR_NOEXEC),
    ridmap: { idmap: 'ridmap' },
    rnoatime: recursiveAtime(MOUNT_ATTR_NOATIME),
    rnodev: recursiveSet(MOUNT_ATTR_NODEV),
    rnodiratime: recursiveSet(MOUNT_ATTR_NODIRATIME),
    rnoexec: recursiveSet(MOUNT_ATTR_NOEXEC),
    rnorelatime: recursiveAtime(0),
    rnostrictatime: recursiveAtime(0),
    rnosuid: recursiveSet(MOUNT_ATTR_NOSUID),
    rnosymfollow: recursiveSet(MOUNT_ATTR_NOSYMFOLLOW),
    ro: set(MS_RDONLY),
    rprivate: propagation(MS_PRIVATE | MS_REC),
    rrelatime: recursiveAtime(0),
    rro: recursiveSet(MOUNT_ATTR_RDONLY),
    rrw: recursiveClear(MOUNT_ATTR_RDONLY),
    rshared: propagation(MS_SHARED | MS_REC),
    rslave: propagation(MS_SLAVE | MS_REC),
    rstrictatime: recursiveAtime(MOUNT_ATTR_STRICTATIME),
    rsuid: recursiveClear(MOUNT_ATTR_NOSUID),
    rsymfollow: recursiveClear(MOUNT_ATTR_NOSYMFOLLOW),
    runbindable: propagation(MS_UNBINDABLE | MS_REC),
    rw: clear(MS_RDONLY),
    shared: propagation(MS_SHARED),
    silent: set(MS_SILENT),
    slave: propagation(MS_SLAVE),
    strictatime: set(MS_STRICTATIME),
    suid: clear(MS_NOSUID),
    symfollow: clear(MS_NOSYMFOLLOW),
    sync: set(MS_SYNCHRONOUS),
    tmpcopyup: { copyUp: true },
    unbindable: propagation(MS_UNBINDABLE),
  }),
);

/** The names `features` lists, sorted. */
export const mountOptionNames = (): readonly string[] => [...MOUNT_OPTIONS.keys()].sort();

export interface ParsedOptions {
  /** MS_ flags set, the last of contrary options winning. */
  readonly flags: number;
  /** MS_ flags cleared by name: not the same as flags nobody mentioned. */
  readonly cleared: number;
  /** MS_ flags set by any option, also when a later one clears them. */
  readonly named: number;
  /** In the order given: `shared` after `slave` makes a mount both. */
  readonly propagation: readonly number[];
  readonly recursiveSet: number;
  readonly recursiveClear: number;
  readonly copyUp: boolean;
  readonly idmap: 'idmap' | 'ridmap' | undefined;
  /** What the file system itself is told, `key` or `key=value` each. */
  readonly data: readonly string[];
}

/** Lists parsed before: a thousand mounts have a handful of them, and each is asked for by checks and planners. */
const KNOWN = new Map<string, ParsedOptions>();

export function parseMountOptions(options: readonly string[] = NO_OPTIONS): ParsedOptions {
  // NUL behind each: no option that a config may have holds it (spec/text.ts), and one may be empty.
  const key = options.length === 0 ? '' : `${options.join('\0')}\0`;
  const known = KNOWN.get(key);
  if (known !== undefined) return known;
  const parsed = parse(options);
  KNOWN.set(key, parsed);
  return parsed;
}

const NO_OPTIONS: readonly string[] = [];

function parse(options: readonly string[]): ParsedOptions {
  let flags = 0;
  let cleared = 0;
  let named = 0;
  let recursiveSet = 0;
  let recursiveClear = 0;
  let copyUp = false;
  let idmap: ParsedOptions['idmap'];
  const propagation: number[] = [];
  const data: string[] = [];
  for (const name of options) {
    const option = MOUNT_OPTIONS.get(name);
    if (option === undefined) {
      data.push(name);
    } else if (option.set !== undefined) {
      flags |= option.set;
      named |= option.set;
      cleared &= ~option.set;
    } else if (option.clear !== undefined) {
      flags &= ~option.clear;
      cleared |= option.clear;
    } else {
      recursiveSet = (recursiveSet & ~(option.recursiveClear ?? 0)) | (option.recursiveSet ?? 0);
      recursiveClear |= option.recursiveClear ?? 0;
      if (option.propagation !== undefined) propagation.push(option.propagation);
      copyUp ||= option.copyUp === true;
      idmap = option.idmap ?? idmap;
    }
  }
  return { flags, cleared, named, propagation, recursiveSet, recursiveClear, copyUp, idmap, data };
}

/** One string of options may hold several options of a file system, as mount(2)'s data does. */
export const splitData = (data: readonly string[]): readonly string[] =>
  data.some(isNoSingle)
    ? data.flatMap((option) => option.split(',')).filter((option) => option !== '')
    : data;

const isNoSingle = (option: string): boolean => option === '' || option.includes(',');
