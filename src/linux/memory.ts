/** Memory as C sees it: views, NULL-terminated arrays of strings, NUL-terminated text. */
import { engine } from '../engine/current.ts';

/** Both architectures are little-endian. */
export const LITTLE_ENDIAN = true;

export const viewOf = (bytes: Uint8Array): DataView =>
  new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** `char *const []` as execve(2) takes it, in one block: the pointers, NULL, then the strings. */
export function stringArray(strings: readonly string[]): Uint8Array {
  const texts = strings.map((text) => engine().encodeUtf8(text));
  const table = 8 * (texts.length + 1);
  const size = texts.reduce((sum, text) => sum + text.length + 1, table);
  const block = new Uint8Array(size);
  const view = viewOf(block);
  const base = engine().address(block);
  let offset = table;
  texts.forEach((text, index) => {
    view.setBigUint64(8 * index, base + BigInt(offset), LITTLE_ENDIAN);
    block.set(text, offset);
    offset += text.length + 1;
  });
  return block;
}

/** The text from `start` to the first NUL, or to the end. */
export function textUntilNul(bytes: Uint8Array, start = 0): string {
  const end = bytes.indexOf(0, start);
  return engine().decodeUtf8(bytes.subarray(start, end < 0 ? bytes.length : end));
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
