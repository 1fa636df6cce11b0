/** A directory of the host that no container was given: whatever changes in it has escaped. */
import { spawnSync } from 'node:child_process';
import {
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { expect } from 'vitest';
import type { Containers } from '../runtime.ts';

export interface Victim {
  readonly directory: string;
  readonly file: string;
  /** Fails when anything was made, written, changed or mounted in it. */
  expectUntouched(): void;
}

const SECRET = 'secret of the host\n';

export function makeVictim(containers: Containers): Victim {
  const directory = containers.newDirectory();
  const file = join(directory, 'file');
  writeFileSync(file, SECRET);
  mkdirSync(join(directory, 'below'));
  const before = facts(directory);
  return {
    directory,
    file,
    expectUntouched() {
      expect(readdirSync(directory, { recursive: true }).sort()).toEqual(['below', 'file']);
      expect(readFileSync(file, 'utf8')).toBe(SECRET);
      expect(facts(directory)).toEqual(before);
      const mounts = readFileSync('/proc/self/mountinfo', 'utf8').split('\n');
      expect(mounts.filter((line) => line.includes(directory))).toEqual([]);
    },
  };
}

const facts = (directory: string) =>
  ['.', 'file', 'below'].map((name) => {
    const { mode, uid, gid, rdev } = lstatSync(join(directory, name));
    return { name, mode, uid, gid, rdev };
  });

/** Puts a symlink into a root file system in place of whatever is there. */
export function plant(rootfs: string, path: string, target: string): void {
  const place = join(rootfs, path);
  rmSync(place, { recursive: true, force: true });
  mkdirSync(dirname(place), { recursive: true });
  symlinkSync(target, place);
}

/** Debian's own: a version manager in front of it costs half a second a call. */
export const PYTHON =
  spawnSync('/usr/bin/python3', ['-c', '']).status === 0 ? '/usr/bin/python3' : 'python3';
