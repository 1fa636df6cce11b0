/**
 * The host that golden plans are made for, so that they are alike on every machine: root on x86-64,
 * a kernel with every call, the cgroup v2 hierarchy alone, no LSM.
 */
import type { CreateOptions, HostFacts } from './context.ts';

export const REFERENCE_HOST: HostFacts = {
  euid: 0,
  egid: 0,
  machine: 'x86_64',
  lastCap: 40,
  cgroup: {
    version: 2,
    mountpoint: '/sys/fs/cgroup',
    own: '/user.slice',
    controllers: ['cpuset', 'cpu', 'io', 'memory', 'hugetlb', 'pids', 'rdma', 'misc'],
  },
  kernel: { mountApi: true, mountSetattr: true, cloneIntoCgroup: true },
  lsm: { apparmor: false, selinux: false },
  inUserNamespace: false,
  idmapTools: { newuidmap: '/usr/bin/newuidmap', newgidmap: '/usr/bin/newgidmap' },
};

/** `tsrun create NAME` in `/bundles/NAME`, no options given. */
export const referenceOptions = (name: string, rootPath: string): CreateOptions => ({
  id: name,
  bundle: `/bundles/${name}`,
  rootfs: rootPath.startsWith('/') ? rootPath : `/bundles/${name}/${rootPath}`,
  stateDirectory: `/run/tsrun/${name}`,
  noPivot: false,
  noNewKeyring: false,
  preserveFds: 0,
  listenFds: 0,
  foreground: false,
  systemdCgroup: false,
  rootless: false,
});
