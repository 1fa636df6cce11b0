/**
 * A table of features: each row is a test on every runtime, and what the rows show together is the
 * engine's section in table.md, which a run compares, or writes with TSRUN_INTEROP_WRITE=1. The columns of the
 * virtual machine are compared inside of it, and printed for test/vm/all.ts to write.
 */
import { afterAll, describe, expect, it } from 'vitest';
import { compareStarted, writeStarted } from './count.ts';
import { hasSystemd } from './machine.ts';
import { NONE, type Place, readTable, type Seen, writeTable } from './table.ts';

export const RUNTIMES = ['runc', 'tsrun'] as const;
export type Runtime = (typeof RUNTIMES)[number];

/** Those a run is of, where time is short: TSRUN_INTEROP_RUNTIMES names them. */
export const TESTED: readonly Runtime[] = RUNTIMES.filter(
  (runtime) => process.env['TSRUN_INTEROP_RUNTIMES']?.split(' ').includes(runtime) ?? true,
);

export interface Feature<Engine> {
  readonly name: string;
  /** Throws, by `expect`, when the engine does not have the feature on this runtime. */
  readonly check: (engine: Engine, runtime: Runtime) => void | Promise<void>;
  /** What it does instead, where `check` asserts a difference: the words of the table. */
  readonly differs?: Readonly<Partial<Record<Runtime, string>>>;
  /** Where it can be had, when not everywhere. */
  readonly where?: Place;
}

/** Defines the tests of one engine. `open` gives the engine as it calls one runtime. */
export function testFeatures<Engine>(
  title: string,
  features: readonly Feature<Engine>[],
  open: (runtime: Runtime) => Engine,
): void {
  const here = features.filter(({ where = PLACE }) => where === PLACE);
  const shown = new Map<string, string>();
  const key = (name: string, runtime: Runtime) => `${name} ${runtime}`;
  describe.each(here.length > 0 ? TESTED : [])(`${title} with %s`, (runtime) => {
    it.each(here)('$name', async ({ name, check, differs }) => {
      await check(open(runtime), runtime);
      shown.set(key(name, runtime), differs?.[runtime] ?? 'yes');
    });
  });
  describe(`${title} in table.md`, () => {
    afterAll(() => {
      const seen = features.map(({ name, where = PLACE }) => ({
        name,
        cells: RUNTIMES.map(
          (runtime) => shown.get(key(name, runtime)) ?? (where === PLACE ? UNSEEN : NONE),
        ),
      }));
      compareSection(title, seen);
    });
    it('is what was seen', () => {
      expect(features.length).toBe(new Set(features.map(({ name }) => name)).size);
    });
  });
}

function compareSection(title: string, seen: readonly Seen[]): void {
  if (process.env['TSRUN_INTEROP_WRITE'] !== undefined) {
    if (PLACE === 'machine') console.log(`section ${JSON.stringify({ title, seen })}`);
    else {
      writeTable(title, PLACE, seen);
      writeStarted(title);
    }
    return;
  }
  const table = readTable(title, PLACE);
  const cells = seen.map(({ name, cells: found }) => {
    const before = table.get(name) ?? [];
    return [name, ...found.map((one, column) => one ?? before[column])];
  });
  const said = [...table].map(([name, found]) => [name, ...found]);
  expect(said, 'table.md (TSRUN_INTEROP_WRITE=1 writes it)').toEqual(cells);
  if (PLACE === 'here') expect(compareStarted(title)).toBe('');
}

const PLACE: Place = hasSystemd ? 'machine' : 'here';
/** In the machine a run may be of some features only: the others are left as they were. */
const UNSEEN = PLACE === 'machine' ? undefined : 'FAILED';
