/**
 * Containers on arm64: QEMU, which emulates the machine, Debian's kernel for it, and an initramfs with busybox,
 * the program and two bundles. Needs qemu-system-arm and cpio; the kernel and busybox are fetched by apt and kept
 * in the cache.
 */
import { spawnSync } from 'node:child_process';
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { packagedTree } from '../../native/quickjs/fetch.mjs';

const here = import.meta.dirname;
const top = join(here, '../..');
const PATIENCE_MS = 600_000;

/** cortex-a72: QEMU 7.2 hangs with Linux 6.12 and the page tables of `max`. */
const MACHINE = ['-M', 'virt', '-cpu', 'cortex-a72', '-m', '768', '-nographic', '-nic', 'none'];

/** What the guest's commands print and end with. */
const EXPECTED = `
$ run --bundle /bundle/ends ends
in a container on aarch64, pid 1, isolation
Seccomp: 2
-> 7
$ create --bundle /bundle/stays stays
-> 0
$ start stays
-> 0
$ exec stays sh -c echo exec on $(uname -m); exit 3
exec on aarch64
-> 3
$ pause stays
-> 0
$ resume stays
-> 0
$ update --pids-limit 32 stays
-> 0
pids.max 32
$ delete stays
delete "stays": cannot delete container stays that is not stopped: running
-> 1
$ kill stays KILL
-> 0
$ delete --force stays
-> 0
left: 0 cgroups, 0 containers
`.trim();

/** `isRight` when every command did what it should; `output` is all the machine said. */
export function containerOnArm64(program) {
  const kernel = packagedTree('arm64', 'linux-image-cloud-arm64', /^linux-image-\d/);
  const busybox = packagedTree('arm64', 'busybox-static');
  if (kernel === undefined || busybox === undefined) return { isRight: false, output: '' };
  const directory = mkdtempSync(join(tmpdir(), 'tsrun-arm64-'));
  try {
    const root = join(directory, 'root');
    fill(root, program, programOf(busybox));
    const image = join(directory, 'initramfs');
    const pack = 'find . | cpio -o -H newc --quiet | gzip -1 > "$0"';
    spawnSync('sh', ['-c', pack, image], { cwd: root, stdio: 'inherit' });
    const vmlinuz = readdirSync(join(kernel, 'boot')).find((name) => name.startsWith('vmlinuz-'));
    const start = ['-kernel', join(kernel, 'boot', vmlinuz), '-initrd', image, '-no-reboot'];
    const boot = [...start, '-append', 'console=ttyAMA0 quiet panic=1 rdinit=/init'];
    const { stdout, stderr, error } = spawnSync('qemu-system-aarch64', [...MACHINE, ...boot], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: PATIENCE_MS,
    });
    const said = (stdout ?? '').replaceAll('\r', '');
    const [, between] = /^BEGIN\n([\s\S]*?)\nEND$/m.exec(said) ?? [];
    return {
      isRight: between === EXPECTED,
      output: `${said}${stderr ?? ''}${error?.message ?? ''}`,
    };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Debian has moved it from /bin. */
const programOf = (busybox) =>
  ['usr/bin/busybox', 'bin/busybox'].map((path) => join(busybox, path)).find(existsSync);

function fill(root, program, busybox) {
  const rootfs = join(root, 'bundle/rootfs');
  for (const name of ['bin', 'proc', 'sys', 'dev', 'tmp']) {
    mkdirSync(join(root, name), { recursive: true });
    mkdirSync(join(rootfs, name), { recursive: true });
  }
  mkdirSync(join(root, 'new'));
  for (const place of [root, rootfs]) copyFileSync(busybox, join(place, 'bin/busybox'));
  for (const name of ['sh', 'echo', 'sleep', 'uname', 'hostname', 'sed']) {
    symlinkSync('busybox', join(rootfs, 'bin', name));
  }
  copyFileSync(program, join(root, 'bin/tsrun'));
  for (const name of ['init', 'commands']) cpSync(join(here, name), join(root, name));
  const tell = 'echo in a container on $(uname -m), pid $$, $(hostname)';
  const bundles = {
    ends: ['sh', '-c', `${tell}; sed -n "s/^Seccomp:\t/Seccomp: /p" /proc/self/status; exit 7`],
    stays: ['sleep', '1000'],
  };
  for (const [name, args] of Object.entries(bundles)) {
    mkdirSync(join(root, 'bundle', name));
    writeFileSync(join(root, 'bundle', name, 'config.json'), JSON.stringify(configOf(args)));
  }
}

/** The bundle that has every kind of isolation, with the filter of an engine. */
function configOf(args) {
  const json = (path) => JSON.parse(readFileSync(join(top, path), 'utf8'));
  const config = json('bundles/isolation/config.json');
  const { seccomp } = json('test/fixtures/real-configs/containerd-seccomp.json').linux;
  config.process.args = args;
  config.process.terminal = false;
  config.root.path = '/bundle/rootfs';
  config.linux.seccomp = { ...seccomp, architectures: ['SCMP_ARCH_AARCH64', 'SCMP_ARCH_ARM'] };
  config.linux.resources = { ...config.linux.resources, pids: { limit: 64 } };
  return config;
}
