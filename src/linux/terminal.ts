/** Terminals. */
import { throwing, unless } from './call.ts';
import type { Fd } from './files.ts';
import { LITTLE_ENDIAN, viewOf } from './memory.ts';

const sys = { ioctl: throwing('ioctl', 'i:iip') };

// asm-generic, which x86-64 and arm64 share; ioctl_tty(2).
const TIOCGWINSZ = 0x5413;
const TIOCSWINSZ = 0x5414;
/** struct winsize: | u16 rows | u16 columns | u16 x | u16 y | */
const WINSIZE_BYTES = 8;

/** A terminal's size in characters; undefined when `fd` is no terminal. */
export function windowSize(
  fd: Fd,
): { readonly height: number; readonly width: number } | undefined {
  const size = readSize(fd);
  if (size === undefined) return undefined;
  const view = viewOf(size);
  return { height: view.getUint16(0, LITTLE_ENDIAN), width: view.getUint16(2, LITTLE_ENDIAN) };
}

/** Gives a terminal the size of another; false when `from` is no terminal. */
export function copyWindowSize(from: Fd, to: Fd): boolean {
  const size = readSize(from);
  if (size === undefined) return false;
  sys.ioctl('TIOCSWINSZ', to, TIOCSWINSZ, size);
  return true;
}

function readSize(fd: Fd): Uint8Array | undefined {
  const size = new Uint8Array(WINSIZE_BYTES);
  const got = unless(['ENOTTY', 'EBADF', 'EINVAL', 'EIO'], () =>
    sys.ioctl('TIOCGWINSZ', fd, TIOCGWINSZ, size),
  );
  return got === undefined ? undefined : size;
}
