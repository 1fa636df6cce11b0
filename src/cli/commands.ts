/**
 * The command line as data: every verb, its flags and the words of its help. The parser, the help and
 * the usage errors are made from this one table. Names and meanings are runc's.
 */
import {
  bundle,
  CHECKPOINTING,
  CREATION,
  DETACH,
  EXECUTION,
  type Flag,
  format,
  KEEP_STATUS,
  LIMITS,
  NO_SUBREAPER,
  RESTORING,
  TRACE,
  WATCHING,
} from './flags.ts';

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
  /** Where among the arguments the container's id stands, when not first. */
  readonly idIndex?: number;
  /** The exit status when it fails, where that is not 1. */
  readonly failureStatus?: number;
}

const ONE_ID = { usage: '<container-id>', arguments: { min: 1, max: 1 } } as const;
const NOTHING = { usage: '', arguments: { min: 0, max: 0 } } as const;

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
    flags: [TRACE],
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
      DETACH,
      { name: 'keep', type: 'bool', help: 'do not delete the container after it exits' },
      NO_SUBREAPER,
      ...WATCHING,
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
      format('table', 'json'),
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
    flags: [format('table', 'json')],
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
      bundle,
      {
        name: 'rootless',
        type: 'bool',
        help: 'generate a configuration for a rootless container',
      },
    ],
  },
  features: { ...NOTHING, summary: 'show what this tsrun supports, as JSON', flags: [] },
  check: {
    usage: '[bundle]',
    arguments: { min: 0, max: 1 },
    summary: 'check a config.json: all that is wrong with it, and what this host cannot do',
    description:
      'Prints every problem with file, line and column, the line itself, and what may have been meant. ' +
      'Exits with 1 when one of them is an error. Needs no privileges and touches nothing.',
    flags: [
      bundle,
      format('text', 'json', 'sarif'),
      { name: 'no-host', type: 'bool', help: 'check the config alone, whatever this host can do' },
    ],
  },
  inspect: {
    ...ONE_ID,
    summary: 'show what isolates a container: namespaces, limits, mounts, privileges',
    description:
      'Asks the kernel, not the config: which namespaces it has and with whom it shares them, its limits ' +
      'beside what it uses, its mounts with the property that asked for each, capabilities, seccomp, labels ' +
      'and ids.',
    flags: [format('text', 'json')],
  },
  wait: {
    ...ONE_ID,
    summary: 'wait until the container has ended, and print its exit status',
    description:
      'Prints the exit status, or 128 and the number of the signal. Of a container that has ended already ' +
      'it is known when it was created with --keep-status, or while its parent has not reaped it; of one ' +
      'that still runs, where this kernel tells (Linux 6.15).',
    flags: [format('text', 'json')],
  },
  checkpoint: {
    ...ONE_ID,
    summary: 'write a running container into files',
    description:
      "CRIU writes the container's processes, memory and own file systems into images, from which " +
      '`tsrun restore` makes it again; the container is deleted then, unless it is left running.',
    flags: CHECKPOINTING,
  },
  restore: {
    ...ONE_ID,
    summary: 'make a container from the files of a checkpoint',
    description:
      'The bundle is that of the container, or one like it; its processes go on where they were.',
    flags: RESTORING,
  },
  info: {
    ...NOTHING,
    summary: 'show what this host offers to containers, as JSON',
    description:
      'Kernel, cgroups, namespaces, security modules and the programs that tsrun calls: what a report of ' +
      'a failure needs.',
    flags: [],
  },
  mounts: {
    usage: '<add|remove|list> <container-id> [file]',
    arguments: { min: 2, max: 3 },
    idIndex: 1,
    summary: 'change the mounts of a container while it runs',
    description:
      'The file (- is standard input) is a list of mounts as config.json has them: add makes them in the ' +
      'container, sources being of the host; remove takes away what stands at their destinations; list ' +
      'prints the mounts there are, with the property that asked for each.',
    flags: [],
  },
  plan: {
    usage: '[bundle]',
    arguments: { min: 0, max: 1 },
    summary: 'print every native call that creating the container would make',
    description:
      'Prints the plan of `tsrun create`, which is what it performs: one step a line, with the actor ' +
      '(runtime, outer, init), the property of config.json that asked for it, and the call. Needs no ' +
      'privileges and touches nothing.',
    flags: [
      bundle,
      format('text', 'json', 'html', 'strace'),
      { name: 'strace', type: 'bool', help: 'the same as --format strace' },
      { name: 'why', type: 'text', help: 'only what this property causes: /mounts/3 or mounts[3]' },
      { name: 'diff', type: 'text', help: 'what the bundle changes, compared with this one' },
      { name: 'timing', type: 'text', help: 'draw a file that create --trace has written' },
      ...CREATION.filter((flag) => flag.type !== 'text' && flag !== KEEP_STATUS),
    ],
  },
} as const satisfies { readonly [name: string]: Omit<Command, 'name'> };

export type Verb = keyof typeof TABLE;

/** Of cli/seldomVerbs.ts, which is loaded for them. */
export type SeldomVerb = 'checkpoint' | 'restore' | 'info';

export const isSeldom = (verb: Verb): verb is SeldomVerb =>
  verb === 'checkpoint' || verb === 'restore' || verb === 'info';

export const VERBS = Object.keys(TABLE).filter((name): name is Verb => Object.hasOwn(TABLE, name));

export const commandOf = (verb: Verb): Command => ({ name: verb, ...TABLE[verb] });

/** The verb of this name; undefined when there is none. */
export const findVerb = (name: string): Verb | undefined => VERBS.find((verb) => verb === name);

/** The container's id among a verb's arguments; undefined for a verb that is about no container. */
export function containerIdOf(verb: Verb, args: readonly string[]): string | undefined {
  const { arguments: taken, idIndex = 0 } = commandOf(verb);
  return taken.min === 0 ? undefined : args[idIndex];
}
