/** Calls on processes: spawn, wait, signals, limits, and what /proc says of one. */
import { engine } from '../engine/current.ts';
import { libc, SystemError, throwing, unless } from './call.ts';
import { X_OK } from './constants/file.ts';
import { PR_SET_CHILD_SUBREAPER } from './constants/process.ts';
import { access, type Fd, readTextIfExists } from './files.ts';
import { LITTLE_ENDIAN, stringArray, viewOf } from './memory.ts';

/** A process id as this process sees it. */
export type Pid = number;

const sys = {
  waitpid: throwing('waitpid', 'i:ipi'),
  syscall: throwing('syscall', 'l:iiii'),
  kill: throwing('kill', 'i:ii'),
  prlimit: throwing('prlimit', 'i:iipp'),
  prctl: throwing('prctl', 'i:iiiii'),
  sigprocmask: throwing('sigprocmask', 'i:ipp'),
  execve: throwing('execve', 'i:spp'),
};

// posix_spawn(3) and its kin return the error instead of setting errno.
const spawning = {
  posix_spawn: libc('posix_spawn', 'i:pspppp'),
  actionsInit: libc('posix_spawn_file_actions_init', 'i:p'),
  actionsAddDup2: libc('posix_spawn_file_actions_adddup2', 'i:pii'),
  actionsDestroy: libc('posix_spawn_file_actions_destroy', 'i:p'),
  attributesInit: libc('posix_spawnattr_init', 'i:p'),
  attributesSetFlags: libc('posix_spawnattr_setflags', 'i:pi'),
  attributesSetMask: libc('posix_spawnattr_setsigmask', 'i:pp'),
  attributesSetDefault: libc('posix_spawnattr_setsigdefault', 'i:pp'),
};

const identity = {
  setsid: libc('setsid', 'i:'),
  getpid: libc('getpid', 'i:'),
  geteuid: libc('geteuid', 'i:'),
  getegid: libc('getegid', 'i:'),
};

/** Leaves the session and its terminal: their signals are for others. */
export const leaveSession = (): void => {
  identity.setsid();
};

export const getpid = (): Pid => identity.getpid();
export const geteuid = (): number => identity.geteuid() >>> 0;
export const getegid = (): number => identity.getegid() >>> 0;

const POSIX_SPAWN_SETSIGDEF = 0x4;
const POSIX_SPAWN_SETSIGMASK = 0x8;
/** Room for the C library's opaque structures (glibc: 80 and 336 bytes) and for a sigset_t (128). */
const OPAQUE_BYTES = 512;
const SIGSET_BYTES = 128;

export interface Spawn {
  /** The program: a path, `/proc/self/fd/N` for one that is open. */
  readonly path: string;
  readonly args: readonly string[];
  readonly env: readonly string[];
  /** Descriptors the new process keeps, each under its own number. */
  readonly keep: readonly Fd[];
  /** What is to be its standard output and standard error, where these are not kept. */
  readonly output?: Fd;
}

/** Starts a process with no signal blocked or ignored; SystemError when it cannot. */
export function spawn(command: Spawn): Pid {
  const actions = new Uint8Array(OPAQUE_BYTES);
  const attributes = new Uint8Array(OPAQUE_BYTES);
  const every = new Uint8Array(SIGSET_BYTES).fill(0xff);
  const pid = new Uint8Array(4);
  succeed('posix_spawn_file_actions_init', spawning.actionsInit(actions));
  succeed('posix_spawnattr_init', spawning.attributesInit(attributes));
  spawning.attributesSetFlags(attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  spawning.attributesSetMask(attributes, new Uint8Array(SIGSET_BYTES));
  spawning.attributesSetDefault(attributes, every);
  // A dup2 onto itself clears close-on-exec, which Node sets on all it inherits, 0 to 2 as well.
  for (const fd of command.keep) {
    succeed('posix_spawn_file_actions_adddup2', spawning.actionsAddDup2(actions, fd, fd));
  }
  for (const fd of command.output === undefined ? [] : [1, 2]) {
    const added = spawning.actionsAddDup2(actions, command.output ?? fd, fd);
    succeed('posix_spawn_file_actions_adddup2', added);
  }
  const args = stringArray(command.args);
  const env = stringArray(command.env);
  const error = spawning.posix_spawn(pid, command.path, actions, attributes, args, env);
  spawning.actionsDestroy(actions);
  succeed('posix_spawn', error, command.path);
  return viewOf(pid).getInt32(0, LITTLE_ENDIAN);
}

function succeed(call: string, error: number, detail = ''): void {
  if (error !== 0) throw new SystemError(call, error, detail);
}

/** How a process ended: its exit status, or the signal that killed it. */
export type Ending = { readonly status: number } | { readonly signal: number };

/** Waits for a child to end; undefined when it is none of this process (ECHILD). */
export function waitFor(pid: Pid): Ending | undefined {
  const buffer = new Uint8Array(4);
  if (unless(['ECHILD'], () => sys.waitpid(`${pid}`, pid, buffer, 0)) === undefined) {
    return undefined;
  }
  const word = viewOf(buffer).getInt32(0, LITTLE_ENDIAN);
  const signal = word & 0x7f;
  return signal === 0 ? { status: (word >> 8) & 0xff } : { signal };
}

/** kill(2). False when there is no such process. */
export const kill = (pid: Pid, signal: number): boolean =>
  unless(['ESRCH'], () => sys.kill(`${pid}`, pid, signal)) !== undefined;

// x86-64 and arm64; musl has no function for it.
const SYS_tgkill = { x86_64: 234, aarch64: 131 };

/** Sends a signal to one thread. False when there is none of this number in the process. */
export const killThread = (process: Pid, thread: Pid, signal: number): boolean =>
  unless(['ESRCH'], () =>
    sys.syscall(`${thread}`, SYS_tgkill[engine().machine], process, thread, signal),
  ) !== undefined;

/** prlimit(2); pid 0 is the caller. Limits are u64, 2^64-1 is none. */
export function prlimit(pid: Pid, resource: number, soft: bigint, hard: bigint): void {
  const limit = new Uint8Array(16);
  const view = viewOf(limit);
  view.setBigUint64(0, soft, LITTLE_ENDIAN);
  view.setBigUint64(8, hard, LITTLE_ENDIAN);
  sys.prlimit(`${pid}`, pid, resource, limit, null);
}

/** Orphans among the descendants of this process become its children (prctl(2)). */
export const becomeSubreaper = (): void => {
  sys.prctl('PR_SET_CHILD_SUBREAPER', PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
};

const SIG_BLOCK = 0;

/** Blocks every signal that can be; what arrives stays pending, also across execve(2). */
export const blockSignals = (): void => {
  sys.sigprocmask('SIG_BLOCK', SIG_BLOCK, new Uint8Array(SIGSET_BYTES).fill(0xff), null);
  engine().keepSignals();
};

/** Replaces this process; returns only by throwing. */
export function execve(path: string, args: readonly string[], env: readonly string[]): never {
  sys.execve(path, path, stringArray(args), stringArray(env));
  throw new SystemError('execve', 0, path);
}

export interface ProcessFacts {
  readonly comm: string;
  /** `R`, `S`, `Z`, …; proc_pid_stat(5). */
  readonly state: string;
  /** Clock ticks since boot: with the pid, the identity of a process. */
  readonly startTime: number;
}

/** What /proc/PID/stat says; undefined when there is no such process. */
export function readProcess(pid: Pid): ProcessFacts | undefined {
  const text = readTextIfExists(`/proc/${pid}/stat`);
  return text === undefined ? undefined : parseStat(text);
}

/** The text of a process's `stat`. */
export function parseStat(text: string): ProcessFacts {
  // The name may hold spaces and parentheses: the last `)` ends it.
  const end = text.lastIndexOf(')');
  const fields = text.slice(end + 2).split(' ');
  return {
    comm: text.slice(text.indexOf('(') + 1, end),
    state: fields[0] ?? '',
    startTime: Number(fields[19]),
  };
}

/** The environment of this process as a value: `undefined` when the variable is not set. */
export function getenv(name: string): string | undefined {
  const prefix = `${name}=`;
  for (const entry of engine().environ) {
    if (entry.startsWith(prefix)) return entry.slice(prefix.length);
  }
  return undefined;
}

/** The absolute path of a program of PATH; undefined when none can be executed. */
export const findProgram = (name: string): string | undefined =>
  (getenv('PATH') ?? '')
    .split(':')
    .filter((directory) => directory.startsWith('/'))
    .map((directory) => `${directory}/${name}`)
    .find((path) => access(path, X_OK));
