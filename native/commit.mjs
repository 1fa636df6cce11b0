/** The commit a tree is at, for `--version`; undefined outside of a git checkout. */
import { execFileSync } from 'node:child_process';

export function commit(root) {
  try {
    const args = ['-C', root, 'describe', '--always', '--dirty', '--abbrev=12', '--exclude=*'];
    return execFileSync('git', args, {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim();
  } catch {
    return undefined;
  }
}

/** esbuild's define for src/cli/version.ts. */
export const commitDefine = (root) => ({
  TSRUN_COMMIT: JSON.stringify(commit(root)) ?? 'undefined',
});
