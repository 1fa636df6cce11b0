/** The config.json to begin with, which `tsrun spec` writes: runc's, property by property. */
import type { Mount, Spec } from '../generated/spec.ts';
import { OCI_VERSION } from './version.ts';

/** Who will run the container, where no root is at hand: one id of the container is this user's. */
export interface Rootless {
  readonly uid: number;
  readonly gid: number;
}

const CAPABILITIES = ['CAP_AUDIT_WRITE', 'CAP_KILL', 'CAP_NET_BIND_SERVICE'];

const GUARDED = ['nosuid', 'noexec', 'nodev'];

const MOUNTS: readonly Mount[] = [
  { destination: '/proc', type: 'proc', source: 'proc' },
  {
    destination: '/dev',
    type: 'tmpfs',
    source: 'tmpfs',
    options: ['nosuid', 'strictatime', 'mode=755', 'size=65536k'],
  },
  {
    destination: '/dev/pts',
    type: 'devpts',
    source: 'devpts',
    options: ['nosuid', 'noexec', 'newinstance', 'ptmxmode=0666', 'mode=0620', 'gid=5'],
  },
  {
    destination: '/dev/shm',
    type: 'tmpfs',
    source: 'shm',
    options: [...GUARDED, 'mode=1777', 'size=65536k'],
  },
  { destination: '/dev/mqueue', type: 'mqueue', source: 'mqueue', options: GUARDED },
  { destination: '/sys', type: 'sysfs', source: 'sysfs', options: [...GUARDED, 'ro'] },
  {
    destination: '/sys/fs/cgroup',
    type: 'cgroup',
    source: 'cgroup',
    options: [...GUARDED, 'relatime', 'ro'],
  },
];

const MASKED_PATHS = [
  '/proc/acpi',
  '/proc/asound',
  '/proc/kcore',
  '/proc/keys',
  '/proc/latency_stats',
  '/proc/timer_list',
  '/proc/timer_stats',
  '/proc/sched_debug',
  '/sys/firmware',
  '/sys/devices/virtual/powercap',
  '/proc/scsi',
];

const READONLY_PATHS = ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger'];

/** A shell in a read-only root; with `rootless`, one that an ordinary user can run. */
export const defaultConfig = (rootless?: Rootless): Spec => ({
  ociVersion: OCI_VERSION,
  process: {
    terminal: true,
    user: { uid: 0, gid: 0 },
    args: ['sh'],
    env: ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', 'TERM=xterm'],
    cwd: '/',
    capabilities: { bounding: CAPABILITIES, effective: CAPABILITIES, permitted: CAPABILITIES },
    rlimits: [{ type: 'RLIMIT_NOFILE', hard: 1024, soft: 1024 }],
    noNewPrivileges: true,
  },
  root: { path: 'rootfs', readonly: true },
  hostname: 'tsrun',
  mounts: rootless === undefined ? MOUNTS : MOUNTS.map(rootlessMount),
  linux: {
    ...(rootless === undefined ? OF_ROOT : ofUser(rootless)),
    maskedPaths: MASKED_PATHS,
    readonlyPaths: READONLY_PATHS,
  },
});

const OF_ROOT: Spec['linux'] = {
  resources: { devices: [{ allow: false, access: 'rwm' }] },
  namespaces: [
    { type: 'pid' },
    { type: 'network' },
    { type: 'ipc' },
    { type: 'uts' },
    { type: 'mount' },
    { type: 'cgroup' },
  ],
};

/** No network namespace: nothing could be given to it. No resources: nobody delegated a cgroup. */
const ofUser = ({ uid, gid }: Rootless): Spec['linux'] => ({
  uidMappings: [{ containerID: 0, hostID: uid, size: 1 }],
  gidMappings: [{ containerID: 0, hostID: gid, size: 1 }],
  namespaces: [
    { type: 'pid' },
    { type: 'ipc' },
    { type: 'uts' },
    { type: 'mount' },
    { type: 'cgroup' },
    { type: 'user' },
  ],
});

/** Group 5 is not mapped; sysfs can be mounted only by who owns the network namespace. */
function rootlessMount(mount: Mount): Mount {
  if (mount.type === 'sysfs') {
    return {
      destination: mount.destination,
      type: 'none',
      source: '/sys',
      options: ['rbind', ...GUARDED, 'ro'],
    };
  }
  const options = mount.options?.filter((option) => !option.startsWith('gid='));
  return options === undefined ? mount : { ...mount, options };
}
