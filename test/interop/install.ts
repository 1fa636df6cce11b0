/** Before the tests: installs the engines that are missing, from Debian, and unpacks CRIU. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { prepareCriu } from './criu.ts';

/** Programs the tests call, by their Debian package. */
const PROGRAMS: Readonly<Record<string, string>> = {
  '/usr/bin/podman': 'podman',
  '/usr/lib/podman/netavark': 'netavark',
  '/usr/sbin/runc': 'runc',
  '/usr/bin/buildah': 'buildah',
  '/usr/bin/containerd': 'containerd',
  '/usr/sbin/dockerd': 'docker.io',
  '/usr/sbin/iptables': 'iptables',
  '/usr/lib/cni/bridge': 'containernetworking-plugins',
  '/usr/bin/nsenter': 'util-linux',
  '/usr/bin/script': 'bsdutils',
  '/usr/sbin/ip': 'iproute2',
  '/usr/bin/busybox': 'busybox-static',
  '/usr/bin/newuidmap': 'uidmap',
  '/usr/bin/catatonit': 'catatonit',
  '/usr/bin/tini-static': 'tini',
  '/usr/bin/python3': 'python3',
  '/usr/share/bash-completion/bash_completion': 'bash-completion',
  '/usr/bin/zsh': 'zsh',
  '/usr/bin/fish': 'fish',
};

export function setup(): void {
  installEngines();
  // Here, and once: several files of tests want it at the same time.
  prepareCriu();
}

export function installEngines(): void {
  const missing = Object.keys(PROGRAMS).filter((path) => !existsSync(path));
  if (missing.length === 0) return;
  const packages = missing.map((path) => PROGRAMS[path] ?? '');
  apt('update', '-q');
  apt('install', '-y', '-q', '--no-install-recommends', ...packages);
  const still = missing.filter((path) => !existsSync(path));
  if (still.length > 0) throw new Error(`not in their packages: ${still.join(' ')}`);
}

function apt(...args: readonly string[]): void {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const done = spawnSync('apt-get', args, { encoding: 'utf8', env });
  if (done.status !== 0) throw new Error(`apt-get ${args.join(' ')}: ${done.stdout}${done.stderr}`);
}
