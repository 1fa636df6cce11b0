/**
 * Documents nobody meant: real configs with parts replaced, moved, made up from the schemas, and texts with
 * bytes changed. The same seed gives the same documents.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { toJson } from '../integration/config.ts';

const TOP = join(import.meta.dirname, '../..');

type Random = () => number;
type Json = unknown;

export interface Documents {
  /** The next document. */
  readonly next: () => string;
}

/** Real texts to begin with. */
export function realConfigs(): readonly string[] {
  const bundles = readdirSync(join(TOP, 'bundles'))
    .map((name) => join(TOP, 'bundles', name, 'config.json'))
    .filter((path) => existsSync(path));
  const fixtures = join(TOP, 'test/fixtures/real-configs');
  const real = readdirSync(fixtures).map((name) => join(fixtures, name));
  return [...bundles, ...real].map((path) => readFileSync(path, 'utf8'));
}

const EDGES: readonly Json[] = [
  null,
  true,
  false,
  0,
  1,
  -1,
  0.5,
  -0.0,
  255,
  256,
  65535,
  65536,
  4096,
  2 ** 31 - 1,
  2 ** 31,
  -(2 ** 31),
  2 ** 32 - 1,
  2 ** 32,
  2 ** 53,
  1e300,
  2n ** 63n - 1n,
  -(2n ** 63n),
  2n ** 63n,
  2n ** 64n - 1n,
  2n ** 64n,
  10n ** 40n,
  '',
  '/',
  '.',
  '..',
  '/..',
  '/../../etc',
  '//',
  'a/../b',
  '\0',
  'a\0b',
  '\ud800',
  '\udfff',
  '\u{1f600}',
  'é',
  '\u001b[2J',
  '%s%n',
  'x'.repeat(300),
  `/${'y/'.repeat(3000)}`,
  '0',
  '-1',
  '1e9',
  '0-7',
  '0-8192',
  '/proc',
  '/proc/self/fd/1',
  '/dev/null',
  '/sys/fs/cgroup',
  'CAP_ALL',
  'CAP_',
  'RLIMIT_',
  'SCMP_ACT_',
  [],
  {},
  [null],
  [[]],
  { '': '' },
  ['', ''],
  { path: '' },
];

/** Mutated and made-up documents from `texts`, with parts made up from the schemas at `schema`. */
export function documents(texts: readonly string[], schema: string, random: Random): Documents {
  const seeds = texts.map((text): Json => JSON.parse(text));
  const strings = [...new Set(seeds.flatMap(stringsOf))];
  const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)] as T;
  const value = () => (random() < 0.4 ? pick(strings) : structuredClone(pick(EDGES)));
  const invent = inventor(random, value);
  const changes: readonly ((root: Json) => void)[] = [
    (root) => replace(pick(placesIn(root)), value()),
    (root) => replace(pick(placesIn(root)), value()),
    (root) => remove(pick(placesIn(root))),
    // One part where another stood: of the same document, so of a shape that may almost fit.
    (root) => replace(pick(placesIn(root)), structuredClone(at(pick(placesIn(root))))),
    (root) => grow(pick(placesIn(root)), value(), pick(strings)),
    (root) => edit(pick(placesIn(root)), random),
    // What the schema knows and no real config has.
    (root) => merge(root, invent(schema), random),
    (root) => merge(root, invent(schema), random),
  ];
  const document = (): string => {
    const root = random() < 0.05 ? invent(schema) : sampled(pick(seeds), random);
    // Mostly one change: two wrong things hide what a third would have shown.
    for (let left = Math.floor(5 * random() ** 3); left >= 0; left--) {
      if (typeof root === 'object' && root !== null && placesIn(root).length > 0)
        pick(changes)(root);
    }
    return toJson(root);
  };
  return {
    next: () => {
      const text = document();
      return random() < 0.15 ? garble(text, random) : text;
    },
  };
}

/** A copy with a few items of each list: it is the shapes that matter, and small documents are many. */
function sampled(value: Json, random: Random): Json {
  if (Array.isArray(value)) {
    const wanted = 1 + Math.floor(3 * random());
    const from = Math.floor(random() * Math.max(1, value.length - wanted + 1));
    return value.slice(from, from + wanted).map((item) => sampled(item, random));
  }
  if (!isHolder(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, one]) => [
      key,
      // Most of a config hangs on its namespaces.
      key === 'namespaces' ? structuredClone(one) : sampled(one, random),
    ]),
  );
}

interface Place {
  readonly holder: Record<string, Json> | Json[];
  readonly key: string | number;
}

const isHolder = (value: Json): value is Record<string, Json> | Json[] =>
  typeof value === 'object' && value !== null;

function placesIn(root: Json): Place[] {
  const places: Place[] = [];
  const visit = (holder: Json): void => {
    if (!isHolder(holder)) return;
    for (const key of Object.keys(holder)) {
      places.push({ holder, key });
      visit(Reflect.get(holder, key));
    }
  };
  visit(root);
  return places;
}

const stringsOf = (root: Json): string[] =>
  placesIn(root)
    .map(at)
    .filter((one) => typeof one === 'string');
const at = ({ holder, key }: Place): Json => Reflect.get(holder, key);
const replace = ({ holder, key }: Place, value: Json) => void Reflect.set(holder, key, value);

function remove({ holder, key }: Place): void {
  if (Array.isArray(holder)) holder.splice(Number(key), 1);
  else Reflect.deleteProperty(holder, key);
}

/** A list gets an element more, or one twice; an object a member. */
function grow(place: Place, value: Json, name: string): void {
  const target = at(place);
  if (Array.isArray(target)) target.push(target.length > 0 && value === null ? target[0] : value);
  else if (isHolder(target)) Reflect.set(target, name, value);
  else replace(place, [target, value]);
}

/** One character of a text, one step of a number. */
function edit(place: Place, random: Random): void {
  const target = at(place);
  if (typeof target === 'number') replace(place, target + (random() < 0.5 ? 1 : -1));
  if (typeof target !== 'string') return;
  const where = Math.floor(random() * (target.length + 1));
  const character = String.fromCharCode(Math.floor(random() * 256));
  replace(
    place,
    target.slice(0, where) + character + target.slice(where + (random() < 0.5 ? 1 : 0)),
  );
}

/** Puts members of `other` into `root`, at the same places, down to a random depth. */
function merge(root: Json, other: Json, random: Random): void {
  if (!isHolder(root) || !isHolder(other) || Array.isArray(root)) return;
  for (const key of Object.keys(other)) {
    if (random() < 0.8) continue;
    const mine = Reflect.get(root, key);
    const theirs = Reflect.get(other, key);
    if (isHolder(mine) && !Array.isArray(mine) && random() < 0.8) merge(mine, theirs, random);
    else Reflect.set(root, key, theirs);
  }
}

/** Bytes changed, cut, doubled. */
function garble(text: string, random: Random): string {
  const where = Math.floor(random() * text.length);
  const length = Math.floor(random() * 20);
  switch (Math.floor(random() * 5)) {
    case 0:
      return text.slice(0, where);
    case 1:
      return text.slice(0, where) + text.slice(where + length);
    case 2:
      return text.slice(0, where) + text.slice(where, where + length) + text.slice(where);
    case 3:
      return (
        text.slice(0, where) + '"{[:,}]0e-\\\t\0'[Math.floor(random() * 13)] + text.slice(where)
      );
    default:
      return (
        text.slice(0, where) +
        String.fromCharCode(Math.floor(random() * 0xd800)) +
        text.slice(where + 1)
      );
  }
}

interface Schema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly enum?: readonly Json[];
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: boolean | Schema;
  readonly items?: Schema;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly definitions?: Readonly<Record<string, Schema>>;
}

/** Makes up what a schema allows, or almost. */
function inventor(random: Random, value: () => Json) {
  const files = new Map<string, Schema>();
  const load = (name: string): Schema => {
    const known = files.get(name);
    if (known !== undefined) return known;
    const schema: Schema = JSON.parse(readFileSync(join(TOP, 'schemas', name), 'utf8'));
    files.set(name, schema);
    return schema;
  };
  const number = ({ minimum = -10, maximum = 2 ** 33 }: Schema) =>
    Math.floor(minimum + random() ** 8 * (maximum - minimum));
  const make = (schema: Schema, file: string, depth: number): Json => {
    if (schema.$ref !== undefined) {
      const [name = '', pointer = ''] = schema.$ref.split('#');
      const target = load(name || file);
      const definition =
        pointer === '' ? target : target.definitions?.[pointer.split('/')[2] ?? ''];
      return make(definition ?? {}, name || file, depth);
    }
    if (schema.enum !== undefined && random() < 0.95) {
      return schema.enum[Math.floor(random() * schema.enum.length)];
    }
    if (random() < 0.03) return value();
    switch (Array.isArray(schema.type) ? schema.type[0] : schema.type) {
      case 'object':
        return object(schema, file, depth);
      case 'array':
        return Array.from({ length: Math.floor(random() * 4) }, () =>
          make(schema.items ?? {}, file, depth + 1),
        );
      case 'integer':
      case 'number':
        return number(schema);
      case 'boolean':
        return random() < 0.5;
      case 'string':
        return random() < 0.9 ? String(value() ?? '') : '';
      default:
        return value();
    }
  };
  const object = (schema: Schema, file: string, depth: number): Json => {
    const made: Record<string, Json> = {};
    for (const [key, property] of Object.entries(schema.properties ?? {})) {
      const isWanted = schema.required?.includes(key)
        ? random() < 0.98
        : random() < 0.4 / (1 + depth / 4);
      if (isWanted) made[key] = make(property, file, depth + 1);
    }
    if (typeof schema.additionalProperties === 'object' && random() < 0.7) {
      made[String(value())] = make(schema.additionalProperties, file, depth + 1);
    }
    return made;
  };
  return (name: string): Json => make(load(name), name, 0);
}
