/** Facts of this host that planners ask for. A few reads; nothing is searched. */
import { probeCgroupLayout } from '../cgroup/layout.ts';
import { engine } from '../engine/current.ts';
import { libc, unless } from '../linux/call.ts';
import { filesystemType, readTextIfExists } from '../linux/files.ts';
import { textUntilNul } from '../linux/memory.ts';
import { findProgram, getegid, geteuid } from '../linux/processes.ts';
import type { HostFacts } from '../plan/context.ts';

const SELINUX_MAGIC = 0xf97c_ff8c;

// Numbered alike on every architecture (424 and up), and clone3.
const SYS_open_tree = 428;
const SYS_pidfd_open = 434;
const SYS_clone3 = 435;
const SYS_mount_setattr = 442;
const ENOSYS = 38;

const syscall = libc('syscall', 'l:iiiiii');
const uname = libc('uname', 'i:p');

/** Asks the machine. */
export function probeHost(): HostFacts {
  const euid = geteuid();
  const inUserNamespace = isInUserNamespace();
  const release = kernelRelease();
  return {
    euid,
    egid: getegid(),
    machine: engine().machine,
    lastCap: Number(readTextIfExists('/proc/sys/kernel/cap_last_cap') ?? '40'),
    cgroup: probeCgroupLayout(euid !== 0 || inUserNamespace),
    kernel: {
      mountApi: isKnown(SYS_open_tree),
      mountSetattr: isKnown(SYS_mount_setattr),
      cloneIntoCgroup: isKnown(SYS_clone3) && isKernelAtLeast(5, 7, release),
      setnsPidfd: isKnown(SYS_pidfd_open) && isKernelAtLeast(5, 8, release),
    },
    lsm: {
      apparmor:
        readTextIfExists('/sys/module/apparmor/parameters/enabled')?.startsWith('Y') === true,
      selinux: unless(['ENOENT'], () => filesystemType('/sys/fs/selinux')) === SELINUX_MAGIC,
    },
    inUserNamespace,
    idmapTools: euid !== 0 || inUserNamespace ? findIdmapTools() : {},
  };
}

/** The initial user namespace maps every id to itself. */
export function isInUserNamespace(): boolean {
  const map = readTextIfExists('/proc/self/uid_map');
  return map !== undefined && !/^\s*0\s+0\s+4294967295\s*$/.test(map);
}

/** Whether the kernel has a call: given an invalid descriptor and null pointers it can do nothing. */
function isKnown(number: number): boolean {
  syscall(number, 0, 0, 0, 0, 0);
  return engine().errno() !== ENOSYS;
}

/** By its release. */
export function isKernelAtLeast(
  major: number,
  minor: number,
  [first = 0, second = 0] = kernelRelease(),
): boolean {
  return first > major || (first === major && second >= minor);
}

/** uname(2), `6.1.0-13-amd64`: the numbers of its parts. */
function kernelRelease(): readonly number[] {
  // struct utsname: six names of 65 bytes, the release is the third.
  const names = new Uint8Array(6 * 65);
  uname(names);
  return textUntilNul(names, 2 * 65)
    .split('.')
    .map(Number.parseFloat);
}

function findIdmapTools(): HostFacts['idmapTools'] {
  const newuidmap = findProgram('newuidmap');
  const newgidmap = findProgram('newgidmap');
  return {
    ...(newuidmap === undefined ? {} : { newuidmap }),
    ...(newgidmap === undefined ? {} : { newgidmap }),
  };
}
