import { expect, it } from 'vitest';
import { printable } from '../../../src/explain/printable.ts';

it('what comes of a container cannot speak to a terminal', () => {
  expect(printable('\u001b]0;owned\u0007\r\n\u009b31m\u007f')).toBe(
    '\\x1b]0;owned\\x07\\x0d\\x0a\\x9b31m\\x7f',
  );
  expect(printable('sh -c "größe ✓ 🐧" \\x1b')).toBe('sh -c "größe ✓ 🐧" \\x1b');
});
