/** The config.json that integration tests start from: runc's default set-up, without a terminal. */
import type { Spec } from '../../src/generated/spec.ts';

type Mutable<T> = T extends object ? { -readonly [K in keyof T]: Mutable<T[K]> } : T;
type With<T, K extends keyof T> = T & { [P in K]-?: NonNullable<T[P]> };
type Whole = Mutable<Spec>;

/** A config.json under construction: what the base config has is there, all of it can be changed. */
export type Config = Omit<With<Whole, 'root' | 'mounts'>, 'process' | 'linux'> & {
  process: With<NonNullable<Whole['process']>, 'args' | 'env' | 'capabilities'>;
  linux: With<NonNullable<Whole['linux']>, 'namespaces'>;
};
export type Mount = Config['mounts'][number];
export type NamespaceType = Config['linux']['namespaces'][number]['type'];

const BASE_CAPABILITIES = ['CAP_AUDIT_WRITE', 'CAP_KILL', 'CAP_NET_BIND_SERVICE'];

export const baseConfig = (rootfs: string, mark: string): Config => ({
  ociVersion: '1.0.2',
  process: {
    user: { uid: 0, gid: 0 },
    args: ['true'],
    env: ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', mark],
    cwd: '/',
    capabilities: {
      bounding: [...BASE_CAPABILITIES],
      effective: [...BASE_CAPABILITIES],
      permitted: [...BASE_CAPABILITIES],
    },
    noNewPrivileges: true,
  },
  root: { path: rootfs },
  hostname: 'box',
  mounts: [
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
      options: ['nosuid', 'noexec', 'nodev', 'mode=1777', 'size=65536k'],
    },
    {
      destination: '/dev/mqueue',
      type: 'mqueue',
      source: 'mqueue',
      options: ['nosuid', 'noexec', 'nodev'],
    },
    {
      destination: '/sys',
      type: 'sysfs',
      source: 'sysfs',
      options: ['nosuid', 'noexec', 'nodev', 'ro'],
    },
  ],
  linux: {
    namespaces: [
      { type: 'pid' },
      { type: 'network' },
      { type: 'ipc' },
      { type: 'uts' },
      { type: 'mount' },
    ],
  },
});

/** Gives the config a user namespace: container ids 0… are host ids 100000…. */
export const addUserNamespace = (config: Config): void => {
  config.linux.namespaces.push({ type: 'user' });
  config.linux.uidMappings = [{ containerID: 0, hostID: 100000, size: 65536 }];
  config.linux.gidMappings = [{ containerID: 0, hostID: 100000, size: 65536 }];
};

export const addNamespace = (config: Config, type: NamespaceType, path?: string): void => {
  config.linux.namespaces.push(path === undefined ? { type } : { type, path });
};

export const removeNamespace = (config: Config, type: NamespaceType): void => {
  config.linux.namespaces = config.linux.namespaces.filter((one) => one.type !== type);
};

export const grant = (config: Config, ...capabilities: string[]): void => {
  for (const set of ['bounding', 'effective', 'permitted'] as const) {
    config.process.capabilities[set] = [
      ...(config.process.capabilities[set] ?? []),
      ...capabilities,
    ];
  }
};

/** JSON with bigints as exact integers, which JSON.stringify cannot write. */
export const toJson = (value: unknown): string =>
  JSON.stringify(
    value,
    (_key, item: unknown) => (typeof item === 'bigint' ? `\u0000${item}\u0000` : item),
    2,
  ).replaceAll(/"\\u0000(-?\d+)\\u0000"/g, '$1');
