/**
 * linux.devices, the default devices and the symlinks of /dev. config-linux.md "Devices" and "Default
 * Devices", runtime-linux.md "Dev symbolic links"; mknod(2).
 */

import type { LinuxDevice, Spec } from '../../generated/spec.ts';
import { O_PATH, S_IFBLK, S_IFCHR, S_IFIFO, S_IFMT } from '../../linux/constants/file.ts';
import { MS_BIND, OPEN_TREE_CLONE } from '../../linux/constants/mount.ts';
import type { PlanContext } from '../../plan/context.ts';
import { type ConfigPath, type Slot, type Step, step } from '../../plan/step.ts';
import { error, type Problem } from '../../spec/problem.ts';
import { cleanDestination } from '../mounts/destination.ts';
import { hasMountApi, isBind, MOUNT, mountEntries, ROOT, TARGET } from '../mounts/entry.ts';
import { hasNamespace } from './namespaces.ts';

const ORIGIN = '/linux/devices';

/** The container has these, listed or not. /dev/console is made with the terminal. */
const DEFAULT_DEVICES: readonly LinuxDevice[] = [
  { path: '/dev/null', type: 'c', major: 1, minor: 3 },
  { path: '/dev/zero', type: 'c', major: 1, minor: 5 },
  { path: '/dev/full', type: 'c', major: 1, minor: 7 },
  { path: '/dev/random', type: 'c', major: 1, minor: 8 },
  { path: '/dev/urandom', type: 'c', major: 1, minor: 9 },
  { path: '/dev/tty', type: 'c', major: 5, minor: 0 },
];

const KCORE = '/proc/kcore';
const CORE: Slot = 'kcore';

/** The ptmx of the container's own devpts, and the customary ways into /proc. */
const SYMLINKS: readonly (readonly [path: string, target: string])[] = [
  ['/dev/ptmx', 'pts/ptmx'],
  ['/dev/fd', '/proc/self/fd'],
  ['/dev/stdin', '/proc/self/fd/0'],
  ['/dev/stdout', '/proc/self/fd/1'],
  ['/dev/stderr', '/proc/self/fd/2'],
  ['/dev/core', KCORE],
];

/** `u` is an unbuffered character device, which Linux does not tell from `c`. */
const FILE_TYPES: Readonly<Record<LinuxDevice['type'], number>> = {
  b: S_IFBLK,
  c: S_IFCHR,
  u: S_IFCHR,
  p: S_IFIFO,
};

const DEFAULT_MODE = 0o666;

export const checkDevices = (spec: Spec): readonly Problem[] => [
  ...(spec.linux?.devices ?? []).flatMap(checkDevice),
  ...(hasNamespace(spec, 'user') && !hasNamespace(spec, 'mount')
    ? [
        error(
          '/linux/namespaces',
          'has user without mount: in a user namespace devices are bind mounts',
        ),
      ]
    : []),
];

function checkDevice(device: LinuxDevice, index: number): readonly Problem[] {
  const at = `${ORIGIN}/${index}`;
  const problems: Problem[] = [];
  if (!device.path.startsWith('/'))
    problems.push(error(`${at}/path`, 'must be an absolute path', device.path));
  if (device.type !== 'p')
    for (const number of ['major', 'minor'] as const)
      if (device[number] === undefined)
        problems.push(error(`${at}/${number}`, `is required for type ${device.type}`));
  return problems;
}

/** Nothing at all when /dev is a bind mount: it is the host's directory that would be changed. */
export function planDevices(context: PlanContext): readonly Step[] {
  const entries = mountEntries(context);
  if (entries.some((entry) => entry.destination === '/dev' && isBind(entry))) return [];
  const devices = devicesOf(context.spec);
  const paths = new Set(devices.map(({ path }) => path));
  const covered = entries.filter(({ destination }) => paths.has(destination));
  const mountPoints = new Set(covered.map(({ destination }) => destination));
  return [
    ...devices.flatMap((device) => planDevice(context, device, mountPoints)),
    ...PLANNED_SYMLINKS,
  ];
}

/** /proc/kcore is an option of the kernel's: /dev/core is there with it. */
const PLANNED_SYMLINKS: readonly Step[] = [
  step(
    'init',
    ORIGIN,
    { call: 'openat2', root: ROOT, path: KCORE, flags: O_PATH, out: CORE },
    { ignore: ['ENOENT'] },
  ),
  ...SYMLINKS.map(([path, target]) =>
    step(
      'init',
      ORIGIN,
      { call: 'symlinkat', root: ROOT, path, target, exists: target === KCORE ? CORE : ROOT },
      { ignore: ['EEXIST'] },
    ),
  ),
];

interface PlannedDevice {
  readonly device: LinuxDevice;
  readonly path: string;
  readonly origin: ConfigPath;
}

/** The list, behind the defaults it does not itself describe; /dev/ptmx is always the symlink. */
function devicesOf(spec: Spec): readonly PlannedDevice[] {
  if (!spec.linux?.devices?.length) return DEFAULTS;
  const listed = spec.linux.devices.map((device, index) => ({
    device,
    path: cleanDestination(device.path),
    origin: `${ORIGIN}/${index}`,
  }));
  const defaults = DEFAULTS.filter(({ path }) => !listed.some((device) => device.path === path));
  return [...defaults, ...listed.filter(({ path }) => path !== '/dev/ptmx')];
}

const DEFAULTS: readonly PlannedDevice[] = DEFAULT_DEVICES.map((device) => ({
  device,
  path: device.path,
  origin: ORIGIN,
}));

function planDevice(
  context: PlanContext,
  planned: PlannedDevice,
  mountPoints: ReadonlySet<string>,
): readonly Step[] {
  const { host, spec } = context;
  const mayMknod = host.euid === 0 && !host.inUserNamespace && !hasNamespace(spec, 'user');
  return mayMknod || planned.device.type === 'p'
    ? [makeNode(planned, mountPoints)]
    : bindNode(context, planned);
}

/**
 * Something else in the device's place is an error (config-linux.md "Devices"), unless the config itself
 * mounts it there: /dev/urandom over /dev/random is common.
 */
const makeNode = (
  { device, path, origin }: PlannedDevice,
  mountPoints: ReadonlySet<string>,
): Step =>
  step(
    'init',
    origin,
    {
      call: 'mknodat',
      root: ROOT,
      path,
      mode: FILE_TYPES[device.type] | ((device.fileMode ?? DEFAULT_MODE) & ~S_IFMT),
      dev: device.type === 'p' ? 0n : makedev(device.major ?? 0, device.minor ?? 0),
      uid: device.uid ?? 0,
      gid: device.gid ?? 0,
    },
    mountPoints.has(path) ? { ignore: ['EEXIST'] } : undefined,
  );

/** In a user namespace mknod(2) is EPERM: the host's own node is mounted over an empty file. */
function bindNode(context: PlanContext, { device, path, origin }: PlannedDevice): readonly Step[] {
  const withMountApi = hasMountApi(context);
  const target = {
    call: 'open_target',
    root: ROOT,
    path,
    flags: 0,
    like: MOUNT,
    out: TARGET,
  } as const;
  return withMountApi
    ? [
        step('init', origin, {
          call: 'open_tree',
          path: device.path,
          flags: OPEN_TREE_CLONE,
          out: MOUNT,
        }),
        step('init', origin, { call: 'attach', from: MOUNT, root: ROOT, path, flags: 0 }),
      ]
    : [
        step('init', origin, {
          call: 'openat',
          path: device.path,
          flags: O_PATH,
          mode: 0,
          out: MOUNT,
        }),
        step('init', origin, target),
        step('init', origin, {
          call: 'mount',
          source_fd: MOUNT,
          target_fd: TARGET,
          flags: BigInt(MS_BIND),
        }),
      ];
}

/** makedev(3): two numbers of 32 bits in one of 64, the low 12 and 8 bits where they always were. */
export function makedev(major: number, minor: number): bigint {
  const high = BigInt(major);
  const low = BigInt(minor);
  return (
    ((high & 0xfffff000n) << 32n) |
    ((high & 0xfffn) << 8n) |
    ((low & 0xffffff00n) << 12n) |
    (low & 0xffn)
  );
}
