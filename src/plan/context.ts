/** What a planner may look at. Planners are pure: everything they know of the machine stands here. */
import type { Spec } from '../generated/spec.ts';

export interface PlanContext {
  readonly spec: Spec;
  readonly host: HostFacts;
  readonly options: CreateOptions;
}

/** Facts of the host, probed once (src/container/probe.ts) or fixed (golden plans). */
export interface HostFacts {
  readonly euid: number;
  readonly egid: number;
  readonly machine: 'x86_64' | 'aarch64';
  /** The highest capability number the kernel knows. */
  readonly lastCap: number;
  readonly cgroup: CgroupLayout;
  readonly kernel: {
    /** fsopen, fsconfig, fsmount, open_tree, move_mount (5.2). */
    readonly mountApi: boolean;
    /** mount_setattr (5.12). */
    readonly mountSetattr: boolean;
    /** clone3 with CLONE_INTO_CGROUP (5.7). */
    readonly cloneIntoCgroup: boolean;
    /** setns with a pidfd joins several namespaces at once (5.8). */
    readonly setnsPidfd: boolean;
  };
  /** The resctrl file system, looked for when linux.intelRdt asks; absent: it is not mounted. */
  readonly resctrl?: {
    readonly mountpoint: string;
    /** The classes of service there are. */
    readonly groups: readonly string[];
  };
  readonly lsm: { readonly apparmor: boolean; readonly selinux: boolean };
  /** The mount namespace the config joins by path is the one tsrun itself is in. */
  readonly joinsOwnMountNamespace?: true;
  /** A container without a mount namespace would have its mounts over the host's root directory. */
  readonly mountsOnRoot?: true;
  /** tsrun runs in a user namespace other than the initial one. */
  readonly inUserNamespace: boolean;
  /** Absolute paths of newuidmap and newgidmap where they are installed. */
  readonly idmapTools: { readonly newuidmap?: string; readonly newgidmap?: string };
}

export type CgroupLayout =
  | {
      readonly version: 2;
      readonly mountpoint: string;
      /** The cgroup of tsrun itself, e.g. `/user.slice/x.scope`. */
      readonly own: string;
      readonly controllers: readonly string[];
      /** tsrun may not make a cgroup beside its own. */
      readonly denied?: true;
    }
  | {
      readonly version: 1;
      readonly hierarchies: readonly {
        /** `['cpu', 'cpuacct']`, or `['name=systemd']`. */
        readonly controllers: readonly string[];
        readonly mountpoint: string;
        readonly own: string;
        /** tsrun may not make a cgroup below its own. */
        readonly denied?: true;
      }[];
    }
  /** No cgroup file system is mounted, or `--cgroup-manager disabled`. */
  | { readonly version: 0 };

/** What the command line and the bundle's place say. All paths are absolute host paths. */
export interface CreateOptions {
  readonly id: string;
  readonly bundle: string;
  readonly rootfs: string;
  /** The container's state directory, `<root>/<id>`. */
  readonly stateDirectory: string;
  readonly noPivot: boolean;
  readonly noNewKeyring: boolean;
  /** Descriptors from 3 up that the container inherits (--preserve-fds plus LISTEN_FDS). */
  readonly preserveFds: number;
  /** Of these, how many socket activation gave: LISTEN_FDS and LISTEN_PID=1 are set. */
  readonly listenFds: number;
  /** Their names as the service manager gave them: LISTEN_FDNAMES, sd_listen_fds(3). */
  readonly listenFdNames?: string;
  /** NOTIFY_SOCKET is set: the container is given a socket of its own, sd_notify(3). */
  readonly notify?: true;
  readonly consoleSocket?: string;
  readonly pidfdSocket?: string;
  readonly pidFile?: string;
  /** Foreground run: the master of a terminal goes to the runtime, for the supervisor. */
  readonly foreground: boolean;
  /** `run`: init goes on to its execve by itself, and nobody is to `start` it. */
  readonly goesOn?: true;
  readonly systemdCgroup: boolean;
  /** How long systemd may take over a request; 30 s when absent. */
  readonly systemdTimeoutMs?: number;
  /** Ignore missing cgroup permissions. */
  readonly rootless: boolean;
  /** Mounts are added to a container that runs: it is entered, and cannot see the host any more. */
  readonly intoContainer?: true;
  /** --seccomp-report, --seccomp-learn: the filter's listener goes to an agent of tsrun's own. */
  readonly watchSeccomp?: SeccompWatch;
  /** --overlay: the directory that holds what the container writes, instead of the rootfs. */
  readonly overlay?: string;
}

export interface SeccompWatch {
  /** The socket the agent listens on. */
  readonly agent: string;
  /** Every call is the agent's to decide, also without linux.seccomp; else those the profile denies. */
  readonly everything: boolean;
  /** SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV is known: signals do not make a call be asked about twice (5.19). */
  readonly killable: boolean;
}

/** What plans a process that joins a container: `spec` is the container's, with the new process in it. */
export interface ExecContext extends PlanContext {
  readonly container: JoinedContainer;
}

/** The container as its state record and the machine say. */
export interface JoinedContainer {
  /** Of its init, as tsrun sees it. */
  readonly pid: number;
  /** When init began: clock ticks since boot, which with the pid name it for ever. */
  readonly startTime: number;
  /** The cgroup directories the process is to be in, one a hierarchy. */
  readonly cgroups: readonly string[];
  /** The systemd unit whose cgroup, this directory, is the container's. */
  readonly unit?: {
    readonly name: string;
    readonly bus: 'system' | 'user';
    readonly timeoutMs: number;
    readonly directory: string;
  };
  /** It joined tsrun's own user namespace, which setns(2) refuses to join again. */
  readonly sharesUserNamespace: boolean;
}
