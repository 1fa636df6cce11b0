/**
 * Every system call of create, start, exec and delete made to fail, and every process of theirs killed there:
 * one message, and nothing left. A sample here; `npm run test:soak faults` tries all and writes faults.md.
 */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { reasonNotToTry } from './faults/expected.ts';
import { type Fault, type Injector, makeInjector, type Point } from './faults/injector.ts';
import { tryFault } from './faults/judge.ts';
import { manySteps, roleOf, scenariosOf } from './faults/scenarios.ts';
import { type Entry, tableTells, writeTable } from './faults/table.ts';
import { isOnNode, isTsrun, TOP, useContainers } from './runtime.ts';
import { isSoak, randomFrom, SEED, times } from './soak.ts';

const t = useContainers();
const EIO = 5;
/** Calls of each verb that are tried, of each kind of fault. */
const SAMPLE = times(20, Number.POSITIVE_INFINITY);
const TRIES = times(1, 3);
const TABLE = join(TOP, 'test/integration/faults.md');

let injector: Injector;
let bundle = '';
let count = 0;
const entries: Entry[] = [];
/** All of one length, so that no buffer's size depends on it. */
const newId = () => `${t.mark}-f${String(count++).padStart(5, '0')}`;

beforeAll(() => {
  injector = makeInjector(t);
  bundle = t.bundle(manySteps(t.newDirectory()));
});

afterAll(() => {
  if (isTsrun && isSoak) writeTable(TABLE, entries);
});

// Node's own calls fail in Node's words, and cannot be told from tsrun's.
describe.runIf(isTsrun && !isOnNode).each(['create', 'start', 'exec', 'delete'])('%s', (verb) => {
  const scenario = () => {
    const found = scenariosOf(t, bundle).find((one) => one.verb === verb);
    if (found === undefined) throw new Error(verb);
    return found;
  };
  /** The calls of the verb's own processes, when nothing fails. */
  const pointsOf = (): readonly { point: Point; role: string }[] => {
    let points: readonly Point[] = [];
    // Twice: the first time makes the state root and compiles the filter.
    for (const _ of [1, 2]) {
      const id = newId();
      points = injector.record(scenario().args(id), scenario().prepare(id));
      t.call(['delete', '--force', id]);
    }
    return points.flatMap((point) => {
      const role = roleOf(point, verb);
      return role === undefined ? [] : [{ point, role }];
    });
  };
  const sweep = (by: Fault['by']) => {
    const random = randomFrom(SEED);
    const all = pointsOf();
    const untried =
      by === 'kill' ? [] : all.filter(({ point, role }) => reasonNotToTry(point, role));
    for (const { point, role } of untried) entries.push({ verb, role, point, outcome: 'untried' });
    const chosen = all
      .filter((one) => !untried.includes(one))
      .map((one) => ({ one, order: isSoak ? 0 : random() }))
      .sort((a, b) => a.order - b.order)
      .slice(0, SAMPLE);
    const bad: string[] = [];
    let untold = 0;
    for (const {
      one: { point, role },
    } of chosen) {
      // Who waits for others makes a call more or less each time: the next one may be what was meant.
      for (let left = TRIES, isMeant = false; left > 0 && !isMeant; left--) {
        const one = tryFault(t, injector, scenario(), newId(), { point, role, by });
        const { outcome, hit, wrong, message } = one;
        // What befalls the container's own program, when a call was made less before it, is no fault of ours.
        if (hit !== undefined && hit.program !== point.program) continue;
        const entry = outcome && hit && { verb, role, point: hit, outcome };
        if (entry !== undefined) entries.push(entry);
        if (entry !== undefined && !tableTells(TABLE, entry)) untold++;
        const where = `${role} ${point.process}:${point.call} ${point.name} ${point.object}`;
        if (wrong.length > 0) bad.push(`${where}: ${wrong.join('; ')} [${message.trim()}]`);
        isMeant = hit?.name === point.name;
      }
    }
    expect(bad, `TSRUN_SEED=${SEED}`).toEqual([]);
    // Waiting and memory differ from run to run; a table of another program would tell of little.
    if (!isSoak) expect(untold, 'outcomes that faults.md does not tell').toBeLessThan(SAMPLE / 3);
  };

  it(
    'tells of any system call that fails in one message, and leaves nothing',
    { timeout: 3_600_000 },
    () => sweep(EIO),
  );
  it(
    'killed at any system call, leaves nothing that delete --force does not find',
    { timeout: 3_600_000 },
    () => sweep('kill'),
  );
});
