/**
 * Each attack that SECURITY.md lists: the defence, how to take it away, and the test that must fail then.
 * `npm run test:defences` tries them all; test/unit/defences.test.ts keeps list, source and page together.
 */

/** A piece of a file, there exactly once, and what stands in its place in the scratch copy. */
export interface Removal {
  readonly file: string;
  readonly from: string;
  readonly to: string;
}

export interface Defence {
  /** Names by which it is known; none for what nobody has been attacked by yet. */
  readonly cves: readonly string[];
  readonly attack: string;
  /** All of the layers that hold it off, where one would be enough. */
  readonly removals: readonly Removal[];
  /** Below test/integration. */
  readonly test: string;
  /** A piece of the test's title. */
  readonly title: string;
  /** It has been seen to fail without the defence. */
  readonly isTried?: true;
}

const ESCAPE = 'attacks/escape.test.ts';
const ROOTFS = 'attacks/rootfs.test.ts';
const WINDOWS = 'attacks/windows.test.ts';

/** Symlinks lead where they say; what the config names is still looked for below the root. */
const FOLLOWED: Removal = {
  file: 'native/resolve.c',
  from: 'open_how(root, path, flags, KERNEL_RESOLVE_IN_ROOT | KERNEL_RESOLVE_NO_MAGICLINKS)',
  to: 'open_how(root, path[0] == 47 && path[1] ? path + 1 : ".", flags, KERNEL_RESOLVE_NO_MAGICLINKS)',
};

export const DEFENCES: readonly Defence[] = [
  {
    cves: ['CVE-2016-9962'],
    attack: 'a container takes a directory of the host out of a process that `exec` makes',
    removals: [
      {
        file: 'src/plan/join.ts',
        from: "    step('outer', '', { call: 'close', fd: 'proc' }),\n",
        to: '',
      },
    ],
    test: ESCAPE,
    title: 'shows a container that may trace it nothing of the host',
    isTried: true,
  },
  {
    cves: ['CVE-2016-9962'],
    attack: 'a container traces a process that `exec` makes, once that has no more capabilities',
    removals: [
      {
        file: 'src/plan/join.ts',
        from: "    step('outer', NAMESPACES_ORIGIN, NOT_DUMPABLE),\n",
        to: '',
      },
    ],
    test: ESCAPE,
    title: 'cannot be looked at by one that may not',
    isTried: true,
  },
  {
    cves: ['CVE-2019-5736'],
    attack: 'a container overwrites the runtime’s program through `/proc/PID/exe` of `exec`',
    removals: [
      {
        file: 'src/linux/descriptors.ts',
        from: '  sys.fcntl(name, fd, F_ADD_SEALS, SEAL_SEAL_SHRINK_GROW_WRITE);\n',
        to: '',
      },
    ],
    test: ESCAPE,
    title: 'is not written by a container that lies in wait for exec',
    isTried: true,
  },
  {
    cves: ['CVE-2019-16884'],
    attack: 'a mount at `/proc/self/attr`, so that labels are written to a file of the image',
    removals: [
      {
        file: 'src/config/mounts/destination.ts',
        from: "  if (destination.startsWith('/proc/') && !ALLOWED_IN_PROC.includes(destination))",
        to: '  if (ALLOWED_IN_PROC.length === 0)',
      },
    ],
    test: ROOTFS,
    title: 'is refused: /proc/self/attr/exec',
    isTried: true,
  },
  {
    cves: ['CVE-2019-16884'],
    attack: 'the same by a symlink of the image',
    removals: [
      {
        file: 'native/target.c',
        from: 'return fs.f_type == KERNEL_PROC_SUPER_MAGIC ? -EPERM : 0;',
        to: 'return 0;',
      },
    ],
    test: ROOTFS,
    title: 'is refused: /alias/self/attr/exec',
    isTried: true,
  },
  {
    cves: ['CVE-2019-19921', 'CVE-2023-27561', 'CVE-2023-28642'],
    attack: '`/proc` or `/sys` of the image is a symlink, so that masks and labels go elsewhere',
    removals: [
      {
        file: 'src/config/mounts/attach.ts',
        from: "(type === 'proc' || type === 'sysfs' ? TARGET_DIRECTORY : 0)",
        to: "(type === 'proc' ? TARGET_DIRECTORY & 0 : 0)",
      },
    ],
    test: ROOTFS,
    title: 'is refused: proc',
    isTried: true,
  },
  {
    cves: ['CVE-2021-30465'],
    attack: 'a mount’s destination becomes a symlink to the host between two system calls',
    removals: [FOLLOWED],
    test: WINDOWS,
    title: 'through a root that changes',
    isTried: true,
  },
  {
    cves: ['CVE-2024-45310'],
    attack: 'directories and files are made on the host, by a symlink on the way to a mount point',
    removals: [
      {
        file: 'native/walk.c',
        from: 'int flags = O_PATH | O_NOFOLLOW | O_CLOEXEC;',
        to: 'int flags = O_PATH | O_CLOEXEC;',
      },
    ],
    test: ROOTFS,
    title: 'lands inside, or nowhere: a directory on the way',
    isTried: true,
  },
  {
    cves: ['CVE-2024-45310'],
    attack: 'the same in a volume, by an exchange of names between two system calls',
    removals: [
      {
        file: 'native/walk.c',
        from: 'int flags = O_PATH | O_NOFOLLOW | O_CLOEXEC;',
        to: 'int flags = O_PATH | O_CLOEXEC;',
      },
    ],
    test: WINDOWS,
    title: 'through a volume that changes',
    isTried: true,
  },
  {
    cves: ['CVE-2022-29162'],
    attack: 'a program gains capabilities by inheritance that the config did not make inheritable',
    removals: [
      {
        file: 'src/config/process/capabilities.ts',
        from: 'const inheritable = maskOf(sets.inheritable, host);',
        to: 'const inheritable = maskOf(sets.permitted, host);',
      },
    ],
    test: ESCAPE,
    title: 'are not inheritable unless the config says so',
    isTried: true,
  },
  {
    cves: ['CVE-2023-25809'],
    attack: 'a container in a user namespace writes to the cgroups above its own',
    removals: [
      {
        file: 'src/config/mounts/cgroup.ts',
        from: 'const flags = options.flags | MS_BIND | MS_REC;',
        to: 'const flags = (options.flags & ~MS_RDONLY) | MS_BIND | MS_REC;',
      },
    ],
    test: ROOTFS,
    title: 'are not writable when they are mounted read-only',
    isTried: true,
  },
  {
    cves: ['CVE-2024-21626'],
    attack: 'what the caller or the runtime has open of the host is the working directory',
    removals: [
      {
        file: 'src/config/process/cwd.ts',
        from: "    : [step('init', ORIGIN, { call: 'check_cwd', path: spec.process.cwd })];",
        to: '    : [];',
      },
    ],
    test: ESCAPE,
    title: 'that the container was given on purpose cannot be the working directory',
    isTried: true,
  },
  {
    cves: ['CVE-2024-21626'],
    attack: 'what the caller has open of the host is open in the container',
    removals: [
      {
        file: 'src/plan/lifecycle.ts',
        from: "  return [step('init', '', { call: 'close_range', first, keep })];",
        to: '  return first < 0 && keep === undefined ? [] : [];',
      },
    ],
    test: ESCAPE,
    title: 'of the program are standard input, output and error',
    isTried: true,
  },
  {
    cves: ['CVE-2025-31133'],
    attack: 'the image’s `/dev/null` is a file, which a mask then shows and makes writable',
    removals: [
      {
        file: 'src/config/linux/maskedPaths.ts',
        from: "    call: 'open_tree',\n    path: '/dev/null',\n    flags: OPEN_TREE_CLONE,\n    out: FILE,",
        to: "    call: 'openat2',\n    root: ROOT,\n    path: '/dev/null',\n    flags: O_PATH,\n    out: FILE,",
      },
      {
        file: 'native/mask.c',
        from: 'if (!S_ISCHR(status.st_mode) || status.st_rdev != makedev(1, 3)) {',
        to: 'if (status.st_rdev == makedev(1, 1)) {',
      },
    ],
    test: ROOTFS,
    title: 'masks with the null device all the same',
    isTried: true,
  },
  {
    cves: ['CVE-2025-31133'],
    attack: 'a file of the image is taken for a device',
    removals: [
      {
        file: 'native/devices.c',
        from: '    if ((status->st_mode & S_IFMT) != (op->mode & S_IFMT))\n        return false;\n    return S_ISFIFO(status->st_mode) || status->st_rdev == (dev_t)op->dev;',
        to: '    return status != NULL && op != NULL;',
      },
    ],
    test: ROOTFS,
    title: 'does not take a file for the null device',
    isTried: true,
  },
  {
    cves: ['CVE-2025-52565'],
    attack: '`/dev/console` is a symlink, over whose target the terminal is mounted',
    removals: [
      {
        file: 'native/console.c',
        from: 'openat(parent, name, O_PATH | O_NOFOLLOW | O_CLOEXEC)',
        to: 'openat(parent, name, O_PATH | O_CLOEXEC)',
      },
    ],
    test: ROOTFS,
    title: 'does not mount the terminal over what the symlink leads to',
    isTried: true,
  },
  {
    cves: ['CVE-2025-52565'],
    attack: '`/dev/pts` is no devpts, and says what is a terminal',
    removals: [
      {
        file: 'native/console.c',
        from: '    if (fs.f_type != KERNEL_DEVPTS_SUPER_MAGIC)\n        return -ENODEV;\n',
        to: '',
      },
      {
        file: 'native/console.c',
        from: ' ||\n        fs.f_type != KERNEL_DEVPTS_SUPER_MAGIC)\n        return -ENODEV;\n    opened',
        to: ')\n        return -ENODEV;\n    opened',
      },
    ],
    test: ROOTFS,
    title: 'takes no terminal from a node of ptmx beside a /dev/pts of another',
    isTried: true,
  },
  {
    cves: ['CVE-2025-52881'],
    attack: 'a file of the image stands where a sysctl is written',
    removals: [
      {
        file: 'src/config/linux/sysctl.ts',
        from: "      dirfd: 'proc',\n      path: `sys/",
        to: '      path: `/proc/sys/',
      },
    ],
    test: ESCAPE,
    title: 'is written to the kernel where the root has planted a symlink',
    isTried: true,
  },
  {
    cves: ['CVE-2026-41579', 'CVE-2026-47766'],
    attack: '`/dev` of the image is a symlink, so that device nodes are made on the host',
    removals: [
      {
        file: 'native/resolve.c',
        from: 'return error < 0 ? error : tsr_make_in_root(root, parent, &directories);',
        to: "(void)directories;\n    return error < 0 ? error : tsr_result(openat(root, parent[0] == '/' ? parent + 1 : parent, O_PATH));",
      },
    ],
    test: ROOTFS,
    title: 'gets its device nodes inside the root or not at all',
    isTried: true,
  },
  {
    cves: ['CVE-2026-30892'],
    attack: '`exec --user` takes another user, root above all, for what it cannot read',
    removals: [
      {
        file: 'src/cli/exec.ts',
        from: '/^(\\d{1,10})(?::(\\d{1,10}))?$/',
        to: '/^(\\d{0,10})(?::(\\d{1,10}))?/',
      },
    ],
    test: 'attacks/hostile.test.ts',
    title: 'is refused when it is no number: "root"',
    isTried: true,
  },
  {
    cves: [],
    attack: 'a container changes the mode of the host’s `/dev/null`, which is its standard input',
    removals: [
      {
        file: 'native/console.c',
        from: '        if (is == 0 || is == -EBADF)\n            continue;',
        to: '        if (is != -EINVAL)\n            continue;',
      },
    ],
    test: ESCAPE,
    title: 'is the container’s own, which it may chmod',
    isTried: true,
  },
  {
    cves: [],
    attack: '`/etc/passwd` of the image is a FIFO, so that the runtime waits without end',
    removals: [
      {
        file: 'native/execute.c',
        from: 'O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;',
        to: 'O_RDONLY | O_CLOEXEC | O_NOCTTY;',
      },
    ],
    test: ROOTFS,
    title: 'that is a FIFO stops nothing',
    isTried: true,
  },
  {
    cves: [],
    attack: 'somebody else on the host starts a container that is created',
    removals: [
      {
        file: 'src/linux/sockets.ts',
        from: '  fchmod(socket, 0o600, path);',
        to: '  fchmod(socket, 0o666, path);',
      },
    ],
    test: ESCAPE,
    title: 'is for the owner of the state directory alone to say',
    isTried: true,
  },
  {
    cves: [],
    attack: 'a volume’s FIFO or socket is opened in place of a mount point, and waited for',
    removals: [
      {
        file: 'native/target.c',
        from: 'int fd = tsr_open_in_root(root, path, O_PATH);',
        to: 'int fd = tsr_open_in_root(root, path, O_RDONLY);',
      },
    ],
    test: 'attacks/hostile.test.ts',
    title: 'that is a mkfifo is mounted over, and not opened',
    isTried: true,
  },
  {
    cves: [],
    attack:
      'a container nests directories so deep that `delete` cannot remove them (`run --overlay`)',
    removals: [
      {
        file: 'src/container/store.ts',
        from: "      enter('..');",
        to: "      if (above.length > 18) throw new RangeError('deep');\n      enter('..');",
      },
    ],
    test: 'attacks/hostile.test.ts',
    title: 'of a container that nests directories deeper than a path is long',
    isTried: true,
  },
  {
    cves: [],
    attack:
      'another user’s symlink stands where a `--pid-file` is written, before it gets its name',
    removals: [
      {
        file: 'src/linux/files.ts',
        from: 'const fd = openNew(temporary, mode, dirfd);',
        to: 'const fd = openat(dirfd, temporary, O_WRONLY | O_CREAT | O_TRUNC, mode);',
      },
    ],
    test: 'attacks/hostile.test.ts',
    title: 'is not written through a symlink that another user has planted',
    isTried: true,
  },
];
