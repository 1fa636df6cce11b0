/** Fuzzing one kind of document: by numbers, so that a failure can be had again. */
import { formatFailure, fuzz, KINDS } from './fuzz.ts';

/** `run.ts KIND SEED FIRST COUNT`: a part of a long run, in a process of its own that can be timed. */
const [kind = '', seed = '0', first = '0', count = '1'] = process.argv.slice(2);
const named = KINDS.get(kind);
if (named === undefined) throw new Error(`KIND is one of ${[...KINDS.keys()].join(', ')}`);
const { taken, failures, frames, slowestMs } = fuzz(
  named,
  Number(seed),
  Number(first),
  Number(count),
);
for (const failure of failures.slice(0, 10)) console.log(formatFailure(kind, failure));
console.log(
  JSON.stringify({ kind, seed, first, count, taken, failures: failures.length, frames, slowestMs }),
);
process.exit(failures.length === 0 ? 0 : 1);
