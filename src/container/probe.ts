/** Facts of this host that planners ask for. A few reads; nothing is searched. */
import { engine } from '../engine/current.ts';
import { libc, unless } from '../linux/call.ts';
import { X_OK } from '../linux/constants/file.ts';
import { access, filesystemType, readTextIfExists } from '../linux/files.ts';
import { textUntilNul } from '../linux/memory.ts';
import { getegid, getenv, geteuid } from '../linux/processes.ts';
import type { CgroupLayout, HostFacts } from '../plan/context.ts';

const CGROUP_ROOT = '/sys/fs/cgroup';
const CGROUP2_SUPER_MAGIC = 0x6367_7270;
const SELINUX_MAGIC = 0xf97c_ff8c;

// Numbered alike on every architecture (424 and up), and clone3.
const SYS_open_tree = 428;
const SYS_clone3 = 435;
const SYS_mount_setattr = 442;
const ENOSYS = 38;

const syscall = libc('syscall', 'l:iiiiii');
const uname = libc('uname', 'i:p');

/** Asks the machine. */
export function probeHost(): HostFacts {
  const euid = geteuid();
  const inUserNamespace = isInUserNamespace();
  return {
    euid,
    egid: getegid(),
    machine: engine().machine,
    lastCap: Number(readTextIfExists('/proc/sys/kernel/cap_last_cap') ?? '40'),
    cgroup: probeCgroups(),
    kernel: {
      mountApi: isKnown(SYS_open_tree),
      mountSetattr: isKnown(SYS_mount_setattr),
      cloneIntoCgroup: isKnown(SYS_clone3) && isKernelAtLeast(5, 7),
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

function isKernelAtLeast(major: number, minor: number): boolean {
  // struct utsname: six names of 65 bytes, the release is the third.
  const names = new Uint8Array(6 * 65);
  uname(names);
  const [first = 0, second = 0] = textUntilNul(names, 2 * 65)
    .split('.')
    .map(Number.parseFloat);
  return first > major || (first === major && second >= minor);
}

function findIdmapTools(): HostFacts['idmapTools'] {
  const directories = (getenv('PATH') ?? '').split(':').filter((path) => path.startsWith('/'));
  const find = (name: string) =>
    directories.map((path) => `${path}/${name}`).find((path) => access(path, X_OK));
  const newuidmap = find('newuidmap');
  const newgidmap = find('newgidmap');
  return {
    ...(newuidmap === undefined ? {} : { newuidmap }),
    ...(newgidmap === undefined ? {} : { newgidmap }),
  };
}

/** Where cgroups are mounted, and which are this process's own. */
function probeCgroups(): CgroupLayout {
  const own = readTextIfExists('/proc/self/cgroup');
  if (own === undefined) return { version: 0 };
  const type = unless(['ENOENT'], () => filesystemType(CGROUP_ROOT));
  if (type === CGROUP2_SUPER_MAGIC) {
    const controllers = readTextIfExists(`${CGROUP_ROOT}/cgroup.controllers`) ?? '';
    return {
      version: 2,
      mountpoint: CGROUP_ROOT,
      own: ownCgroups(own).get('') ?? '/',
      controllers: controllers
        .trim()
        .split(' ')
        .filter((name) => name !== ''),
    };
  }
  return probeHierarchies(ownCgroups(own));
}

/** /proc/self/cgroup: `number:controllers:path` a line, cgroups(7). */
const ownCgroups = (text: string): ReadonlyMap<string, string> =>
  new Map(
    text.split('\n').flatMap((line) => {
      const [, controllers, ...path] = line.split(':');
      return controllers === undefined ? [] : [[controllers, path.join(':')] as const];
    }),
  );

/** v1: the mounts of /proc/self/mountinfo, each with this process's path below its root. */
function probeHierarchies(own: ReadonlyMap<string, string>): CgroupLayout {
  const mounts = (readTextIfExists('/proc/self/mountinfo') ?? '').split('\n');
  const seen = new Set<string>();
  const hierarchies = mounts.flatMap((line) => {
    // id parent major:minor root mountpoint options … - type source super-options
    const [left = '', right = ''] = line.split(' - ');
    const [type, , options = ''] = right.split(' ');
    const [, , , root = '', mountpoint = ''] = left.split(' ');
    if (type !== 'cgroup') return [];
    const names = new Set(options.split(','));
    const row = [...own].find(([controllers]) =>
      controllers.split(',').every((name) => name !== '' && names.has(name)),
    );
    if (row === undefined || seen.has(row[0])) return [];
    seen.add(row[0]);
    const [controllers, path] = row;
    return [{ controllers: controllers.split(','), mountpoint, own: below(root, path) }];
  });
  return hierarchies.length === 0 ? { version: 0 } : { version: 1, hierarchies };
}

/** The mount may show a part of the hierarchy only: paths are then from its root. */
function below(root: string, path: string): string {
  if (root === '/' || !path.startsWith(root)) return path;
  return path.slice(root.length) || '/';
}
