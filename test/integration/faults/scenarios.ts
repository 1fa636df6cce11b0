/** The verbs whose system calls are made to fail: what there must be before, and what after a success. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { addNamespace, addUserNamespace, type Config } from '../config.ts';
import { type Containers, cgroupsOf } from '../runtime.ts';
import type { Point } from './injector.ts';

export interface Scenario {
  readonly verb: string;
  readonly args: (id: string) => readonly string[];
  /** Brings the container to where the verb begins; returns a process to trace beside it. */
  readonly prepare: (id: string) => number | undefined;
  /** What is not as it must be although the verb has succeeded. */
  readonly wrong: (id: string, stdout: string) => string | undefined;
  /** After a failure nothing may be left, before any `delete`. */
  readonly undoes: boolean;
}

export const scenariosOf = (t: Containers, bundle: string): readonly Scenario[] => {
  const must = (...args: string[]) => {
    const { status, stderr } = t.call(args);
    if (status !== 0) throw new Error(`${args.join(' ')}: ${stderr}`);
  };
  const isRunning = (id: string) =>
    t.state(id).status === 'running' ? undefined : `the container is ${t.state(id).status}`;
  return [
    {
      verb: 'create',
      args: (id) => ['create', '--pid-file', pidFileOf(t, id), '--bundle', bundle, id],
      prepare: () => undefined,
      wrong: (id) => {
        const { status, stderr } = t.call(['start', id]);
        return status === 0 ? isRunning(id) : `cannot be started: ${stderr}`;
      },
      undoes: true,
    },
    {
      verb: 'start',
      args: (id) => ['start', id],
      prepare: (id) => {
        must('create', '--bundle', bundle, id);
        return t.state(id).pid;
      },
      wrong: isRunning,
      undoes: false,
    },
    {
      verb: 'exec',
      args: (id) => ['exec', id, 'echo', 'said'],
      prepare: (id) => {
        must('run', '--detach', '--bundle', bundle, id);
        return undefined;
      },
      wrong: (id, stdout) => (stdout === 'said\n' ? isRunning(id) : `it wrote ${stdout}`),
      undoes: false,
    },
    {
      verb: 'delete',
      args: (id) => ['delete', '--force', id],
      prepare: (id) => {
        must('run', '--detach', '--bundle', bundle, id);
        return undefined;
      },
      wrong: () => undefined,
      undoes: false,
    },
  ];
};

/** A config that most kinds of steps come from. */
export const manySteps = (source: string) => (config: Config) => {
  config.process.args = ['sleep', '1000'];
  config.process.rlimits = [{ type: 'RLIMIT_NOFILE', soft: 512, hard: 1024 }];
  config.process.oomScoreAdj = 500;
  config.process.user = { uid: 1000, gid: 1000, additionalGids: [5] };
  config.mounts.push({ destination: '/mnt', source, options: ['rbind', 'ro', 'nosuid'] });
  addUserNamespace(config);
  addNamespace(config, 'cgroup');
  config.linux = {
    ...config.linux,
    resources: { memory: { limit: 67_108_864 }, pids: { limit: 20 } },
    maskedPaths: ['/proc/kcore', '/proc/acpi'],
    readonlyPaths: ['/proc/sys'],
    sysctl: { 'net.ipv4.ip_forward': '1' },
    seccomp: {
      defaultAction: 'SCMP_ACT_ALLOW',
      syscalls: [{ names: ['kexec_load'], action: 'SCMP_ACT_ERRNO' }],
    },
  };
  const hook = { path: '/bin/true' };
  config.hooks = {
    createRuntime: [hook],
    createContainer: [hook],
    startContainer: [hook],
    poststart: [hook],
    poststop: [hook],
  };
};

const pidFileOf = (t: Containers, id: string) => join(t.directory, `${id}.pid`);

/** What there still is of a container. */
export const remains = (t: Containers, id: string): readonly string[] => [
  ...cgroupsOf(id).map((path) => `cgroup ${path}`),
  ...(existsSync(join(t.stateRoot, id)) ? ['its state directory'] : []),
  ...readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .filter((line) => line.includes(t.directory))
    .map((line) => `mount ${line}`),
];

/** The pid file and its temporary one: the caller's, but not after a `create` that has failed. */
export const pidFilesOf = (t: Containers, id: string): readonly string[] =>
  readdirSync(t.directory).filter((name) => name.includes(`${id}.pid`));

/** Who makes a call. Undefined for a program that is not tsrun's: the container's, a hook's. */
export function roleOf({ process, parent, program }: Point, verb: string): string | undefined {
  if (process === 0) return program === 'tsrun' ? 'tsrun' : 'supervisor';
  const isExecutor = program.startsWith('memfd:');
  if (verb === 'start' && process === 1) return isExecutor ? 'init' : undefined;
  if (program === 'tsrun') return 'spawned';
  if (!isExecutor) return undefined;
  const isFirst = verb === 'create' || verb === 'exec';
  if (isFirst && process === 1) return 'executor';
  if (isFirst && parent === 1 && process === 2) return 'init';
  return parent === 0 ? 'hook executor' : 'hook';
}
