/**
 * A mount namespace of the benchmark's own, for all it measures alike: it mounts a tmpfs for state (ground.ts),
 * and on cgroup v1 hides the controllers of the v2 tree, with which crun refuses the machine ("hybrid mode"), or
 * all of v1.
 */
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { constants } from 'node:os';

const CGROUPS = '/sys/fs/cgroup';
const CONTROLLERS = `${CGROUPS}/unified/cgroup.controllers`;
const MARK = 'TSRUN_BENCH_PRIVATE';

export const isPrivate = (): boolean => process.env[MARK] !== undefined;

const isHybrid = (): boolean =>
  existsSync(CONTROLLERS) && readFileSync(CONTROLLERS, 'utf8').trim() !== '';

/** As on a host of cgroup v2 alone, with the controllers v1 has left it. */
const SHOW_UNIFIED = `umount -R -l ${CGROUPS} && mount -t cgroup2 cgroup2 ${CGROUPS} && `;

/**
 * Runs this program again, in the mount namespace, where there is v2 alone when it is asked for; its exit status.
 * Signals go on to it, which cleans up.
 */
export function repeatInPrivate(unified: boolean): Promise<number> {
  const hide = isHybrid() ? `mount --bind /dev/null ${CONTROLLERS} && ` : '';
  const script = `${unified ? SHOW_UNIFIED : hide}exec "$@"`;
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
