/**
 * crun refuses cgroup v1 machines whose v2 tree holds controllers ("hybrid mode"). In a mount namespace of
 * its own, the benchmark hides them, for all it measures alike.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';

const CONTROLLERS = '/sys/fs/cgroup/unified/cgroup.controllers';
const MARK = 'TSRUN_BENCH_PRIVATE';

export const isPrivate = (): boolean =>
  process.env[MARK] !== undefined ||
  !existsSync(CONTROLLERS) ||
  readFileSync(CONTROLLERS, 'utf8').trim() === '';

/** Runs this program again, in the mount namespace, and takes its exit status. */
export function repeatInPrivate(): void {
  const script = `mount --bind /dev/null ${CONTROLLERS} && exec "$@"`;
  const again = [process.execPath, ...process.execArgv, ...process.argv.slice(1)];
  const result = spawnSync(
    'unshare',
    ['-m', '--propagation', 'private', 'sh', '-c', script, 'sh', ...again],
    { stdio: 'inherit', env: { ...process.env, [MARK]: '1' } },
  );
  process.exitCode = result.status ?? 1;
}
