import { describe, expect, it } from 'vitest';
import {
  nativeOpenFlags,
  O_CLOEXEC,
  O_DIRECT,
  O_DIRECTORY,
  O_LARGEFILE,
  O_NOFOLLOW,
  O_PATH,
} from '../../../../src/linux/constants/file.ts';

describe('nativeOpenFlags', () => {
  const all = O_DIRECT | O_LARGEFILE | O_DIRECTORY | O_NOFOLLOW;

  it('leaves the flags of x86_64 alone', () => {
    expect(nativeOpenFlags('x86_64', all | O_PATH)).toBe(all | O_PATH);
  });

  it.each([
    ['O_DIRECTORY', O_DIRECTORY, 0x4000],
    ['O_NOFOLLOW', O_NOFOLLOW, 0x8000],
    ['O_DIRECT', O_DIRECT, 0x10000],
    ['O_LARGEFILE', O_LARGEFILE, 0x20000],
  ])(
    'renumbers %s on aarch64, where O_DIRECT and O_DIRECTORY change places',
    (_, generic, native) => {
      expect(nativeOpenFlags('aarch64', generic | O_CLOEXEC)).toBe(native | O_CLOEXEC);
    },
  );

  it('renumbers all of them together', () => {
    expect(nativeOpenFlags('aarch64', all)).toBe(0x3c000);
  });
});
