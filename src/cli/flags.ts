/** The flags of the command table: names and meanings are runc's where runc has them. */

/**
 * `bool` is set by its presence or by `=true`, `=false`; `optional` may have a value behind `=`; the others
 * take a value, a `list` several.
 */
export type FlagType = 'bool' | 'optional' | 'text' | 'int' | 'list';

export interface Flag {
  readonly name: string;
  /** One letter, without the dash. */
  readonly alias?: string;
  readonly type: FlagType;
  readonly help: string;
  /** What a text flag is when it is not given; shown by the help. */
  readonly default?: string;
  /** With it the verb is carried out by src/explain, which is loaded for that. */
  readonly explains?: true;
}

export const bundle: Flag = {
  name: 'bundle',
  alias: 'b',
  type: 'text',
  help: 'path to the root of the bundle directory, defaults to the current directory',
};

const consoleSocket: Flag = {
  name: 'console-socket',
  type: 'text',
  help: "path to an AF_UNIX socket which receives the master end of the process's terminal",
};

const pidfdSocket: Flag = {
  name: 'pidfd-socket',
  type: 'text',
  help: 'path to an AF_UNIX socket which receives a pidfd of the process (Linux 5.3)',
};

const pidFile: Flag = { name: 'pid-file', type: 'text', help: 'file to write the process id to' };

export const DETACH: Flag = {
  name: 'detach',
  alias: 'd',
  type: 'bool',
  help: "detach from the container's process",
};

export const NO_SUBREAPER: Flag = {
  name: 'no-subreaper',
  type: 'bool',
  help: 'do not adopt processes the container leaves behind',
};

/** `--format`, of two formats or more; the first is the default. */
export const format = (first: string, ...others: readonly string[]): Flag => {
  const names = [first, ...others].map((name) => `'${name}'`);
  const help = `select one of: ${names.slice(0, -1).join(', ')} or ${names.at(-1)}`;
  return { name: 'format', alias: 'f', type: 'text', default: first, help };
};

export const TRACE: Flag = {
  name: 'trace',
  type: 'text',
  explains: true,
  help: 'file to write each step that is performed to, with its time, as lines of JSON',
};

export const KEEP_STATUS: Flag = {
  name: 'keep-status',
  type: 'bool',
  explains: true,
  help: 'let state and wait tell how the container ended, whoever reaps it (Linux 6.15)',
};

export const OVERLAY: Flag = {
  name: 'overlay',
  type: 'optional',
  explains: true,
  help: 'leave the root file system as it is: what is written goes to =DIR, which stays, or with the container (=tmpfs)',
};

/** Of `run` in the foreground: while the container runs, an agent of tsrun's own answers for its filter. */
export const WATCHING: readonly Flag[] = [
  {
    name: 'seccomp-report',
    type: 'text',
    explains: true,
    help: 'file to write the system calls to that linux.seccomp denied, with process and count, as JSON (Linux 5.8)',
  },
  {
    name: 'seccomp-learn',
    type: 'text',
    explains: true,
    help: 'file to write a linux.seccomp to that allows just the system calls that were made (Linux 5.8)',
  },
];

/** What `create` and `run` have in common. */
export const CREATION: readonly Flag[] = [
  bundle,
  consoleSocket,
  pidfdSocket,
  pidFile,
  {
    name: 'no-pivot',
    type: 'bool',
    help: 'do not use pivot_root(2): for a root file system on top of a ramdisk',
  },
  {
    name: 'no-new-keyring',
    type: 'bool',
    help: "keep the caller's session keyring instead of making a new one",
  },
  {
    name: 'preserve-fds',
    type: 'int',
    help: 'pass N additional file descriptors to the container (stdio + $LISTEN_FDS + N in total)',
  },
  TRACE,
  KEEP_STATUS,
  OVERLAY,
];

/** What `exec` is told of the process, and of the way to it. */
export const EXECUTION: readonly Flag[] = [
  consoleSocket,
  pidfdSocket,
  { name: 'cwd', type: 'text', help: 'working directory in the container' },
  { name: 'env', alias: 'e', type: 'list', help: 'set an environment variable: NAME=VALUE' },
  { name: 'tty', alias: 't', type: 'bool', help: 'allocate a terminal' },
  { name: 'user', alias: 'u', type: 'text', help: 'user, and group, in numbers: UID[:GID]' },
  { name: 'additional-gids', alias: 'g', type: 'list', help: 'a further group, as a number' },
  { name: 'process', alias: 'p', type: 'text', help: 'file with the process as JSON' },
  { name: 'detach', alias: 'd', type: 'bool', help: 'do not wait for the process' },
  pidFile,
  { name: 'process-label', type: 'text', help: 'SELinux label of the process' },
  { name: 'apparmor', type: 'text', help: 'AppArmor profile of the process' },
  { name: 'no-new-privs', type: 'bool', help: 'set no_new_privs for the process' },
  {
    name: 'cap',
    alias: 'c',
    type: 'list',
    help: 'add a capability to the bounding, effective and permitted set',
  },
  {
    name: 'preserve-fds',
    type: 'int',
    help: 'pass N additional file descriptors to the process (stdio + N in total)',
  },
  {
    name: 'cgroup',
    type: 'list',
    help: 'run the process in an existing sub-cgroup: [controller[,controller]:]path',
  },
  {
    name: 'ignore-paused',
    type: 'bool',
    help: 'allow a paused container: the process begins when it is resumed',
  },
];

const limit = (name: string, help: string): Flag => ({ name, type: 'text', help });

/** What `update` changes. */
export const LIMITS: readonly Flag[] = [
  {
    name: 'resources',
    alias: 'r',
    type: 'text',
    help: 'file with linux.resources as JSON; - is standard input',
  },
  limit('blkio-weight', 'weight among others for block devices, 10 to 1000'),
  limit('cpu-period', 'CPU period, in microseconds'),
  limit('cpu-quota', 'CPU time in each period, in microseconds'),
  limit('cpu-burst', 'CPU time left over that may be used later, in microseconds'),
  limit('cpu-share', 'weight among others for the CPU'),
  limit('cpu-rt-period', 'CPU period of realtime processes, in microseconds'),
  limit('cpu-rt-runtime', 'CPU time of realtime processes in each period, in microseconds'),
  limit('cpuset-cpus', 'CPUs to use, as 0-3,7'),
  limit('cpuset-mems', 'memory nodes to use'),
  limit('kernel-memory', 'obsolete, ignored'),
  limit('kernel-memory-tcp', 'obsolete, ignored'),
  limit('memory', 'memory, in bytes or with a unit (512m, 1g); -1 is no limit'),
  limit('memory-reservation', 'memory kept when it runs short; as --memory'),
  limit('memory-swap', 'memory and swap together; as --memory'),
  limit('pids-limit', 'processes; -1 is no limit'),
  limit('l3-cache-schema', 'cache of the class of service, as resctrl writes it (Intel RDT)'),
  limit('mem-bw-schema', 'memory bandwidth of the class of service (Intel RDT)'),
  limit('cpu-idle', '1: run only when nothing else does (SCHED_IDLE)'),
];

/** What `checkpoint` and `restore` have in common. */
const CRIU: readonly Flag[] = [
  { name: 'image-path', type: 'text', help: "directory of CRIU's images (default: ./checkpoint)" },
  {
    name: 'work-path',
    type: 'text',
    help: "directory of CRIU's log and statistics (default: that of the images)",
  },
  { name: 'tcp-established', type: 'bool', help: 'allow open TCP connections' },
  { name: 'ext-unix-sk', type: 'bool', help: 'allow UNIX sockets to outside of the container' },
  { name: 'shell-job', type: 'bool', help: "allow a session or terminal of the caller's" },
  { name: 'lazy-pages', type: 'bool', help: 'leave memory where it is until it is asked for' },
  { name: 'file-locks', type: 'bool', help: 'allow file locks' },
  {
    name: 'manage-cgroups-mode',
    type: 'text',
    default: 'soft',
    help: "what CRIU does with cgroups: 'soft', 'full', 'strict' or 'ignore'",
  },
  { name: 'empty-ns', type: 'list', help: 'make a namespace, but leave it empty: network' },
  {
    name: 'network-lock',
    type: 'text',
    help: "how connections are kept still: 'iptables', 'nftables' or 'skip'",
  },
  { name: 'auto-dedup', type: 'bool', help: 'free memory images while they are read' },
  { name: 'link-remap', type: 'bool', help: 'allow open files whose name is gone' },
];

export const CHECKPOINTING: readonly Flag[] = [
  ...CRIU,
  { name: 'leave-running', type: 'bool', help: 'leave the container running' },
  { name: 'parent-path', type: 'text', help: 'images of a pre-dump, relative to --image-path' },
  { name: 'pre-dump', type: 'bool', help: 'dump memory alone, and let the container run on' },
  { name: 'tcp-skip-in-flight', type: 'bool', help: 'ignore connections that are being made' },
  { name: 'page-server', type: 'text', help: 'ADDRESS:PORT of the page server memory goes to' },
  { name: 'status-fd', type: 'int', help: 'descriptor that is told when lazy pages can be had' },
];

export const RESTORING: readonly Flag[] = [
  ...CREATION.filter(({ name }) => name !== 'pidfd-socket' && name !== 'preserve-fds'),
  ...CRIU,
  DETACH,
  NO_SUBREAPER,
  { name: 'tcp-close', type: 'bool', help: 'restore connections closed' },
  {
    name: 'lsm-profile',
    type: 'text',
    help: 'another security profile: apparmor:NAME, selinux:LABEL',
  },
  { name: 'lsm-mount-context', type: 'text', help: 'another SELinux context for mounts' },
];

/** Every command has it. */
export const HELP_FLAG: Flag = { name: 'help', alias: 'h', type: 'bool', help: 'show help' };

export const GLOBAL_FLAGS: readonly Flag[] = [
  { name: 'debug', type: 'bool', help: 'log debug messages too' },
  { name: 'log', type: 'text', help: 'file the log is appended to (default is standard error)' },
  {
    name: 'log-format',
    type: 'text',
    default: 'text',
    help: "format of the log: 'text' or 'json'",
  },
  {
    name: 'root',
    type: 'text',
    help: 'directory of container state, on a tmpfs (default: /run/tsrun, or $XDG_RUNTIME_DIR/tsrun)',
  },
  {
    name: 'systemd-cgroup',
    type: 'bool',
    help: 'let systemd make cgroups; cgroupsPath is then slice:prefix:name',
  },
  {
    name: 'cgroup-manager',
    type: 'text',
    help: "who makes cgroups: 'cgroupfs' (the default), 'systemd' or 'disabled'",
  },
  {
    name: 'systemd-timeout',
    type: 'int',
    default: '30',
    help: 'how many seconds systemd may take over a request',
  },
  {
    name: 'rootless',
    type: 'text',
    default: 'auto',
    help: "ignore cgroup permission errors: 'true', 'false' or 'auto'",
  },
  { name: 'version', alias: 'v', type: 'bool', help: 'print the version' },
  HELP_FLAG,
];
