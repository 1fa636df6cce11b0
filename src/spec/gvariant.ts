/**
 * GVariant text, as annotations `org.systemd.property.*` hold values for systemd (GLib, "GVariant Text
 * Format"): numbers, booleans, strings, arrays and tuples, with or without a type in front. What needs
 * more than that (maybe, variants, dictionaries, byte strings, positional parameters) is not read.
 */
import type { DbusItem, DbusValue } from '../linux/constants/dbus.ts';

/** The value; undefined for a text that is none, or none of those read here. */
export function parseGvariant(text: string): DbusValue | undefined {
  const tokens = tokenize(text);
  if (tokens === undefined) return undefined;
  const reader: Reader = { tokens, at: 0 };
  const value = readValue(reader, undefined);
  return value !== undefined && reader.at === tokens.length ? value : undefined;
}

interface Reader {
  readonly tokens: readonly string[];
  at: number;
}

const TOKEN = /\s*('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|@[^\s[\]'"<>]+|[[\](),]|[^\s[\](),'"@]+)/y;

function tokenize(text: string): readonly string[] | undefined {
  const tokens: string[] = [];
  const trimmed = text.trimEnd();
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < trimmed.length) {
    const match = TOKEN.exec(trimmed);
    if (match === null) return undefined;
    tokens.push(match[1] ?? '');
  }
  return tokens;
}

/** Words that say the type of what follows them. */
const KEYWORDS: Readonly<Record<string, string>> = {
  boolean: 'b',
  byte: 'y',
  int16: 'n',
  uint16: 'q',
  int32: 'i',
  uint32: 'u',
  int64: 'x',
  uint64: 't',
  double: 'd',
  string: 's',
  objectpath: 'o',
  signature: 'g',
};

function readValue(reader: Reader, wanted: string | undefined): DbusValue | undefined {
  const token = reader.tokens[reader.at];
  if (token === undefined) return undefined;
  reader.at += 1;
  const type = token.startsWith('@') ? token.slice(1) : KEYWORDS[token];
  if (type !== undefined) {
    return wanted === undefined || wanted === type ? readValue(reader, type) : undefined;
  }
  if (token === '[') return readArray(reader, wanted);
  if (token === '(') return readTuple(reader, wanted);
  return readScalar(token, wanted);
}

/** `[1, 2]`: all of one type, which the first says when nothing else does. */
function readArray(reader: Reader, wanted: string | undefined): DbusValue | undefined {
  if (wanted !== undefined && !wanted.startsWith('a')) return undefined;
  let inner = wanted?.slice(1);
  const items: DbusItem[] = [];
  while (reader.tokens[reader.at] !== ']') {
    if (items.length > 0 && !take(reader, ',')) return undefined;
    const item = readValue(reader, inner);
    if (item === undefined) return undefined;
    inner ??= item.type;
    items.push(item.value);
  }
  reader.at += 1;
  return inner === undefined ? undefined : { type: `a${inner}`, value: items };
}

/** `('a', 1)`; one member is written `(1,)`. */
function readTuple(reader: Reader, wanted: string | undefined): DbusValue | undefined {
  if (wanted !== undefined && !/^\(.*\)$/.test(wanted)) return undefined;
  const types = wanted === undefined ? undefined : membersOf(wanted.slice(1, -1));
  const items: DbusValue[] = [];
  while (reader.tokens[reader.at] !== ')') {
    if (items.length > 0 && !take(reader, ',')) return undefined;
    if (reader.tokens[reader.at] === ')') break;
    const item = readValue(reader, types?.[items.length]);
    if (item === undefined) return undefined;
    items.push(item);
  }
  reader.at += 1;
  const type = `(${items.map((item) => item.type).join('')})`;
  if (items.length === 0 || (wanted !== undefined && wanted !== type)) return undefined;
  return { type, value: items.map(({ value }) => value) };
}

/** Types of one letter each: a tuple of arrays is written without a type in front. */
const membersOf = (types: string): readonly string[] => types.match(/a*[a-z]/g) ?? [];

function take(reader: Reader, token: string): boolean {
  if (reader.tokens[reader.at] !== token) return false;
  reader.at += 1;
  return true;
}

function readScalar(token: string, wanted: string | undefined): DbusValue | undefined {
  const text = parseString(token);
  if (text !== undefined) {
    const type = wanted ?? 's';
    return 'sog'.includes(type) ? { type, value: text } : undefined;
  }
  if (token === 'true' || token === 'false') {
    return (wanted ?? 'b') === 'b' ? { type: 'b', value: token === 'true' } : undefined;
  }
  return readNumber(token, wanted);
}

/** Smallest and largest of each type of integer. */
const INTEGERS: Readonly<Record<string, readonly [bigint, bigint]>> = {
  y: [0n, 0xffn],
  n: [-0x8000n, 0x7fffn],
  q: [0n, 0xffffn],
  i: [-0x8000_0000n, 0x7fff_ffffn],
  u: [0n, 0xffff_ffffn],
  x: [-(1n << 63n), (1n << 63n) - 1n],
  t: [0n, (1n << 64n) - 1n],
};

/** A number with a point or an exponent is a double, any other an int32 unless its type is known. */
function readNumber(token: string, wanted: string | undefined): DbusValue | undefined {
  const isInteger = /^[+-]?(0[xX][0-9a-fA-F]+|[0-9]+)$/.test(token);
  const type = wanted ?? (isInteger ? 'i' : 'd');
  if (type === 'd') {
    const isDouble = /^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$/.test(token);
    return isDouble ? { type, value: Number(token) } : undefined;
  }
  const range = INTEGERS[type];
  if (!isInteger || range === undefined) return undefined;
  const digits = token.replace(/^[+-]/, '');
  const isOctal = /^0[0-7]+$/.test(digits);
  const magnitude = BigInt(isOctal ? `0o${digits.slice(1)}` : digits);
  const value = token.startsWith('-') ? -magnitude : magnitude;
  if (value < range[0] || value > range[1]) return undefined;
  return { type, value: 'xt'.includes(type) ? value : Number(value) };
}

const ESCAPES: Readonly<Record<string, string>> = {
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
};

function parseString(token: string): string | undefined {
  const quote = token[0];
  if (quote !== "'" && quote !== '"') return undefined;
  return token
    .slice(1, -1)
    .replace(/\\(u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|[\s\S])/g, (_, escaped: string) => {
      const code = Number.parseInt(escaped.slice(1), 16);
      if (escaped.length > 1) return code <= 0x10_ffff ? String.fromCodePoint(code) : '\ufffd';
      return ESCAPES[escaped] ?? escaped;
    });
}

/** A string as GVariant text. */
export const gvariantString = (text: string): string =>
  `'${text.replace(/[\\']/g, (c) => `\\${c}`).replace(/\n/g, '\\n')}'`;
