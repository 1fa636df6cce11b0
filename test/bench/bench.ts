/**
 * npm run bench -- [--runtimes tsrun,crun,runc] [--rounds 50] [--only PART] [--write]
 *
 * Measures runtimes against each other and against the kernel's floor, interleaved: in every round each
 * subject has its turn, so that what disturbs the machine disturbs all. With --write the tables and the
 * plot that README.md shows are written.
 */
import { parseArgs } from 'node:util';
import { existing, many, mounts, seccomp } from './growth.ts';
import { describeMachine } from './machine.ts';
import { memoryLimit, peakMemory, residentMemory } from './memory.ts';
import { isPrivate, repeatInPrivate } from './private.ts';
import { markdown, plainText, type Result, writeResults } from './report.ts';
import { findSubject, Ground, type Subject } from './subject.ts';
import { buildTools } from './tools.ts';
import {
  coldLife,
  exec,
  life,
  type Measured,
  type Round,
  run,
  type Scenario,
  version,
} from './verbs.ts';

const SCENARIOS: readonly Scenario[] = [
  version,
  run,
  life,
  coldLife,
  exec,
  peakMemory,
  residentMemory,
  memoryLimit,
  many,
  ...[10, 100, 1000].map(mounts),
  seccomp,
  ...[0, 100, 1000].map(existing),
];

const WARM_UP = 2;
export const FLOOR = 'floor';

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      runtimes: { type: 'string', default: './tsrun,crun,runc' },
      rounds: { type: 'string', default: '50' },
      only: { type: 'string', default: '' },
      write: { type: 'boolean', default: false },
    },
  });
  if (process.getuid?.() !== 0) throw new Error('containers need root here');
  if (!isPrivate()) return repeatInPrivate();

  const subjects = values.runtimes.split(',').flatMap((given) => {
    const subject = findSubject(given);
    if (subject === undefined) console.error(`${given}: not found, left out`);
    return subject ?? [];
  });
  const ground = new Ground(buildTools());
  try {
    const results: Result[] = [];
    for (const scenario of SCENARIOS.filter(({ name }) => name.includes(values.only))) {
      const rounds = Math.max(1, Math.round(Number(values.rounds) * scenario.share));
      results.push(...(await measure(ground, scenario, subjects, rounds)));
      console.error(plainText(results.slice(-1)));
    }
    const machine = describeMachine();
    console.log(`${machine}\n\n${plainText(results)}`);
    if (values.write) writeResults(results, subjects, machine);
    else console.log(`\n${markdown(results)}`);
  } finally {
    ground.close();
  }
}

/** One result for each series of the scenario. A subject that cannot do it is left out with its reason. */
async function measure(
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
      reasons.set(name, error instanceof Error ? error.message : String(error));
      turns.delete(name);
      samples.delete(name);
    }
  };

  if (scenario.floor !== undefined) turns.set(FLOOR, scenario.floor(ground));
  for (const subject of subjects) {
    await attempt(subject.name, async () => {
      turns.set(subject.name, scenario.prepare(ground, subject));
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
  ground.endScenario();
  for (const [name, reason] of reasons) console.error(`${scenario.name}: ${name}: ${reason}`);
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
  return [...series].map((name) => ({
    name,
    unit: scenario.unit,
    samples: new Map(
      [...samples].map(([subject, rows]) => [subject, rows.map((row) => row[name] ?? Number.NaN)]),
    ),
    reasons,
  }));
}

await main();
