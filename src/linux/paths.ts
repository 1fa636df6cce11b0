/** Paths as the process sees them. */
import { engine } from '../engine/current.ts';
import { libc, SystemError } from './call.ts';
import { textUntilNul } from './memory.ts';

const PATH_MAX = 4096;

// These return a pointer, NULL when they fail.
const getcwd = libc('getcwd', 'l:pi');
const realpath = libc('realpath', 'l:sp');

/** getcwd(3); ENOENT when the directory was removed. */
export function currentDirectory(): string {
  const buffer = new Uint8Array(PATH_MAX);
  if (getcwd(buffer, buffer.length) === 0) throw new SystemError('getcwd', engine().errno());
  return textUntilNul(buffer);
}

/** A path from the root directory on; nothing is resolved. */
export const absolutePath = (path: string): string =>
  path.startsWith('/') ? path : `${currentDirectory().replace(/\/$/, '')}/${path}`;

/** realpath(3): absolute and without symlinks; throws ENOENT and the like. */
export function realPath(path: string): string {
  const buffer = new Uint8Array(PATH_MAX);
  if (realpath(path, buffer) === 0) throw new SystemError('realpath', engine().errno(), path);
  return textUntilNul(buffer);
}
