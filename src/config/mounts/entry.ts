/** One entry of mounts[] as its planners see it. */

import type { Mount, Spec } from '../../generated/spec.ts';
import {
  MOUNT_ATTR__ATIME,
  MS_BIND,
  MS_RDONLY,
  MS_REC,
  MS_REMOUNT,
  MS_SLAVE,
} from '../../linux/constants/mount.ts';
import type { HostFacts, PlanContext } from '../../plan/context.ts';
import type { ConfigPath, Op, Slot, Step } from '../../plan/step.ts';
import { hasNamespace, mountsOnHost } from '../linux/namespaces.ts';
import { NOTIFY_SOCKET, notifyMounts } from '../notifySocket.ts';
import { oncePer } from '../once.ts';
import { mountAttributes } from './attributes.ts';
import { cleanDestination } from './destination.ts';
import { type ParsedOptions, parseMountOptions } from './options.ts';

export interface MountEntry {
  readonly mount: Mount;
  readonly index: number;
  /** `/mounts/3`. */
  readonly origin: ConfigPath;
  /** Clean and absolute, of the container. */
  readonly destination: string;
  readonly type: string;
  readonly source: string | undefined;
  readonly options: ParsedOptions;
}

/** The container's root, an O_PATH descriptor; filled by planRootfs. */
export const ROOT: Slot = 'root';
/** The mount being made. Each mount reuses these slots, so that a thousand need no more descriptors. */
export const MOUNT: Slot = 'mount';
/** Where it is attached. */
export const TARGET: Slot = 'target';

/** The entries as the config has them, for its checks and its planners. */
export const configuredMounts = oncePer((spec: Spec): readonly MountEntry[] =>
  (spec.mounts ?? []).map((mount, index) => entryOf(mount, index, `/mounts/${index}`)),
);

const entryOf = (mount: Mount, index: number, origin: ConfigPath): MountEntry => ({
  mount,
  index,
  origin,
  destination: cleanDestination(mount.destination),
  type: mount.type ?? '',
  source: mount.source,
  options: parseMountOptions(mount.options),
});

/** The entries as they are mounted, with those that no config has behind them. */
export const mountEntries = oncePer((context: PlanContext): readonly MountEntry[] => {
  const { spec, host, options } = context;
  const asked = configuredMounts(spec);
  const notify = notifyMounts(options).map((mount, index) =>
    entryOf(mount, asked.length + index, NOTIFY_SOCKET),
  );
  const entries = notify.length === 0 ? asked : [...asked, ...notify];
  const onHost = mountsOnHost(spec);
  const inUserNamespace = hasNamespace(spec, 'user');
  if (!onHost && !inUserNamespace) return entries;
  return entries.map((entry) => {
    if (inUserNamespace) {
      if (bindsSysInstead(spec, entry)) return asBind(entry, '/sys', host);
      if (bindsCgroupInstead(spec, host.cgroup.version, entry))
        return asBind(entry, '/sys/fs/cgroup', host);
    }
    return onHost && isBind(entry) && !isRemount(entry) ? asSlave(entry) : entry;
  });
});

export const isBind = ({ options }: MountEntry): boolean => (options.flags & MS_BIND) !== 0;
export const isRemount = ({ options }: MountEntry): boolean => (options.flags & MS_REMOUNT) !== 0;

/** The mount calls of Linux 5.12 are there; without all of them, mount(2) alone is used. */
export const hasMountApi = ({ host }: PlanContext): boolean =>
  host.kernel.mountApi && host.kernel.mountSetattr;

/**
 * Read-only only at the end, by planLateReadonly: device nodes and mount points are still to be made in
 * /dev, and a tmpfs is filled by mounts inside it.
 */
export const isReadonlyLate = (entry: MountEntry): boolean =>
  (entry.destination === '/dev' || (entry.type === 'tmpfs' && !isBind(entry))) &&
  (entry.options.flags & MS_RDONLY) !== 0 &&
  !isRemount(entry);

/** The MS_ flags a mount begins with. */
export const initialFlags = (entry: MountEntry): number =>
  isReadonlyLate(entry) ? entry.options.flags & ~MS_RDONLY : entry.options.flags;

/** The host path of a bind mount: a relative one begins in the bundle. */
export const bindSource = ({ options }: PlanContext, { source = '' }: MountEntry): string =>
  source.startsWith('/') ? source : `${options.bundle}/${source}`;

export const initStep = ({ origin }: MountEntry, op: Op): Step => ({ actor: 'init', op, origin });

/**
 * A sysfs shows a network namespace, and the kernel lets only the owner of that mount one: in a user
 * namespace that shares the host's network it is EPERM. The host's /sys shows the same.
 */
const bindsSysInstead = (spec: Spec, { type, options }: MountEntry): boolean =>
  type === 'sysfs' && !(options.flags & (MS_BIND | MS_REMOUNT)) && !hasNamespace(spec, 'network');

/** Likewise cgroup2 in a user namespace without a cgroup namespace of its own. */
const bindsCgroupInstead = (spec: Spec, version: number, { type, options }: MountEntry): boolean =>
  (type === 'cgroup2' || (type === 'cgroup' && version === 2)) &&
  !(options.flags & (MS_BIND | MS_REMOUNT)) &&
  !hasNamespace(spec, 'cgroup');

/**
 * In the host's mount namespace a bind mount is a peer of its source: what is mounted in it would appear
 * there too, outside of the rootfs. The options' own propagation comes behind this.
 */
const asSlave = (entry: MountEntry): MountEntry => ({
  ...entry,
  options: {
    ...entry.options,
    propagation: [MS_SLAVE | MS_REC, ...entry.options.propagation],
  },
});

/**
 * With what is mounted below, which then must be as little writable as the mount it stands in for, where
 * the kernel can do that.
 */
function asBind(entry: MountEntry, source: string, { kernel }: HostFacts): MountEntry {
  const options = parseMountOptions(['rbind', ...(entry.mount.options ?? [])]);
  const attributes = mountAttributes(options.flags) & ~MOUNT_ATTR__ATIME;
  const recursive = kernel.mountSetattr ? attributes : 0;
  return {
    ...entry,
    type: 'bind',
    source,
    options: { ...options, recursiveSet: options.recursiveSet | recursive, data: [] },
  };
}
