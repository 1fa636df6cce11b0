/**
 * `npm run bench:podman`: the wall time of `podman run --rm true` on each runtime, interleaved, in a place of
 * its own on a tmpfs. Prints the lines of table.md.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

const TOP = resolve(import.meta.dirname, '../..');
const ROUNDS = Number(process.argv[2] ?? 15);
const RUNTIMES = { tsrun: join(TOP, 'tsrun'), crun: 'crun', runc: 'runc' } as const;

const directory =
  process.env['TSRUN_COST_PRIVATE'] === undefined ? '' : mkdtempSync('/dev/shm/tsrun-cost-');
const env = { ...process.env, CONTAINERS_CONF: join(directory, 'containers.conf') };
const at = (name: string) => join(directory, name);
const storage = ['--root', at('storage'), '--runroot', at('run'), '--tmpdir', at('tmp')];

function writeConfig(): void {
  const ulimits = 'default_ulimits = ["nofile=1024:1024","nproc=4096:4096"]';
  writeFileSync(
    join(directory, 'containers.conf'),
    `[containers]\n${ulimits}\n[engine]\ncgroup_manager = "cgroupfs"\nevents_logger = "file"\n` +
      'runtime_supports_json = ["tsrun", "crun", "runc"]\n',
  );
}

function podman(args: readonly string[]): void {
  const done = spawnSync('podman', [...storage, ...args], { env, encoding: 'utf8' });
  if (done.status !== 0) throw new Error(`podman ${args.join(' ')}: ${done.stderr}`);
}

/** Of this machine's hybrid cgroups crun takes no note when it cannot see the second tree. */
function inPrivateMounts(): boolean {
  if (process.env['TSRUN_COST_PRIVATE'] !== undefined) return true;
  const hide =
    'f=/sys/fs/cgroup/unified/cgroup.controllers; [ ! -e $f ] || mount --bind /dev/null $f';
  const again = [process.execPath, ...process.execArgv, ...process.argv.slice(1)];
  const around = ['-m', '--propagation', 'private', 'sh', '-c', `${hide}; exec "$@"`, 'cost'];
  const done = spawnSync('unshare', [...around, ...again], {
    stdio: 'inherit',
    env: { ...process.env, TSRUN_COST_PRIVATE: '1' },
  });
  process.exitCode = done.status ?? 1;
  return false;
}

const percentile = (sorted: readonly number[], part: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))] ?? 0;

function main(): void {
  writeConfig();
  mkdirSync(at('rootfs'));
  const make = 'sh "$0" "$1" >/dev/null && tar -C "$1" -cf "$2" .';
  const script = join(TOP, 'bundles/make-rootfs.sh');
  spawnSync('sh', ['-c', make, script, at('rootfs'), at('rootfs.tar')]);
  podman(['import', '-c', 'ENV PATH=/bin', at('rootfs.tar'), 'localhost/bb']);
  const times = new Map<string, number[]>(Object.keys(RUNTIMES).map((name) => [name, []]));
  for (let round = -1; round < ROUNDS; round += 1) {
    for (const [name, path] of Object.entries(RUNTIMES)) {
      const started = process.hrtime.bigint();
      podman(['--runtime', path, 'run', '--rm', '--network=none', 'localhost/bb', 'true']);
      const took = Number(process.hrtime.bigint() - started) / 1e6;
      if (round >= 0) times.get(name)?.push(took); // the first of each fills caches
    }
  }
  console.log(
    '| runtime | median ms | quartiles | runs |\n| ------- | --------- | --------- | ---- |',
  );
  for (const [name, all] of times) {
    const sorted = all.sort((a, b) => a - b);
    const [low, median, high] = [0.25, 0.5, 0.75].map((part) =>
      percentile(sorted, part).toFixed(0),
    );
    console.log(
      `| ${name.padEnd(7)} | ${median?.padEnd(9)} | ${`${low}-${high}`.padEnd(9)} | ${`${all.length}`.padEnd(4)} |`,
    );
  }
  podman(['rm', '-fa']);
}

if (inPrivateMounts()) {
  try {
    main();
  } finally {
    spawnSync('sh', ['-c', 'umount -R "$0"/storage/overlay 2>/dev/null', directory]);
    rmSync(directory, { recursive: true, force: true });
  }
}
