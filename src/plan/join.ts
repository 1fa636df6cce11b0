/** Steps of `exec` no property asks for: the way into a container, and what is left behind on it. */
import { joinCgroup } from '../config/linux/cgroupsPath.ts';
import { hasNamespace, NAMESPACES, NOT_DUMPABLE } from '../config/linux/namespaces.ts';
import { ROOT } from '../config/mounts/entry.ts';
import { O_DIRECTORY, O_PATH, O_RDONLY } from '../linux/constants/file.ts';
import type { ExecContext, PlanContext } from './context.ts';
import { type Actor, type ConfigPath, OUTER, type Slot, type Step, step } from './step.ts';

/** What is joined: a pidfd of the container's init. */
const CONTAINER: Slot = 'container';

/** Init's directory in /proc, where there is no pidfd to join by, and for the root of a chroot. */
const CONTAINER_PROC: Slot = 'container-proc';

const NAMESPACES_ORIGIN = '/linux/namespaces';
const DIRECTORY = { flags: O_PATH | O_DIRECTORY, mode: 0 } as const;

type NamespaceType = keyof typeof NAMESPACES;

/** The user namespace last: it may lack rights over the others. The mount namespace behind those, for /proc. */
const OTHERS: readonly NamespaceType[] = [
  'cgroup',
  'ipc',
  'uts',
  'network',
  'pid',
  'time',
  'mount',
];

/**
 * Descriptors that stay init's whatever becomes of its number; that it is init's they are of is looked at
 * behind the opening. Fails with ESRCH when the container has ended.
 */
export function planOpenContainer(context: ExecContext): readonly Step[] {
  const { pid, startTime } = context.container;
  const { setnsPidfd } = context.host.kernel;
  const needsDirectory = !setnsPidfd || !hasNamespace(context.spec, 'mount');
  return [
    step('runtime', '', {
      call: 'open_process',
      pid,
      start_time: BigInt(startTime),
      ...(setnsPidfd ? { pidfd: CONTAINER } : {}),
      ...(needsDirectory ? { directory: CONTAINER_PROC } : {}),
    }),
  ];
}

/**
 * v1: the executor moves itself. v2: clone3 gets the directory (5.7), else the same move. Who is not root
 * has systemd do it, which owns the cgroups between the caller's and the container's.
 */
export function planEnterCgroups(context: ExecContext): readonly Step[] {
  const { container, spec } = context;
  const origin = spec.linux?.cgroupsPath ? '/linux/cgroupsPath' : '';
  if (entersByUnit(context)) return attachToUnit(context, origin);
  return container.cgroups.map((path) =>
    intoCgroup(context)
      ? step('outer', origin, { call: 'openat', path, ...DIRECTORY, out: 'cgroup' })
      : step('outer', origin, joinCgroup(context.host.cgroup.version, path)),
  );
}

/** Without privileges the user namespace is joined first, whose root may not write to the cgroup (EACCES). */
const intoCgroup = (context: ExecContext): boolean => {
  const { cgroup, kernel, euid } = context.host;
  return !entersByUnit(context) && cgroup.version === 2 && kernel.cloneIntoCgroup && euid === 0;
};

const entersByUnit = ({ host, options, container }: ExecContext): boolean =>
  host.cgroup.version === 2 && options.rootless && container.unit !== undefined;

function attachToUnit({ container }: ExecContext, origin: ConfigPath): readonly Step[] {
  const { unit, cgroups } = container;
  if (unit === undefined) return [];
  const { name, bus, timeoutMs: timeout_ms, directory } = unit;
  return cgroups.map((path) =>
    step('runtime', origin, {
      call: 'attach_unit',
      unit: name,
      bus,
      timeout_ms,
      subgroup: path.startsWith(`${directory}/`) ? path.slice(directory.length) : '',
      pid: OUTER,
    }),
  );
}

/**
 * From inside of these clone3 may not put init into the cgroup, so that init joins them itself. The root of a
 * user namespace may not write to the cgroup (EACCES); and with the mount option nsdelegate, which systemd sets,
 * an executor that is outside of its cgroup namespace is refused (ENOENT; cgroup-v2.rst "Delegation"). The
 * executor's own move instead takes milliseconds: it waits for every fork and exec of the machine.
 */
const BOUNDING: readonly NamespaceType[] = ['cgroup', 'user'];

/**
 * Joins every namespace the container does not share with the host, and clones init into them. Those
 * inside can trace who joins: it is not dumpable, and holds no descriptor of the host's (CVE-2016-9962)
 * but those it joins by.
 */
export function planEnterNamespaces(context: ExecContext): readonly Step[] {
  const { spec, host, container } = context;
  const others = OTHERS.filter((type) => hasNamespace(spec, type));
  const user: readonly NamespaceType[] =
    hasNamespace(spec, 'user') && !container.sharesUserNamespace ? ['user'] : [];
  // Without privileges the user namespace comes first: it is what gives the right to join the others.
  const types = host.euid === 0 ? [...others, ...user] : [...user, ...others];
  const cgroup = intoCgroup(context) && container.cgroups.length > 0 ? { cgroup: 'cgroup' } : {};
  const bounding = 'cgroup' in cgroup ? types.filter((type) => BOUNDING.includes(type)) : [];
  const last = bounding.length > 0 ? 'init' : 'outer';
  const close = host.kernel.setnsPidfd ? [step(last, '', { call: 'close', fd: CONTAINER })] : [];
  return [
    step('outer', NAMESPACES_ORIGIN, NOT_DUMPABLE),
    ...openRoot(context),
    ...(host.kernel.setnsPidfd ? [] : openNamespaces(types)),
    ...joinNamespaces(
      context,
      'outer',
      types.filter((type) => !bounding.includes(type)),
    ),
    ...(last === 'outer' ? close : []),
    step('outer', '', { call: 'close', fd: 'proc' }),
    step('outer', '', { call: 'clone3', flags: 0n, ...cgroup }),
    ...('cgroup' in cgroup ? [step('init', '', { call: 'close', fd: 'cgroup' })] : []),
    ...joinNamespaces(context, 'init', bounding),
    ...(last === 'init' ? close : []),
  ];
}

/** Opened all before the first is joined: behind the mount namespace /proc is the container's. */
function openNamespaces(types: readonly NamespaceType[]): readonly Step[] {
  const open = types.map((type) =>
    step('outer', NAMESPACES_ORIGIN, {
      call: 'openat',
      dirfd: CONTAINER_PROC,
      path: `ns/${FILES[type]}`,
      flags: O_RDONLY,
      mode: 0,
      out: `ns:${type}`,
    }),
  );
  return [...open, step('outer', '', { call: 'close', fd: CONTAINER_PROC })];
}

/** All at once by a pidfd, or one by one; and becomes who it may be behind it. */
function joinNamespaces(
  { host }: ExecContext,
  actor: Actor,
  types: readonly NamespaceType[],
): readonly Step[] {
  const setns = (fd: Slot, nstype: number) =>
    step(actor, NAMESPACES_ORIGIN, { call: 'setns', fd, nstype });
  const close = (fd: Slot) => step(actor, '', { call: 'close', fd });
  if (types.length === 0) return [];
  const nstype = types.reduce((flags, type) => flags | NAMESPACES[type], 0);
  return [
    ...(host.kernel.setnsPidfd
      ? [setns(CONTAINER, nstype)]
      : types.flatMap((type) => [setns(`ns:${type}`, NAMESPACES[type]), close(`ns:${type}`)])),
    ...(types.includes('user') ? becomeRoot(actor) : []),
  ];
}

/** namespaces(7). */
const FILES: Readonly<Record<NamespaceType, string>> = {
  cgroup: 'cgroup',
  ipc: 'ipc',
  mount: 'mnt',
  network: 'net',
  pid: 'pid',
  time: 'time',
  user: 'user',
  uts: 'uts',
};

/** Behind setns(2) the ids are still those of the host, which the user namespace may not map. */
const becomeRoot = (actor: Actor): readonly Step[] => [
  step(actor, NAMESPACES_ORIGIN, { call: 'setgid', gid: 0 }),
  step(actor, NAMESPACES_ORIGIN, { call: 'setuid', uid: 0 }),
];

/** A container without a mount namespace has its root by chroot(2) alone. */
function openRoot({ spec, host }: ExecContext): readonly Step[] {
  if (hasNamespace(spec, 'mount')) return [];
  const root = { call: 'openat', dirfd: CONTAINER_PROC, path: 'root', ...DIRECTORY } as const;
  return [
    step('outer', '/root/path', { ...root, out: ROOT }),
    // One by one, the directory is needed for a while yet.
    ...(host.kernel.setnsPidfd ? [step('outer', '', { call: 'close', fd: CONTAINER_PROC })] : []),
  ];
}

/** The root file system as the container has it; setns(2) to a mount namespace leads there by itself. */
export const planContainerRoot = ({ spec }: PlanContext): readonly Step[] =>
  hasNamespace(spec, 'mount')
    ? [step('init', '/root/path', { call: 'openat', path: '/', ...DIRECTORY, out: ROOT })]
    : [
        step('init', '/root/path', { call: 'fchdir', fd: ROOT }),
        step('init', '/root/path', { call: 'chroot', path: '.' }),
      ];
