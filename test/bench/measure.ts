/** The rounds: in each, every subject has its turn, so that what disturbs the machine disturbs all. */
import type { Ground } from './ground.ts';
import { interruptedStatus } from './processes.ts';
import type { Subject } from './subject.ts';

export interface Measured {
  /** Milliseconds, or KiB where the scenario says so; one figure a series. */
  readonly [series: string]: number;
}

export type Round = () => Promise<Measured>;

/** A scenario prepares once for a subject, then gives one sample of each of its series a round. */
export interface Scenario {
  /** What `--only` looks for. */
  readonly name: string;
  readonly unit: 'ms' | 'KiB';
  /** A part of `--rounds`: what takes long is measured less often, 0 once. */
  readonly share: number;
  /**
   * What a subject prepares slows the others down: it is measured by itself, and all of it removed before the
   * next. The floor is measured with the first.
   */
  readonly alone?: true;
  /** Gives the function that measures one round; throws when the subject cannot do it. */
  prepare(ground: Ground, subject: Subject): Round | Promise<Round>;
  /** The same work without a runtime. */
  floor?(ground: Ground): Round;
}

export interface Result {
  /** The series. */
  readonly name: string;
  readonly unit: 'ms' | 'KiB';
  /** By subject; round by round, so that equal places belong together. */
  readonly samples: ReadonlyMap<string, readonly number[]>;
  /** Why a subject has no samples. */
  readonly reasons: ReadonlyMap<string, string>;
}

export const FLOOR = 'floor';

const WARM_UP = 2;
/** Below that quartiles say nothing. */
const FEWEST = 5;

/** How often a scenario is measured when most are `rounds` times. */
export const roundsOf = ({ share }: Scenario, rounds: number): number =>
  share === 0 ? 1 : Math.max(Math.min(rounds, FEWEST), Math.round(rounds * share));

/**
 * One result for each series of the scenario. A subject that fails is left out with its reason; its
 * containers are removed at once, and everybody's at the end.
 */
export async function measure(
  ground: Ground,
  scenario: Scenario,
  subjects: readonly Subject[],
  rounds: number,
): Promise<Result[]> {
  const turns = new Map<string, Round>();
  const samples = new Map<string, Measured[]>();
  const reasons = new Map<string, string>();
  const attempt = async (name: string, work: () => Promise<void>): Promise<void> => {
    try {
      await work();
    } catch (error) {
      if (interruptedStatus() !== undefined) throw error;
      reasons.set(name, error instanceof Error ? error.message : String(error));
      turns.delete(name);
      samples.delete(name);
    }
  };

  if (scenario.floor !== undefined) turns.set(FLOOR, scenario.floor(ground));
  for (const group of scenario.alone ? subjects.map((subject) => [subject]) : [subjects]) {
    for (const subject of group) {
      await attempt(subject.name, async () => {
        turns.set(subject.name, await scenario.prepare(ground, subject));
      });
    }
    for (let round = rounds > 1 ? -WARM_UP : 0; round < rounds; round += 1) {
      for (const [name, turn] of rotated([...turns], round)) {
        await attempt(name, async () => {
          const measured = await turn();
          if (round >= 0) samples.set(name, [...(samples.get(name) ?? []), measured]);
        });
      }
    }
    await ground.sweep();
    turns.clear();
  }
  return resultsOf(scenario, samples, reasons);
}

/** Whoever comes first finds the caches as the last one left them: so everybody is first in turn. */
const rotated = <T>(list: readonly T[], by: number): T[] => {
  const start = list.length === 0 ? 0 : (by + list.length * WARM_UP) % list.length;
  return [...list.slice(start), ...list.slice(0, start)];
};

function resultsOf(
  scenario: Scenario,
  samples: ReadonlyMap<string, readonly Measured[]>,
  reasons: ReadonlyMap<string, string>,
): Result[] {
  const series = new Set([...samples.values()].flatMap((rows) => Object.keys(rows[0] ?? {})));
  // When nobody could do it, the reasons are all there is to say.
  if (series.size === 0) series.add(scenario.name);
  return [...series].map((name) => ({
    name,
    unit: scenario.unit,
    // The floor measures a part of what the runtimes do.
    samples: new Map(
      [...samples].flatMap(([subject, rows]) => {
        const values = rows.flatMap((row) => row[name] ?? []);
        return values.length === rows.length && values.length > 0 ? [[subject, values]] : [];
      }),
    ),
    reasons,
  }));
}
