/**
 * The one error type and the text of every message. What stops a command is thrown as a TsrunError;
 * main.ts alone prints it. Engines match the words (go-runc: "does not exist", "container not running",
 * "process already finished"; podman: "executable file not found in $PATH", "permission denied"), so a
 * message is part of the interface. What a failed step says is in wire/blame.ts. Codes and what they mean
 * are in schemas/errors.json.
 */
import type { ErrorCode } from './generated/errorCodes.ts';
import { SystemError } from './linux/call.ts';
import { errnoName, errnoText } from './linux/constants/errno.ts';
import { SIGNALS } from './linux/constants/signals.ts';
import type { ConfigPath, Step } from './plan/step.ts';
import { formatConfigPath } from './spec/configPath.ts';
import type { Problem } from './spec/problem.ts';

/** What an error knows beside its text. */
export interface ErrorFacts {
  /** What main.ts exits with; 1 when absent. */
  readonly exitStatus?: number;
  /** The property of config.json that is to blame. */
  readonly property?: ConfigPath;
  readonly errno?: number;
  /** The operation or system call that failed. */
  readonly call?: string;
  /** The step of the plan that failed, what it added to errno, and the config it came from. */
  readonly failed?: { readonly step: Step; readonly detail: string; readonly config: unknown };
  /** All that is wrong with a config. */
  readonly problems?: readonly Problem[];
  /** What is worth a warning beside the error: lines for the log. */
  readonly warnings?: readonly string[];
  /** The verb whose help a usage error is printed with. */
  readonly verb?: string;
}

/** The one error type. What stops a command is thrown as this; main.ts alone prints it. */
export class TsrunError extends Error {
  override readonly name = 'TsrunError';
  readonly code: ErrorCode;
  readonly facts: ErrorFacts;

  constructor(code: ErrorCode, message: string, facts: ErrorFacts = {}) {
    super(message);
    this.code = code;
    this.facts = facts;
  }
}

/** `ENOENT: no such file or directory`. */
export const formatErrno = (errno: number): string => `${errnoName(errno)}: ${errnoText(errno)}`;

/** A name in a message: quoted, control characters escaped. */
export const quote = (text: string): string => JSON.stringify(text);

/** The command line is wrong; with a verb, its help is printed too. */
export const usage = (message: string, verb?: string): TsrunError =>
  new TsrunError('usage', message, verb === undefined ? {} : { verb });

/** Whatever was thrown, as the error it is: a failed call is `system`, anything else tsrun's own fault. */
export function asTsrunError(thrown: unknown): TsrunError {
  if (thrown instanceof TsrunError) return thrown;
  if (thrown instanceof SystemError) {
    const { call, errno, detail } = thrown;
    const object = detail === '' ? '' : ` ${quote(detail)}`;
    return new TsrunError('system', `${call}${object}: ${formatErrno(errno)}`, { call, errno });
  }
  return internal(thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : String(thrown));
}

/** The rules of linux.seccomp could not be compiled: libseccomp is missing or refuses them. */
export const filterFailed = (reason: string): TsrunError =>
  new TsrunError('security-failed', `linux.seccomp: ${reason}`, { property: '/linux/seccomp' });

/** Something that cannot be, or a broken installation. */
export const internal = (message: string): TsrunError => new TsrunError('internal', message);

export const configMissing = (hostPath: string): TsrunError =>
  new TsrunError('config-missing', `JSON specification file config.json not found: ${hostPath}`);

/**
 * All errors of a config, one a line when there are several; `config-unsupported` when nothing is wrong
 * with it but that tsrun does not carry it out.
 */
export function configInvalid(file: string, problems: readonly Problem[]): TsrunError {
  const errors = problems.filter((problem) => problem.severity === 'error');
  const lines = errors.map((problem) => formatProblem(file, problem));
  const message =
    lines.length === 1
      ? (lines[0] ?? '')
      : `${file}: ${lines.length} problems\n${lines.map((line) => `  ${line}`).join('\n')}`;
  const code = errors.every((problem) => problem.unsupported)
    ? 'config-unsupported'
    : 'config-invalid';
  const warnings = problems
    .filter((problem) => problem.severity === 'warning')
    .map((problem) => formatProblem(file, problem));
  return new TsrunError(code, message, { problems: errors, warnings });
}

/** `config.json:12:7: mounts[3].destination: must be an absolute path (got "data")`. */
export function formatProblem(file: string, problem: Problem): string {
  const known = [
    problem.got === undefined ? '' : `got ${problem.got}`,
    problem.expected === undefined ? '' : `expected ${problem.expected}`,
  ].filter((part) => part !== '');
  const suffix = known.length === 0 ? '' : ` (${known.join(', ')})`;
  const property = problem.path === '' ? '' : `${formatConfigPath(problem.path)}: `;
  const { position } = problem;
  const place = position === undefined ? file : `${file}:${position.line}:${position.column}`;
  return `${place}: ${property}${problem.message}${suffix}`;
}

export const invalidId = (id: string): TsrunError =>
  new TsrunError('id-invalid', `invalid container ID format: ${quote(id)}`);

export const containerExists = (): TsrunError =>
  new TsrunError('container-exists', 'container with given ID already exists');

export const containerMissing = (): TsrunError =>
  new TsrunError('container-missing', 'container does not exist');

/** `delete` of what may be running, for all that can be known. */
export const stateUnreadable = (): TsrunError =>
  new TsrunError('container-state', 'its state.json cannot be read: delete --force removes it');

/** `start` that is to tell when the container is ready, of one that was not given a socket to say so. */
export const createdUnnotified = (): TsrunError =>
  new TsrunError('container-state', 'NOTIFY_SOCKET is set, and was not when it was created');

export const containerNotRunning = (): TsrunError =>
  new TsrunError('container-state', 'container not running');

/** `update` of cache or memory bandwidth for a container that was created without linux.intelRdt. */
export const intelRdtMissing = (): TsrunError =>
  new TsrunError('container-state', 'container has no class of service of Intel RDT to update');

/** In runc's words, with the directory. */
export const cgroupNotEmpty = (directory: string, count: number): TsrunError =>
  new TsrunError(
    'container-state',
    `container's cgroup is not empty: ${count} process(es) found in ${directory}`,
  );

export const cgroupFrozen = (directory: string): TsrunError =>
  new TsrunError('container-state', `container's cgroup unexpectedly frozen: ${directory}`);

/** `events`, in runc's words. */
export const eventsNotRunning = (id: string): TsrunError =>
  new TsrunError('container-state', `container with id ${id} is not running`);

export const containerNotPaused = (): TsrunError =>
  new TsrunError('container-state', 'container not paused');

/** `pause` of a container whose cgroup cannot be frozen. */
export const freezerMissing = (): TsrunError =>
  new TsrunError(
    'container-state',
    'container has no cgroup with a freezer: it takes cgroup v2, or the controller freezer of v1',
  );

/** A flag whose value is no number, or no size. */
export const invalidValue = (flag: string, value: string): TsrunError =>
  usage(`invalid value for ${flag}: ${quote(value)}`);

/** `ps`: the program of this name failed, or printed no table. */
export const psFailed = (reason: string): TsrunError => new TsrunError('system', `ps: ${reason}`);

export const cannotDelete = (id: string, status: string): TsrunError =>
  new TsrunError('container-state', `cannot delete container ${id} that is not stopped: ${status}`);

/** `start` of a container that is not `created`. */
export const cannotStart = (status: string): TsrunError =>
  new TsrunError(
    'container-state',
    status === 'stopped'
      ? 'cannot start a container that has stopped'
      : 'cannot start an already running container',
  );

/** `exec` into a container that has no process to join, or whose processes are stopped. */
export const cannotExec = (status: string): TsrunError =>
  new TsrunError(
    'container-state',
    status === 'paused'
      ? 'cannot exec in a paused container (use --ignore-paused to override)'
      : `cannot exec in a ${status} container`,
  );

/** `exec` of a container's id and nothing to run in it. */
export const processArgsEmpty = (): TsrunError => usage('process args cannot be empty', 'exec');

export const invalidUser = (text: string): TsrunError =>
  usage(`invalid value ${quote(text)} for flag -user: must be UID or UID:GID, in numbers`);

export const invalidGid = (text: string): TsrunError =>
  usage(`invalid value ${quote(text)} for flag -additional-gids: must be a positive number`);

export const invalidSubgroup = (text: string, why: string): TsrunError =>
  usage(`invalid --cgroup argument: ${text}: ${why}`);

/** A flag beside --process that says what the process file says. */
export const flagUseless = (flag: string): string =>
  `--${flag} is ignored: --process says what the process is`;

/** `spec` overwrites nothing. */
export const fileExists = (name: string): TsrunError =>
  new TsrunError('system', `File ${name} exists. Remove it first`);

/** A warning of `list`, in runc's words. */
export const unreadableContainer = (id: string): string =>
  `load container ${id}: its state cannot be read`;

export const invalidSignal = (text: string): TsrunError =>
  new TsrunError('usage', `unknown signal ${quote(text)}`);

/**
 * The executor ended without a word: one that makes an init is killed by the kernel when the memory limit
 * is too low.
 * `where` is the last step it was heard of at.
 */
export function executorEnded(
  ending: { readonly status: number } | { readonly signal: number } | undefined,
  makesInit: boolean,
  where?: string,
): TsrunError {
  const place = where === undefined ? '' : `, last heard of at ${where}`;
  if (ending === undefined) return internal(`executor: ended${place}`);
  if ('status' in ending) return internal(`executor: ended with status ${ending.status}${place}`);
  return ending.signal === SIGNALS.SIGKILL && makesInit
    ? new TsrunError('memory-limit', `container init was killed (memory limit too low?)${place}`)
    : internal(`executor: ended by signal ${ending.signal}${place}`);
}

/** A terminal is asked for, and nobody would hold its master. */
export const consoleSocketNeeded = (): TsrunError =>
  usage('cannot allocate tty if tsrun will detach without setting console socket');

export const consoleSocketUseless = (): TsrunError =>
  usage('cannot use console socket if tsrun will not detach or allocate tty');

export const preservedFdMissing = (fd: number): TsrunError =>
  usage(`cannot preserve descriptor ${fd}: it is not open`);

/** SIGKILL was sent, and the process sits in the kernel. */
export const stillAlive = (pid: number): TsrunError =>
  new TsrunError('container-state', `process ${pid} of the container does not end`);

/** `wait` for a container that ended before, or on a kernel that tells its parent alone. */
export const statusUnknown = (): TsrunError =>
  new TsrunError(
    'status-unknown',
    'how the container ended is not known: it was reaped, and not created with --keep-status (Linux 6.15)',
  );

/** `create --keep-status` where the kernel has no such thing. */
export const statusNotKept = (reason: string): TsrunError =>
  new TsrunError('system', `--keep-status takes Linux 6.15 and the right to mount: ${reason}`);

/** `mounts add` and `mounts remove` of a container that cannot have other mounts. */
export const mountsFixed = (reason: string): TsrunError =>
  new TsrunError('container-state', `the mounts of the container cannot be changed: ${reason}`);
