/** Memory as C sees it: views, NULL-terminated arrays of strings, NUL-terminated text. */
import { engine } from '../engine/current.ts';

/** The most that one UTF-16 unit takes. */
const UTF8_BYTES = 3;

/** Both architectures are little-endian. */
export const LITTLE_ENDIAN = true;

export const viewOf = (bytes: Uint8Array): DataView =>
  new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** `char *const []` as execve(2) takes it, in one block: the pointers, NULL, then the strings. */
export function stringArray(strings: readonly string[]): Uint8Array {
  const table = 8 * (strings.length + 1);
  let size = table;
  for (const text of strings) size += UTF8_BYTES * text.length + 1;
  const block = new Uint8Array(size);
  const view = viewOf(block);
  const base = engine().address(block);
  let offset = table;
  for (let index = 0; index < strings.length; index += 1) {
    view.setBigUint64(8 * index, base + BigInt(offset), LITTLE_ENDIAN);
    offset += engine().encodeInto(strings[index] ?? '', block, offset) + 1;
  }
  return block;
}

/** The text from `start` to the first NUL, or to the end. */
export function textUntilNul(bytes: Uint8Array, start = 0): string {
  const end = bytes.indexOf(0, start);
  return engine().decodeUtf8(bytes, start, end < 0 ? bytes.length : end);
}

export function concatenate(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}
