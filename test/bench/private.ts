/**
 * A mount namespace of the benchmark's own, for all it measures alike: it mounts a tmpfs for state (ground.ts),
 * and on cgroup v1 hides the controllers of the v2 tree, with which crun refuses the machine ("hybrid mode").
 */
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { constants } from 'node:os';

const CONTROLLERS = '/sys/fs/cgroup/unified/cgroup.controllers';
const MARK = 'TSRUN_BENCH_PRIVATE';

export const isPrivate = (): boolean => process.env[MARK] !== undefined;

const isHybrid = (): boolean =>
  existsSync(CONTROLLERS) && readFileSync(CONTROLLERS, 'utf8').trim() !== '';

/** Runs this program again, in the mount namespace; its exit status. Signals go on to it, which cleans up. */
export function repeatInPrivate(): Promise<number> {
  const hide = isHybrid() ? `mount --bind /dev/null ${CONTROLLERS} && ` : '';
  const script = `${hide}exec "$@"`;
  const again = [process.execPath, ...process.execArgv, ...process.argv.slice(1)];
  const child = spawn(
    'unshare',
    ['-m', '--propagation', 'private', 'sh', '-c', script, 'sh', ...again],
    { stdio: 'inherit', env: { ...process.env, [MARK]: '1' } },
  );
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => child.kill(signal));
  }
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('exit', (status, signal) =>
      resolve(status ?? 128 + (signal === null ? 0 : constants.signals[signal])),
    );
  });
}
