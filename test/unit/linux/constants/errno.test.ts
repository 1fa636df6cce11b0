import { constants } from 'node:os';
import { describe, expect, it } from 'vitest';
import { errnoName, errnoNumber, errnoText } from '../../../../src/linux/constants/errno.ts';

describe('errno', () => {
  it.each(
    Object.entries(constants.errno).filter(
      ([name]) => name !== 'EWOULDBLOCK' && name !== 'ENOTSUP',
    ),
  )('numbers %s as the C library does', (name, number) => {
    expect(errnoName(number)).toBe(name);
  });

  it('words an errno as strerror does, with a small first letter', () => {
    expect(errnoText(errnoNumber('ENOENT'))).toBe('no such file or directory');
    expect(errnoText(errnoNumber('EACCES'))).toBe('permission denied');
  });

  it('names what no table knows by its number', () => {
    expect(errnoName(4000)).toBe('errno 4000');
  });
});
