/** What tsrun prints. */
import { engine } from '../engine/current.ts';
import { type Fd, writeAll } from '../linux/files.ts';

/** Writes text to a descriptor. */
export const writeText = (fd: Fd, text: string): void =>
  writeAll(fd, engine().encodeUtf8(text), fd === 1 ? 'stdout' : `${fd}`);

/** Writes text to standard output. */
export const print = (text: string): void => writeText(1, text);
