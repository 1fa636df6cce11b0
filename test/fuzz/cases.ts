/**
 * One case each of what is fuzzed: a text, and what is wrong about how it was taken. Nothing may be thrown
 * but the errors meant for people, each of which names a place; what is taken must plan and encode.
 */

import { checkHost } from '../../src/config/hostChecks.ts';
import { parseRecord } from '../../src/container/record.ts';
import { setEngine } from '../../src/engine/current.ts';
import { nodeEngine } from '../../src/engine/node.ts';
import { TsrunError } from '../../src/errors.ts';
import type { Spec } from '../../src/generated/spec.ts';
import { buildPlan } from '../../src/plan/build.ts';
import type { CreateOptions, HostFacts } from '../../src/plan/context.ts';
import { CREATE, EXEC } from '../../src/plan/sequence.ts';
import type { Plan } from '../../src/plan/step.ts';
import { checkConfig, loadProcess } from '../../src/spec/load.ts';
import type { Problem } from '../../src/spec/problem.ts';
import { encodePlan } from '../../src/wire/encode.ts';
import { contextOf } from '../unit/context.ts';

const ENGINE = nodeEngine();
setEngine(ENGINE);

export interface Outcome {
  readonly isTaken: boolean;
  /** The frames of the plans that came of it. */
  readonly frames: readonly Uint8Array[];
}

/** Throws what is wrong. */
export type Case = (text: string) => Outcome;

const REFUSED: Outcome = { isTaken: false, frames: [] };

/** Hosts and options that planners ask for. */
const SURROUNDINGS: readonly { host?: Partial<HostFacts>; options?: Partial<CreateOptions> }[] = [
  {},
  {
    host: {
      cgroup: {
        version: 1,
        hierarchies: ['cpu', 'cpuset', 'memory', 'devices', 'freezer', 'pids', 'blkio'].map(
          (name) => ({
            mountpoint: `/sys/fs/cgroup/${name}`,
            controllers: [name],
            own: '/',
          }),
        ),
      },
      kernel: { mountApi: false, mountSetattr: false, cloneIntoCgroup: false, setnsPidfd: false },
    },
    options: { noPivot: true, preserveFds: 3, pidFile: '/pid' },
  },
  { host: { euid: 1000, egid: 1000, inUserNamespace: true }, options: { rootless: true } },
  { options: { systemdCgroup: true, consoleSocket: '/console', foreground: false } },
];

export const configCase: Case = (text) => {
  const { value, problems } = checkConfig(text);
  problems.forEach(checkProblem);
  const errors = problems.filter(({ severity }) => severity === 'error');
  if (value === undefined) {
    if (errors.length === 0) throw new Error('refused without an error');
    return REFUSED;
  }
  if (errors.length > 0) throw new Error('taken with an error');
  const frames = SURROUNDINGS.flatMap((one) => {
    const context = contextOf(value, one);
    const lacking = checkHost(context);
    if (lacking.some(({ severity }) => severity === 'error')) return [];
    return [encode(buildPlan(CREATE, context))];
  });
  return { isTaken: true, frames };
};

const CONTAINER: Spec = {
  ociVersion: '1.0.0',
  root: { path: 'rootfs' },
  process: { cwd: '/', args: ['sh'] },
};

export const processCase: Case = (text) => {
  const process = refusable(() => loadProcess(text, 'process.json', CONTAINER).value);
  if (process === undefined) return REFUSED;
  const container = { pid: 7, startTime: 9, cgroups: [], sharesUserNamespace: false };
  const context = { ...contextOf({ ...CONTAINER, process }), container };
  return { isTaken: true, frames: [encode(buildPlan(EXEC, context))] };
};

export const stateCase: Case = (text) => {
  const record = parseRecord(text);
  if (record === undefined) return REFUSED;
  // What is done with one that was taken, as far as it touches nothing.
  const touched = [
    ...record.cgroup_paths.map((path) => path.length),
    ...[...record.behind_accept.steps, ...record.poststart, ...record.poststop].map(
      ({ op, origin, actor }) => op.call.length + origin.length + actor.length,
    ),
    ...Object.entries(record.annotations ?? {}).map(([, one]) => one.length),
    ...(record.resctrl_groups ?? []).map((path) => path.length),
    ...(record.rootfs_mounts ?? []).map(({ id }) => String(id).length),
    record.systemd_unit?.name.length ?? 0,
    record.freezer?.length ?? 0,
  ];
  if (touched.some(Number.isNaN)) throw new Error('taken with a member of another type');
  return { isTaken: true, frames: [] };
};

function checkProblem(problem: Problem): void {
  const { path, message, position, severity } = problem;
  if (path !== '' && !path.startsWith('/')) throw new Error(`no path: ${path}`);
  if (message === '' || position === undefined) throw new Error(`no place: ${path} ${message}`);
  if (position.line < 1 || position.column < 1)
    throw new Error(`place ${position.line}:${position.column}`);
  if (severity !== 'error' && severity !== 'warning') throw new Error(`severity ${severity}`);
}

/** Undefined when it is refused as people are told. */
function refusable<T>(use: () => T): T | undefined {
  try {
    return use();
  } catch (thrown) {
    if (!(thrown instanceof TsrunError) || thrown.code === 'internal') throw thrown;
    if (!/^process\.json(:\d+:\d+|: \d+ problems\n)/.test(thrown.message)) {
      throw new Error(`no place: ${thrown.message}`);
    }
    return undefined;
  }
}

const encode = (plan: Plan): Uint8Array =>
  encodePlan(plan, {
    machine: 'x86_64',
    encodeSteps: ENGINE.encodeSteps,
    compileFilter: ({ action, rules }) =>
      Uint8Array.of(6, 0, 0, 0, action & 0xff, rules.length & 0xff, 0, 0),
    filled: new Map([['start', 7]]),
  }).bytes;
