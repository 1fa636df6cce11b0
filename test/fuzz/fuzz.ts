/** Runs cases by number: case N of a seed is the same document on every machine. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { randomFrom } from '../integration/soak.ts';
import { type Case, configCase, processCase, stateCase } from './cases.ts';
import { type Documents, documents, realConfigs } from './mutate.ts';

interface Kind {
  readonly documents: (random: () => number) => Documents;
  readonly run: Case;
}

export interface Failure {
  readonly seed: number;
  readonly index: number;
  readonly text: string;
  readonly message: string;
}

export interface Fuzzed {
  readonly taken: number;
  readonly frames: number;
  readonly slowestMs: number;
  readonly failures: readonly Failure[];
}

const processes = () => realConfigs().map((text) => JSON.stringify(JSON.parse(text).process));
const states = () => [readFileSync(join(import.meta.dirname, 'state.json'), 'utf8')];

export const KINDS: ReadonlyMap<string, Kind> = new Map([
  [
    'config',
    {
      documents: (random) => documents(realConfigs(), 'config.schema.json', random),
      run: configCase,
    },
  ],
  [
    'process',
    {
      documents: (random) => documents(processes(), 'process.schema.json', random),
      run: processCase,
    },
  ],
  [
    'state',
    { documents: (random) => documents(states(), 'state.schema.json', random), run: stateCase },
  ],
]);

/** A case that takes longer is a failure: configs come from people who wait. */
const LIMIT_MS = 2000;
/** Documents are made in runs of so many: the state of the random numbers begins anew with each. */
const RUN = 100;

/** Once more and not by the clock: other processes may have had a part in it. */
function processorMsOf(run: Case, text: string): number {
  const start = process.cpuUsage();
  try {
    run(text);
  } catch {
    // It is told of already.
  }
  const { user, system } = process.cpuUsage(start);
  return (user + system) / 1000;
}

/** Cases `first` to `first + count` of a seed, both multiples of 100; `onFrame` gets every plan's bytes. */
export function fuzz(
  { documents: make, run }: Kind,
  seed: number,
  first: number,
  count: number,
  onFrame: (frame: Uint8Array) => void = () => {},
): Fuzzed {
  const failures: Failure[] = [];
  let [taken, frames, slowestMs] = [0, 0, 0];
  let source: Documents | undefined;
  const randoms = { next: randomFrom(seed) };
  for (let index = first; index < first + count; index++) {
    if (source === undefined) source = make(() => randoms.next());
    if (index % RUN === 0) randoms.next = randomFrom(seed + index);
    const text = source.next();
    const start = performance.now();
    try {
      const outcome = run(text);
      taken += Number(outcome.isTaken);
      frames += outcome.frames.length;
      outcome.frames.forEach(onFrame);
    } catch (thrown) {
      const message = thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown);
      failures.push({ seed, index, text, message });
    }
    const took = performance.now() - start;
    const ms = took > LIMIT_MS ? processorMsOf(run, text) : took;
    if (ms > LIMIT_MS) failures.push({ seed, index, text, message: `took ${ms} ms` });
    slowestMs = Math.max(slowestMs, ms);
  }
  return { taken, frames, slowestMs, failures };
}

export const formatFailure = (kind: string, { seed, index, text, message }: Failure): string =>
  `${kind}, seed ${seed}, case ${index}: ${message}\n${text.length > 4000 ? `${text.slice(0, 4000)}…` : text}`;
