/** Which cgroup hierarchies this host has, and where in them tsrun itself is (cgroups(7)). */
import { unless } from '../linux/call.ts';
import { W_OK } from '../linux/constants/file.ts';
import { access, filesystemType, readTextIfExists } from '../linux/files.ts';
import type { CgroupLayout } from '../plan/context.ts';

const CGROUP2_SUPER_MAGIC = 0x63677270;
const TOP = '/sys/fs/cgroup';

/**
 * Reads the layout of this host: three small files of /proc and /sys. `isWeak` is true for who is not
 * root of the initial user namespace: asks access(2) where a cgroup can be made then.
 */
export function probeCgroupLayout(isWeak: boolean): CgroupLayout {
  const layout = readLayout();
  if (!isWeak || layout.version === 0) return layout;
  if (layout.version === 2) {
    return { ...layout, ...deniedAt(layout, layout.own.slice(0, layout.own.lastIndexOf('/'))) };
  }
  const hierarchies = layout.hierarchies.map((each) => ({ ...each, ...deniedAt(each, each.own) }));
  return { version: 1, hierarchies };
}

const deniedAt = ({ mountpoint }: { readonly mountpoint: string }, path: string) =>
  access(`${mountpoint}${path}`, W_OK) ? {} : { denied: true as const };

function readLayout(): CgroupLayout {
  const own = readTextIfExists('/proc/self/cgroup');
  if (own === undefined) return { version: 0 };
  const type = unless(['ENOENT'], () => filesystemType(TOP));
  if (type === CGROUP2_SUPER_MAGIC) {
    return unifiedLayout(own, readTextIfExists(`${TOP}/cgroup.controllers`) ?? '');
  }
  return legacyLayout(own, readTextIfExists('/proc/self/mountinfo') ?? '');
}

/** v2 alone: `own` is /proc/self/cgroup, `controllers` the root's cgroup.controllers. */
export function unifiedLayout(own: string, controllers: string): CgroupLayout {
  const line = own.split('\n').find((text) => text.startsWith('0::'));
  return {
    version: 2,
    mountpoint: TOP,
    own: line?.slice('0::'.length) ?? '/',
    controllers: controllers.split(/\s+/).filter((name) => name !== ''),
  };
}

/** v1, alone or beside a v2 tree (hybrid), which holds no limits of ours then. */
export function legacyLayout(own: string, mountinfo: string): CgroupLayout {
  const paths = ownPaths(own);
  const seen = new Set<string>();
  const hierarchies = cgroupLines(mountinfo).flatMap((line) => {
    const mount = parseMount(line);
    const controllers = mount.options.filter((name) => paths.has(name) && !seen.has(name));
    const first = controllers[0];
    if (first === undefined) return [];
    for (const name of controllers) seen.add(name);
    const path = withoutRoot(paths.get(first) ?? '/', mount.root);
    return [{ controllers, mountpoint: mount.mountpoint, own: path }];
  });
  return hierarchies.length === 0 ? { version: 0 } : { version: 1, hierarchies };
}

/** `4:memory:/a/b` of /proc/self/cgroup: every controller, and `name=systemd`, to its path. */
function ownPaths(text: string): ReadonlyMap<string, string> {
  const paths = new Map<string, string>();
  for (const line of text.split('\n')) {
    const begin = line.indexOf(':') + 1;
    const end = line.indexOf(':', begin);
    if (end < 0) continue;
    const path = line.slice(end + 1);
    for (const name of line.slice(begin, end).split(',')) if (name !== '') paths.set(name, path);
  }
  return paths;
}

/** Behind the dash is the type; a path has no spaces, which are written in octal. */
const OF_CGROUPS = ' - cgroup ';

/** Most lines are of other file systems. */
function cgroupLines(mountinfo: string): readonly string[] {
  const lines: string[] = [];
  let end = 0;
  for (;;) {
    const found = mountinfo.indexOf(OF_CGROUPS, end);
    if (found < 0) return lines;
    end = mountinfo.indexOf('\n', found);
    if (end < 0) end = mountinfo.length;
    lines.push(mountinfo.slice(mountinfo.lastIndexOf('\n', found) + 1, end));
  }
}

/** `32 31 0:29 /root /mountpoint rw,relatime - cgroup cgroup rw,cpu` (proc_pid_mountinfo(5)). */
function parseMount(line: string) {
  const [before = '', after = ''] = line.split(' - ');
  const [, , options = ''] = after.split(' ');
  const [, , , root = '/', mountpoint = ''] = before.split(' ');
  return {
    root: unescapePath(root),
    mountpoint: unescapePath(mountpoint),
    options: options.split(','),
  };
}

/** The kernel writes blanks, tabs, newlines and backslashes of paths in octal. */
const unescapePath = (path: string): string => (path.includes('\\') ? unescapeOctal(path) : path);

const unescapeOctal = (path: string): string =>
  path.replace(/\\([0-7]{3})/g, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 8)),
  );

/** In a container without a cgroup namespace the mount shows a part of the hierarchy: its own. */
function withoutRoot(path: string, root: string): string {
  if (path.startsWith('/..')) return '/';
  if (root === '/') return path;
  if (path !== root && !path.startsWith(`${root}/`)) return '/';
  return path.slice(root.length) || '/';
}
