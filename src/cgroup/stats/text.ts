/** The formats of cgroup files (cgroup-v2.rst "Format"): a number, lines of a key and a value, pressure. */
import type { Pressure, PressureLine } from './statistics.ts';

export const NO_LIMIT = 2n ** 64n - 1n;

/** One number; `max` is 2^64-1, a file that is missing or empty zero. */
export function parseNumber(text: string | undefined): bigint {
  const word = text?.trim() ?? '';
  if (word === 'max') return NO_LIMIT;
  return /^-?\d+$/.test(word) ? BigInt(word) : 0n;
}

/** `key value` a line, other lines left out. */
export const parseKeyed = (text: string | undefined): ReadonlyMap<string, bigint> =>
  new Map(
    (text ?? '').split('\n').flatMap((line) => {
      const [, key = '', value = ''] = /^(\S+) (\d+)$/.exec(line) ?? [];
      return key === '' ? [] : [[key, BigInt(value)] as const];
    }),
  );

/** A list of numbers and ranges: `0-2,7`. */
export const parseList = (text: string | undefined): readonly number[] =>
  (text ?? '')
    .trim()
    .split(',')
    .filter((part) => part !== '')
    .flatMap((part) => {
      const [first = 0, last = first] = part.split('-').map(Number);
      return Array.from({ length: last - first + 1 }, (_, i) => first + i);
    });

const NO_PRESSURE: PressureLine = { avg10: 0, avg60: 0, avg300: 0, total: 0n };

/** `some avg10=0.00 avg60=0.00 avg300=0.00 total=0` and `full …`; undefined where there is none. */
export function parsePressure(text: string | undefined): Pressure | undefined {
  if (text === undefined || text.trim() === '') return undefined;
  const line = (name: string): PressureLine => {
    const found = text.split('\n').find((each) => each.startsWith(`${name} `));
    if (found === undefined) return NO_PRESSURE;
    const value = (key: string) => new RegExp(`${key}=([\\d.]+)`).exec(found)?.[1] ?? '0';
    const average = (key: string) => Number(value(key));
    return {
      avg10: average('avg10'),
      avg60: average('avg60'),
      avg300: average('avg300'),
      total: BigInt(value('total')),
    };
  };
  return { some: line('some'), full: line('full') };
}

/** Nothing for zero, which runc leaves out. */
export const unlessZero = (value: bigint | undefined): bigint | undefined =>
  value === 0n ? undefined : value;

export const unlessEmpty = <T>(list: readonly T[]): readonly T[] | undefined =>
  list.length === 0 ? undefined : list;

/** In the order of their names, as Go prints a map; undefined when there are none. */
export function sortedRecord<T>(
  entries: Iterable<readonly [string, T]>,
): { readonly [name: string]: T } | undefined {
  const list = [...entries].sort(([a], [b]) => (a < b ? -1 : 1));
  return list.length === 0 ? undefined : Object.fromEntries(list);
}
