/** What planner tests plan for: the smallest spec, a usual host, a usual create. */
import type { Spec } from '../../src/generated/spec.ts';
import type { CreateOptions, HostFacts, PlanContext } from '../../src/plan/context.ts';
import type { Op, Step } from '../../src/plan/step.ts';

export const HOST: HostFacts = {
  euid: 0,
  egid: 0,
  machine: 'x86_64',
  lastCap: 40,
  cgroup: {
    version: 2,
    mountpoint: '/sys/fs/cgroup',
    own: '/',
    controllers: ['cpuset', 'cpu', 'io', 'memory', 'pids'],
  },
  kernel: { mountApi: true, mountSetattr: true, cloneIntoCgroup: true, setnsPidfd: true },
  lsm: { apparmor: false, selinux: false },
  inUserNamespace: false,
  idmapTools: {},
};

/** The same host seen by user 1000. */
export const ROOTLESS: HostFacts = { ...HOST, euid: 1000, egid: 1000 };

export const OPTIONS: CreateOptions = {
  id: 'web',
  bundle: '/bundle',
  rootfs: '/bundle/rootfs',
  stateDirectory: '/run/tsrun/web',
  noPivot: false,
  noNewKeyring: false,
  preserveFds: 0,
  listenFds: 0,
  foreground: false,
  systemdCgroup: false,
  rootless: false,
};

export const PROCESS: NonNullable<Spec['process']> = { cwd: '/', args: ['sh'] };

/** A whole spec from the properties a test is about. */
export const specOf = (spec: Partial<Spec>): Spec => ({
  ociVersion: '1.3.0',
  root: { path: 'rootfs' },
  process: PROCESS,
  ...spec,
});

export const specOfProcess = (process: Partial<NonNullable<Spec['process']>>): Spec =>
  specOf({ process: { ...PROCESS, ...process } });

export const specOfLinux = (linux: NonNullable<Spec['linux']>): Spec => specOf({ linux });

export const contextOf = (
  spec: Spec,
  facts: { host?: Partial<HostFacts>; options?: Partial<CreateOptions> } = {},
): PlanContext => ({
  spec,
  host: { ...HOST, ...facts.host },
  options: { ...OPTIONS, ...facts.options },
});

export const opsOf = (steps: readonly Step[]): readonly Op[] => steps.map(({ op }) => op);

/** `outer chdir /root/path`: who does what for whom, where the arguments are not the point. */
export const outline = (steps: readonly Step[]): readonly string[] =>
  steps.map(({ actor, op, origin }) => `${actor} ${op.call} ${origin}`);
