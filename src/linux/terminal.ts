/** Terminals. */
import { throwing, unless } from './call.ts';
import type { Fd } from './files.ts';

const sys = { ioctl: throwing('ioctl', 'i:iip') };

// asm-generic, which x86-64 and arm64 share; ioctl_tty(2).
const TIOCGWINSZ = 0x5413;
const TIOCSWINSZ = 0x5414;
/** struct winsize: | u16 rows | u16 columns | u16 x | u16 y | */
const WINSIZE_BYTES = 8;

/** Gives a terminal the size of another; false when `from` is no terminal. */
export function copyWindowSize(from: Fd, to: Fd): boolean {
  const size = new Uint8Array(WINSIZE_BYTES);
  const got = unless(['ENOTTY', 'EBADF', 'EINVAL', 'EIO'], () =>
    sys.ioctl('TIOCGWINSZ', from, TIOCGWINSZ, size),
  );
  if (got === undefined) return false;
  sys.ioctl('TIOCSWINSZ', to, TIOCSWINSZ, size);
  return true;
}
