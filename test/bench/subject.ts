/** Who is measured. */
import { spawnSync } from 'node:child_process';
import { basename, resolve } from 'node:path';

export interface Subject {
  readonly name: string;
  readonly path: string;
  readonly version: string;
}

const LIMIT_MS = 5000;

/** A runtime by path or by its name on PATH; undefined when it is not there or does not run. */
export function findSubject(given: string): Subject | undefined {
  const options = { encoding: 'utf8', timeout: LIMIT_MS } as const;
  const found = spawnSync('sh', ['-c', 'command -v "$0"', given], options);
  const path = found.stdout.trim();
  if (found.status !== 0 || path === '') return undefined;
  const version = spawnSync(path, ['--version'], options);
  if (version.status !== 0) return undefined;
  const first = version.stdout.split('\n')[0] ?? '';
  return { name: basename(path), path: resolve(path), version: first.replace(/^.* version /, '') };
}
