/**
 * The command line as data: every verb, its flags and the words of its help. The parser, the help and
 * the usage errors are made from this one table. Names and meanings are runc's.
 */

/** `bool` is set by its presence or by `=true`, `=false`; the others take a value, a `list` several. */
export type FlagType = 'bool' | 'text' | 'int' | 'list';

export interface Flag {
  readonly name: string;
  /** One letter, without the dash. */
  readonly alias?: string;
  readonly type: FlagType;
  readonly help: string;
  /** What a text flag is when it is not given; shown by the help. */
  readonly default?: string;
}

export interface Command {
  readonly name: string;
  readonly summary: string;
  readonly description?: string;
  /** As the help writes the arguments: `<container-id> [signal]`. */
  readonly usage: string;
  readonly arguments: { readonly min: number; readonly max: number };
  readonly flags: readonly Flag[];
  /** Whatever stands behind the first argument is an argument too: it is another program's flag. */
  readonly flagsFirst?: true;
  /** The exit status when it fails, where that is not 1. */
  readonly failureStatus?: number;
}

const bundle: Flag = {
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

/** What `create` and `run` have in common. */
const CREATION: readonly Flag[] = [
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
];

/** What `exec` is told of the process, and of the way to it. */
const EXECUTION: readonly Flag[] = [
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
const LIMITS: readonly Flag[] = [
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

const ONE_ID = { usage: '<container-id>', arguments: { min: 1, max: 1 } } as const;
const NOTHING = { usage: '', arguments: { min: 0, max: 0 } } as const;

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
  { name: 'help', alias: 'h', type: 'bool', help: 'show help' },
];

/** Every command has it. */
export const HELP_FLAG: Flag = { name: 'help', alias: 'h', type: 'bool', help: 'show help' };

const TABLE = {
  create: {
    ...ONE_ID,
    summary: 'create a container',
    description:
      'Creates a container from a bundle: a directory with a config.json and a root file system. ' +
      'Its process waits for `tsrun start`.',
    flags: CREATION,
  },
  start: {
    ...ONE_ID,
    summary: 'execute the user defined process in a created container',
    flags: [],
  },
  state: { ...ONE_ID, summary: 'output the state of a container', flags: [] },
  kill: {
    usage: '<container-id> [signal]',
    arguments: { min: 1, max: 2 },
    summary: "send a signal (default: SIGTERM) to the container's init process",
    description:
      'The signal is a name with or without SIG, or a number: KILL, SIGKILL, RTMIN+3, 9.',
    flags: [
      {
        name: 'all',
        alias: 'a',
        type: 'bool',
        help: 'send the signal to all processes inside the container',
      },
    ],
  },
  delete: {
    ...ONE_ID,
    summary: 'delete any resources held by a container',
    flags: [
      {
        name: 'force',
        alias: 'f',
        type: 'bool',
        help: 'delete the container even if it still runs (it gets SIGKILL)',
      },
    ],
  },
  run: {
    ...ONE_ID,
    summary: 'create and start a container',
    description:
      "Creates and starts a container, waits for it and exits with its status, or with 128 and the signal's number.",
    flags: [
      ...CREATION,
      { name: 'detach', alias: 'd', type: 'bool', help: "detach from the container's process" },
      { name: 'keep', type: 'bool', help: 'do not delete the container after it exits' },
      {
        name: 'no-subreaper',
        type: 'bool',
        help: 'do not adopt processes the container leaves behind',
      },
    ],
  },
  exec: {
    usage: '<container-id> <command> [argument...]',
    arguments: { min: 1, max: Number.MAX_SAFE_INTEGER },
    flagsFirst: true,
    failureStatus: 255,
    summary: 'execute a new process inside a container',
    description:
      "Runs a command with the properties of the container's own process but for what flags say, or " +
      'the process of a file (--process); waits for it and exits with its status, with 128 and the ' +
      "signal's number, or with 255 when it could not be run.",
    flags: EXECUTION,
  },
  list: {
    ...NOTHING,
    summary: 'list the containers of the given --root',
    flags: [
      {
        name: 'format',
        alias: 'f',
        type: 'text',
        default: 'table',
        help: "select one of: 'table' or 'json'",
      },
      { name: 'quiet', alias: 'q', type: 'bool', help: 'display only container IDs' },
    ],
  },
  ps: {
    usage: '<container-id> [ps options]',
    arguments: { min: 1, max: Number.POSITIVE_INFINITY },
    flagsFirst: true,
    summary: 'display the processes inside a container',
    description:
      "The table is made by ps(1) of the host, which is given the options behind the container's name " +
      '(default: -ef) and must print a column PID.',
    flags: [
      {
        name: 'format',
        alias: 'f',
        type: 'text',
        default: 'table',
        help: "select one of: 'table' or 'json'",
      },
    ],
  },
  pause: {
    ...ONE_ID,
    summary: 'suspend all processes inside the container',
    flags: [],
  },
  resume: {
    ...ONE_ID,
    summary: 'let all processes that were paused go on',
    flags: [],
  },
  events: {
    ...ONE_ID,
    summary: 'display events of a container: out of memory, and what it uses',
    description:
      'Prints a line of JSON each time the container ran out of memory, and at each interval what it ' +
      'uses; ends when the container does.',
    flags: [
      {
        name: 'interval',
        type: 'text',
        default: '5s',
        help: 'time between two lines: 500ms, 1m30s',
      },
      { name: 'stats', type: 'bool', help: 'print what the container uses, once' },
    ],
  },
  update: {
    ...ONE_ID,
    summary: 'change the limits of a container while it runs',
    description:
      'What no flag names stays as it is. --resources takes all of linux.resources as JSON, device rules ' +
      'included, and stands alone.',
    flags: LIMITS,
  },
  spec: {
    ...NOTHING,
    summary: 'create a new specification file',
    description:
      'Writes a config.json to begin with: a shell in a read-only root file system. A file that is ' +
      'there already is left alone.',
    flags: [
      { ...bundle },
      {
        name: 'rootless',
        type: 'bool',
        help: 'generate a configuration for a rootless container',
      },
    ],
  },
  features: { ...NOTHING, summary: 'show what this tsrun supports, as JSON', flags: [] },
  plan: {
    ...NOTHING,
    summary: 'print every native call that creating the container would make',
    description:
      'Prints the plan of `tsrun create`, which is what it performs: one step a line, with the actor ' +
      '(runtime, outer, init), the property of config.json that asked for it, and the call. Needs no ' +
      'privileges and touches nothing.',
    flags: [
      bundle,
      {
        name: 'format',
        alias: 'f',
        type: 'text',
        default: 'text',
        help: "select one of: 'text' or 'json'",
      },
      ...CREATION.filter((flag) => flag.type !== 'text'),
    ],
  },
} as const satisfies { readonly [name: string]: Omit<Command, 'name'> };

export type Verb = keyof typeof TABLE;

export const VERBS = Object.keys(TABLE).filter((name): name is Verb => Object.hasOwn(TABLE, name));

export const commandOf = (verb: Verb): Command => ({ name: verb, ...TABLE[verb] });

/** The verb of this name; undefined when there is none. */
export const findVerb = (name: string): Verb | undefined => VERBS.find((verb) => verb === name);
