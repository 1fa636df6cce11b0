/**
 * npm run bench -- [--runtimes ./tsrun,crun,runc] [--rounds 50] [--only PART] [--limit 15] [--unified] [--write]
 *
 * Measures runtimes against each other and against the kernel's floor, interleaved. `--only` takes the
 * scenario of that name, or those whose names hold PART; several with commas between them. A command that takes longer than the limit, in seconds, is stopped, and its
 * runtime left out of the scenario. With --write the tables and the plot that README.md shows are written.
 * `--unified` measures on cgroup v2 where the machine has v1 and v2, without the scenarios that want controllers
 * v2 has not got there; --write is then to results-v2.md.
 */
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { goals } from './goals.ts';
import { Ground } from './ground.ts';
import { EXISTING, existing, many, mounts, seccomp } from './growth.ts';
import { describeMachine } from './machine.ts';
import { measure, type Result, roundsOf, type Scenario } from './measure.ts';
import { memoryLimit, peakMemory, residentMemory } from './memory.ts';
import { isPrivate, repeatInPrivate } from './private.ts';
import { interruptedStatus, stopOnSignals } from './processes.ts';
import { markdown, notes, plainText, writeResults, writeSamples, writeUnified } from './report.ts';
import { findSubject } from './subject.ts';
import { buildTools, OUTPUT } from './tools.ts';
import { coldLife, exec, life, run, version } from './verbs.ts';

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
  mounts,
  seccomp,
  ...EXISTING.map(existing),
];

const NAMES = SCENARIOS.map(({ name }) => name);

const OPTIONS = {
  runtimes: { type: 'string', default: './tsrun,crun,runc' },
  rounds: { type: 'string', default: '50' },
  only: { type: 'string', default: '' },
  limit: { type: 'string', default: '15' },
  unified: { type: 'boolean', default: false },
  write: { type: 'boolean', default: false },
} as const;

async function main(): Promise<number> {
  const { values } = parseArgs({ options: OPTIONS });
  const scenarios = chosen(values.only).filter((one) => !values.unified || one !== memoryLimit);
  const [rounds, limitSeconds] = [wholeNumber(values.rounds), wholeNumber(values.limit)];
  if (values.write && values.only !== '' && !values.unified)
    throw new Error('--write wants all of it: no --only');
  if (process.getuid?.() !== 0) throw new Error('containers need root here');
  if (!isPrivate()) return repeatInPrivate(values.unified);

  stopOnSignals();
  const subjects = values.runtimes.split(',').flatMap((given) => {
    const subject = findSubject(given);
    if (subject === undefined) console.error(`${given}: not found, left out`);
    return subject ?? [];
  });
  const started = Date.now();
  const ground = new Ground(buildTools(), limitSeconds);
  const results: Result[] = [];
  try {
    for (const subject of subjects) ground.know(subject);
    for (const scenario of scenarios) {
      const begun = Date.now();
      const measured = await measure(ground, scenario, subjects, roundsOf(scenario, rounds));
      results.push(...measured);
      const took = ((Date.now() - begun) / 1000).toFixed(0);
      console.error(`\n${plainText(measured)}\n${notes(measured)}(${scenario.name}: ${took} s)`);
    }
  } catch (error) {
    const status = interruptedStatus();
    if (status === undefined) throw error;
    console.error(error instanceof Error ? error.message : error);
    return status;
  } finally {
    await ground.close();
  }
  const machine = describeMachine();
  const minutes = ((Date.now() - started) / 60_000).toFixed(1);
  console.log(`\n${machine}\n${minutes} minutes\n\n${plainText(results)}\n${notes(results)}`);
  console.log(goals(results));
  writeSamples(join(OUTPUT, 'samples.json'), results, machine);
  if (values.write && values.unified) writeUnified(results, subjects, machine);
  else if (values.write) writeResults(results, subjects, machine);
  else console.log(`\n${markdown(results)}`);
  return 0;
}

function wholeNumber(text = ''): number {
  if (/^[1-9][0-9]{0,4}$/.test(text)) return Number(text);
  throw new Error(`${text}: a number from 1 on was expected`);
}

function chosen(only: string): readonly Scenario[] {
  const parts = only.split(',');
  const isAsked = (name: string): boolean =>
    parts.some((part) => (NAMES.includes(part) ? name === part : name.includes(part)));
  const scenarios = SCENARIOS.filter(({ name }) => isAsked(name));
  if (scenarios.length > 0) return scenarios;
  throw new Error(`--only ${only}: one of ${NAMES.join(', ')}`);
}

process.exitCode = await main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  return 1;
});
