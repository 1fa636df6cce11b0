/** Text of a container or an image on its way to a person's terminal. */

const isControl = (code: number): boolean => code < 0x20 || (code >= 0x7f && code < 0xa0);

/**
 * Control characters as `\x1b`, so that what a container calls itself, its programs or its mounts cannot
 * speak to the terminal it is printed on.
 */
export function printable(text: string): string {
  let result = '';
  for (const character of text) {
    const code = character.codePointAt(0) ?? 0;
    result += isControl(code) ? `\\x${code.toString(16).padStart(2, '0')}` : character;
  }
  return result;
}
