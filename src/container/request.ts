import type { SeccompFilter } from '../linux/constants/seccomp.ts';
import type { Fd } from '../linux/files.ts';
import type { SeccompWatch } from '../plan/context.ts';
import type { Plan } from '../plan/step.ts';
import type { Tracer } from './execute.ts';
import type { Slots } from './perform.ts';

/** What the verbs that make a container are asked. All paths are absolute host paths. */
export interface CreateRequest {
  /** The state root, without a slash at its end. */
  readonly root: string;
  readonly id: string;
  readonly bundle: string;
  readonly consoleSocket?: string;
  readonly pidfdSocket?: string;
  readonly pidFile?: string;
  readonly noPivot: boolean;
  readonly noNewKeyring: boolean;
  /** --preserve-fds: descriptors from 3 up, behind those of socket activation. */
  readonly preserveFds: number;
  readonly cgroupManager: CgroupManager;
  /** How long systemd may take over a request. */
  readonly systemdTimeoutMs: number;
  /** Ignore missing cgroup permissions; undefined: when not root of the initial user namespace. */
  readonly rootless?: boolean;
  /** Told of each thing that is worth a line in the log at level warning. */
  readonly warn: Warn;
  /** --overlay: where what the container writes goes; empty: into its state directory. */
  readonly overlay?: string;
  /** --seccomp-report, --seccomp-learn of `run`. */
  readonly watchSeccomp?: WatchedSeccomp;
  /** Traces a plan that is performed. */
  readonly trace?: Trace;
}

/** What linux.seccomp becomes: its listener goes to an agent that is started when it is compiled. */
export interface WatchedSeccomp extends Omit<SeccompWatch, 'agent'> {
  /** The program that takes the place of a filter's; `socket` is where the agent is to listen. */
  readonly compile: (filter: SeccompFilter, socket: string) => Uint8Array;
}

export type Trace = (plan: Plan) => Tracer;

/** Who makes cgroups: tsrun by itself, systemd, nobody. */
export type CgroupManager = 'cgroupfs' | 'systemd' | 'disabled';

export interface RunRequest extends CreateRequest {
  readonly detach: boolean;
  /** Leave the stopped container for `delete`. */
  readonly keep: boolean;
  readonly noSubreaper: boolean;
  /** Is told when the container is there and has not been started. */
  readonly created?: (slots: Slots) => void;
  /** The socket of a seccomp agent that the supervisor is to ask for its report. */
  readonly agent?: () => Fd | undefined;
  /** Is told when the program runs, before this process makes way for the supervisor. */
  readonly started?: () => void;
}

/** What `exec` is asked. All paths are absolute host paths. */
export interface ExecRequest {
  readonly root: string;
  readonly id: string;
  readonly process: ProcessFile | ProcessFlags;
  readonly detach: boolean;
  readonly consoleSocket?: string;
  readonly pidfdSocket?: string;
  readonly pidFile?: string;
  readonly preserveFds: number;
  /** --cgroup, each as given: `[controller[,controller]:]path`. */
  readonly subgroups: readonly string[];
  readonly ignorePaused: boolean;
  readonly rootless?: boolean;
  readonly warn: Warn;
}

/** --process: a file that holds all of it. */
export interface ProcessFile {
  readonly file: string;
}

/** The container's own process, but for these. */
export interface ProcessFlags {
  readonly args: readonly string[];
  readonly terminal: boolean;
  /** Behind the variables the container's process has. */
  readonly env: readonly string[];
  readonly cwd?: string;
  readonly user?: { readonly uid: number; readonly gid?: number };
  readonly additionalGids: readonly number[];
  /** Behind the capabilities the container's process has. */
  readonly capabilities: readonly string[];
  readonly noNewPrivileges?: boolean;
  readonly apparmorProfile?: string;
  readonly selinuxLabel?: string;
}

export type Warn = (message: string) => void;
