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
  readonly systemdCgroup: boolean;
  /** Ignore missing cgroup permissions; undefined: when not root of the initial user namespace. */
  readonly rootless?: boolean;
  /** Told of each thing that is worth a line in the log at level warning. */
  readonly warn: Warn;
}

export interface RunRequest extends CreateRequest {
  readonly detach: boolean;
  /** Leave the stopped container for `delete`. */
  readonly keep: boolean;
  readonly noSubreaper: boolean;
}

export type Warn = (message: string) => void;
