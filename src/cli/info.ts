/** `tsrun info`: what this host offers to containers. */
import { probeHost } from '../container/probe.ts';
import { F_OK } from '../linux/constants/file.ts';
import { access, readTextIfExists } from '../linux/files.ts';
import { findProgram } from '../linux/processes.ts';
import { formatJson } from '../spec/formatJson.ts';
import { OCI_VERSION } from '../spec/version.ts';
import type { Invocation } from './invocation.ts';
import { print } from './output.ts';
import { COMMIT, VERSION } from './version.ts';

export const info = ({ globals }: Invocation): void =>
  print(`${formatJson(hostInfo(globals.root), '  ')}\n`);

/** Programs that tsrun calls when a config or a verb needs them. */
const PROGRAMS = ['criu', 'newuidmap', 'newgidmap', 'ps'];
const NAMESPACES = ['cgroup', 'ipc', 'mnt', 'net', 'pid', 'time', 'user', 'uts'];

function hostInfo(root: string) {
  const host = probeHost();
  const { cgroup } = host;
  const text = (path: string) => readTextIfExists(path)?.trim() ?? '';
  return {
    version: VERSION,
    commit: COMMIT,
    ociVersion: OCI_VERSION,
    root,
    kernel: `${text('/proc/sys/kernel/ostype')} ${text('/proc/sys/kernel/osrelease')}`,
    system: /^PRETTY_NAME="?([^"\n]*)/m.exec(text('/etc/os-release'))?.[1] ?? '',
    machine: host.machine,
    processors: text('/proc/cpuinfo').match(/^processor\s*:/gm)?.length ?? 0,
    memoryTotalKiB: Number(/^MemTotal:\s*(\d+)/m.exec(text('/proc/meminfo'))?.[1] ?? '0'),
    isRoot: host.euid === 0,
    inUserNamespace: host.inUserNamespace,
    cgroup: {
      version: cgroup.version,
      controllers:
        cgroup.version === 1
          ? cgroup.hierarchies.flatMap(({ controllers }) => controllers)
          : cgroup.version === 2
            ? cgroup.controllers
            : [],
      systemd: access('/run/systemd/system', F_OK),
    },
    namespaces: NAMESPACES.filter((name) => access(`/proc/self/ns/${name}`, F_OK)),
    securityModules: text('/sys/kernel/security/lsm')
      .split(',')
      .filter((name) => name !== ''),
    apparmor: host.lsm.apparmor,
    selinux: host.lsm.selinux,
    seccompActions: text('/proc/sys/kernel/seccomp/actions_avail').split(' ').filter(Boolean),
    systemCalls: host.kernel,
    lastCapability: host.lastCap,
    programs: Object.fromEntries(PROGRAMS.map((name) => [name, findProgram(name) ?? null])),
  };
}
