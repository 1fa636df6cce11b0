/** The time of each verb. A scenario prepares once for a subject, then gives one sample a round. */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import type { Config } from '../integration/config.ts';
import type { Ground, Sample, Subject } from './subject.ts';

export interface Measured {
  /** Milliseconds, or KiB where the scenario says so; one figure a series. */
  readonly [series: string]: number;
}

export interface Scenario {
  readonly name: string;
  readonly unit: 'ms' | 'KiB';
  /** A part of the full number of rounds: what takes long is measured less often. */
  readonly share: number;
  /** Gives the function that measures one round; throws when the subject cannot do it. */
  prepare(ground: Ground, subject: Subject): Round;
  /** The same work without a runtime. */
  floor?(ground: Ground): Round;
}

export type Round = () => Measured | Promise<Measured>;

export const TRUE = ['/bin/true'];
export const SLEEP = ['/bin/sleep', '1000'];

export const args =
  (program: readonly string[]) =>
  (config: Config): void => {
    config.process.args = [...program];
  };

export const milliseconds = (sample: Sample | undefined): number => sample?.ms ?? Number.NaN;

export const run: Scenario = {
  name: 'run /bin/true',
  unit: 'ms',
  share: 1,
  prepare(ground, subject) {
    const bundle = ground.bundle(args(TRUE));
    return () => {
      const command = ground.command(subject, 'run', '--bundle', bundle, ground.newId());
      return { 'run /bin/true': milliseconds(ground.time(command)[0]) };
    };
  },
  floor: (ground) => () => ({ 'run /bin/true': milliseconds(ground.floor(...TRUE)[0]) }),
};

/** create, start, state, kill, wait for the end, delete. */
export function wholeLife(ground: Ground, subject: Subject, bundle: string): Sample[] {
  const id = ground.newId();
  const of = (...verb: readonly string[]): string[] => ground.command(subject, ...verb, id);
  return ground.time(
    of('create', '--bundle', bundle),
    of('start'),
    of('state'),
    [...ground.command(subject, 'kill', id), 'KILL'],
    ['@wait'],
    of('delete'),
  );
}

export function lifeInMs(life: readonly Sample[]): Measured {
  const [create = Number.NaN, start = Number.NaN, state, kill, , remove = Number.NaN] =
    life.map(milliseconds);
  return {
    'create + start + delete': create + start + remove,
    create,
    start,
    state: state ?? Number.NaN,
    kill: kill ?? Number.NaN,
    delete: remove,
  };
}

export const life: Scenario = {
  name: 'the verbs, warm caches',
  unit: 'ms',
  share: 1,
  prepare(ground, subject) {
    const bundle = ground.bundle(args(SLEEP));
    return () => lifeInMs(wholeLife(ground, subject, bundle));
  },
};

export const coldLife: Scenario = {
  name: 'cold caches',
  unit: 'ms',
  share: 0.2,
  prepare(ground, subject) {
    const bundle = ground.bundle(args(SLEEP));
    return () => {
      execFileSync('sync');
      writeFileSync('/proc/sys/vm/drop_caches', '3');
      const all = lifeInMs(wholeLife(ground, subject, bundle));
      return { 'create + start + delete, cold': all['create + start + delete'] ?? Number.NaN };
    };
  },
};

export const exec: Scenario = {
  name: 'exec /bin/true',
  unit: 'ms',
  share: 0.5,
  prepare(ground, subject) {
    const bundle = ground.bundle(args(SLEEP));
    return () => {
      const id = ground.newId();
      const samples = ground.time(
        ground.command(subject, 'create', '--bundle', bundle, id),
        ground.command(subject, 'start', id),
        ground.command(subject, 'exec', id, ...TRUE),
        ground.command(subject, 'delete', '--force', id),
      );
      return { exec: milliseconds(samples[2]) };
    };
  },
};

export const version: Scenario = {
  name: '--version',
  unit: 'ms',
  share: 1,
  prepare: (ground, subject) => () => ({
    '--version': milliseconds(ground.time([subject.path, '--version'])[0]),
  }),
};
