/**
 * JSON (RFC 8259) read exactly: an integer a number cannot hold becomes a bigint, and whoever listens
 * learns where each value stands. JSON.parse is faster; this is for what it cannot tell.
 */

/** Told of each value as it begins, and of each name an object has already had. */
export interface JsonListener {
  value(pointer: string, offset: number): void;
  duplicate(pointer: string, offset: number): void;
}

/** Where and why a text is not JSON. `offset` counts UTF-16 units from 0. */
export class JsonSyntaxError extends Error {
  override readonly name = 'JsonSyntaxError';
  readonly offset: number;

  constructor(message: string, offset: number) {
    super(message);
    this.offset = offset;
  }
}

/** No config nests a tenth as deep; the bound keeps a hostile one from the stack's end. */
const DEPTH_LIMIT = 256;

const NUMBER = /-?(?:0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?/y;
const HEX4 = /[0-9a-fA-F]{4}/y;
const ESCAPES: Readonly<Record<string, string>> = {
  '"': '"',
  '\\': '\\',
  '/': '/',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
};

interface Reader {
  readonly text: string;
  readonly listener: JsonListener | undefined;
  at: number;
  depth: number;
}

/** The value of a whole JSON text. Of a name given twice the last value counts, as in JSON.parse. */
export function parseJson(text: string, listener?: JsonListener): unknown {
  const reader: Reader = { text, listener, at: 0, depth: 0 };
  const value = readValue(reader, '');
  skipSpace(reader);
  if (reader.at < text.length) fail(reader, `unexpected ${found(reader)} behind the value`);
  return value;
}

/** A name or index as one part of a JSON pointer (RFC 6901). */
export const escapePointer = (name: string): string =>
  name.replaceAll('~', '~0').replaceAll('/', '~1');

function readValue(reader: Reader, pointer: string): unknown {
  skipSpace(reader);
  reader.listener?.value(pointer, reader.at);
  switch (reader.text[reader.at]) {
    case '{':
      return nested(reader, pointer, readObject);
    case '[':
      return nested(reader, pointer, readArray);
    case '"':
      return readString(reader);
    case 't':
      return readWord(reader, 'true', true);
    case 'f':
      return readWord(reader, 'false', false);
    case 'n':
      return readWord(reader, 'null', null);
    default:
      return readNumber(reader);
  }
}

function nested<T>(reader: Reader, pointer: string, read: (r: Reader, p: string) => T): T {
  reader.depth += 1;
  if (reader.depth > DEPTH_LIMIT) fail(reader, `nested deeper than ${DEPTH_LIMIT} levels`);
  reader.at += 1;
  const value = read(reader, pointer);
  reader.depth -= 1;
  return value;
}

function readObject(reader: Reader, pointer: string): Record<string, unknown> {
  const object: Record<string, unknown> = {};
  if (accept(reader, '}')) return object;
  do {
    skipSpace(reader);
    const start = reader.at;
    if (reader.text[start] !== '"') fail(reader, `expected a name in quotes, got ${found(reader)}`);
    const name = readString(reader);
    if (!accept(reader, ':')) fail(reader, `expected ":" behind a name, got ${found(reader)}`);
    const path = reader.listener === undefined ? '' : `${pointer}/${escapePointer(name)}`;
    if (Object.hasOwn(object, name)) reader.listener?.duplicate(path, start);
    const value = readValue(reader, path);
    // Assigning `__proto__` would set the prototype.
    if (name === '__proto__') Object.defineProperty(object, name, { value, ...MEMBER });
    else object[name] = value;
  } while (accept(reader, ','));
  if (!accept(reader, '}')) fail(reader, `expected "," or "}", got ${found(reader)}`);
  return object;
}

const MEMBER = { enumerable: true, configurable: true, writable: true } as const;

function readArray(reader: Reader, pointer: string): unknown[] {
  const array: unknown[] = [];
  if (accept(reader, ']')) return array;
  do {
    const path = reader.listener === undefined ? '' : `${pointer}/${array.length}`;
    array.push(readValue(reader, path));
  } while (accept(reader, ','));
  if (!accept(reader, ']')) fail(reader, `expected "," or "]", got ${found(reader)}`);
  return array;
}

function readString(reader: Reader): string {
  const { text } = reader;
  let result = '';
  let start = reader.at + 1;
  for (let at = start; ; at += 1) {
    const unit = text.charCodeAt(at);
    if (unit === 0x22) {
      reader.at = at + 1;
      return result + text.slice(start, at);
    }
    if (unit === 0x5c) {
      result += text.slice(start, at) + readEscape(reader, at + 1);
      at = reader.at - 1;
      start = reader.at;
    } else if (!(unit >= 0x20)) {
      reader.at = at;
      fail(reader, Number.isNaN(unit) ? 'unterminated string' : 'control character in a string');
    }
  }
}

function readEscape(reader: Reader, at: number): string {
  const letter = reader.text[at] ?? '';
  reader.at = at + 1;
  if (letter === 'u') {
    HEX4.lastIndex = reader.at;
    const digits = HEX4.exec(reader.text)?.[0];
    if (digits === undefined) fail(reader, 'expected four hexadecimal digits behind \\u');
    reader.at += 4;
    return String.fromCharCode(Number.parseInt(digits, 16));
  }
  const unit = Object.hasOwn(ESCAPES, letter) ? ESCAPES[letter] : undefined;
  if (unit === undefined) fail(reader, `unknown escape \\${letter}`);
  return unit;
}

function readNumber(reader: Reader): number | bigint {
  NUMBER.lastIndex = reader.at;
  const match = NUMBER.exec(reader.text);
  if (match === null) fail(reader, `expected a value, got ${found(reader)}`);
  reader.at += match[0].length;
  const number = Number(match[0]);
  const isInteger = match[1] === undefined && match[2] === undefined;
  return isInteger && !Number.isSafeInteger(number) ? BigInt(match[0]) : number;
}

function readWord<T>(reader: Reader, word: string, value: T): T {
  if (!reader.text.startsWith(word, reader.at)) {
    fail(reader, `expected a value, got ${found(reader)}`);
  }
  reader.at += word.length;
  return value;
}

function skipSpace(reader: Reader): void {
  for (;;) {
    const unit = reader.text.charCodeAt(reader.at);
    if (unit !== 0x20 && unit !== 0x0a && unit !== 0x0d && unit !== 0x09) return;
    reader.at += 1;
  }
}

/** Skips white space and, if it comes next, the character. */
function accept(reader: Reader, character: string): boolean {
  skipSpace(reader);
  if (reader.text[reader.at] !== character) return false;
  reader.at += 1;
  return true;
}

function found(reader: Reader): string {
  const code = reader.text.codePointAt(reader.at);
  return code === undefined ? 'the end of the text' : JSON.stringify(String.fromCodePoint(code));
}

function fail(reader: Reader, message: string): never {
  throw new JsonSyntaxError(message, reader.at);
}
