/** The time of each verb. */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import type { Config } from '../integration/config.ts';
import { type Ground, type Sample, WAIT } from './ground.ts';
import type { Measured, Scenario } from './measure.ts';
import type { Subject } from './subject.ts';

export const TRUE = ['/bin/true'];
export const SLEEP = ['/bin/sleep', '1000'];

export const args =
  (program: readonly string[]) =>
  (config: Config): void => {
    config.process.args = [...program];
  };

export const milliseconds = (sample: Sample | undefined): number => sample?.ms ?? Number.NaN;

export const version: Scenario = {
  name: 'version',
  unit: 'ms',
  share: 1,
  prepare: (ground, subject) => async () => {
    const [sample] = await ground.time([subject.path, '--version']);
    return { '--version': milliseconds(sample) };
  },
};

export const run: Scenario = {
  name: 'run',
  unit: 'ms',
  share: 2,
  prepare(ground, subject) {
    const bundle = ground.bundle(args(TRUE));
    return async () => {
      const command = ground.command(subject, 'run', '--bundle', bundle, ground.newId());
      const [sample] = await ground.time(command);
      return { 'run /bin/true': milliseconds(sample) };
    };
  },
  floor: (ground) => async () => {
    const [sample] = await ground.time(ground.floor(...TRUE));
    return { 'run /bin/true': milliseconds(sample) };
  },
};

/** create, start, state, kill, wait for the end, delete. */
export function wholeLife(ground: Ground, subject: Subject, bundle: string): Promise<Sample[]> {
  const id = ground.newId();
  const of = (...verb: readonly string[]): string[] => ground.command(subject, ...verb, id);
  return ground.time(
    of('create', '--bundle', bundle),
    of('start'),
    of('state'),
    [...of('kill'), 'KILL'],
    WAIT,
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
  name: 'verbs',
  unit: 'ms',
  share: 1,
  prepare(ground, subject) {
    const bundle = ground.bundle(args(SLEEP));
    return async () => lifeInMs(await wholeLife(ground, subject, bundle));
  },
};

export const coldLife: Scenario = {
  name: 'cold',
  unit: 'ms',
  share: 0.2,
  prepare(ground, subject) {
    const bundle = ground.bundle(args(SLEEP));
    return async () => {
      execFileSync('sync', { timeout: 30_000 });
      writeFileSync('/proc/sys/vm/drop_caches', '3');
      const all = lifeInMs(await wholeLife(ground, subject, bundle));
      return {
        'create + start + delete, cold caches': all['create + start + delete'] ?? Number.NaN,
      };
    };
  },
};

export const exec: Scenario = {
  name: 'exec',
  unit: 'ms',
  share: 1,
  async prepare(ground, subject) {
    const bundle = ground.bundle(args(SLEEP));
    const id = ground.newId();
    await ground.time(
      ground.command(subject, 'create', '--bundle', bundle, id),
      ground.command(subject, 'start', id),
    );
    return async () => {
      const [sample] = await ground.time(ground.command(subject, 'exec', id, ...TRUE));
      return { 'exec /bin/true': milliseconds(sample) };
    };
  },
};
