/** podman under systemd on cgroup v2, and what CRIU can do on this kernel and not on the newest. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Config } from '../integration/config.ts';
import { RUNTIME, until, useContainers } from '../integration/runtime.ts';

const t = useContainers();

const IMAGE = 'localhost/busybox';

function run(command: readonly string[]): {
  status: number | null;
  stdout: string;
  stderr: string;
} {
  const [program = '', ...args] = command;
  return spawnSync(program, args, { encoding: 'utf8', timeout: 120_000 });
}

function ok(...command: readonly string[]): string {
  const { status, stdout, stderr } = run(command);
  expect({ command, status, stderr }).toMatchObject({ status: 0 });
  return stdout.trim();
}

describe('podman with systemd', () => {
  it('run, exec, stats, stop: a scope of systemd with the limits', () => {
    const directory = t.newDirectory();
    const archive = join(directory, 'rootfs.tar');
    ok('tar', '-C', t.rootfs, '-cf', archive, '.');
    const storage = ['--root', join(directory, 'storage'), '--runroot', join(directory, 'run')];
    const engine = ['--storage-driver', 'vfs', '--cgroup-manager', 'systemd', '--runtime', RUNTIME];
    const podman = (...args: readonly string[]) => ok('podman', ...storage, ...engine, ...args);
    podman('import', '-c', 'ENV PATH=/bin', archive, IMAGE);
    const limits = ['--memory=64m', '--cpus=0.5', '--pids-limit=50', '--ulimit', 'nproc=100:100'];
    const id = podman('run', '-d', '--network=none', ...limits, IMAGE, 'sleep', '1000');
    const unit = `libpod-${id}.scope`;
    expect(ok('systemctl', 'show', '-p', 'MemoryMax,TasksMax', unit)).toBe(
      'MemoryMax=67108864\nTasksMax=50',
    );
    const files = ['memory.max', 'cpu.max', 'pids.max'].map((file) => `/sys/fs/cgroup/${file}`);
    expect(podman('exec', id, 'cat', ...files)).toBe('67108864\n50000 100000\n50');
    expect(podman('stats', '--no-stream', '--format', '{{.PIDs}}', id)).toBe('1');
    podman('rm', '-f', '-t', '0', id);
    expect(ok('systemctl', 'show', '-p', 'ActiveState', unit)).toBe('ActiveState=inactive');
  });
});

describe('checkpoint, restore', () => {
  const started = async (script: string) => {
    const root = t.freshRootfs();
    const bundle = t.bundle((config: Config) => {
      config.root = { path: root };
      config.process.args = ['sh', '-c', script];
    });
    const id = t.newId();
    expect(t.call(['run', '--detach', '--bundle', bundle, id])).toMatchObject({ status: 0 });
    const read = (file: string) =>
      existsSync(join(root, file)) ? readFileSync(join(root, file), 'utf8') : '';
    return { id, bundle, root, read };
  };

  it('--tcp-established: a connection lives on', async () => {
    const speak = '(echo before; until [ -e /go ]; do sleep 0.1; done; echo behind; sleep 1000)';
    const listen = '(sleep 1000 | nc -l -p 9000 >/got) &';
    const { id, bundle, root, read } = await started(
      `${listen} until netstat -ltn | grep -q 9000; do sleep 0.1; done; ${speak} | nc 127.0.0.1 9000`,
    );
    await until(() => read('got') === 'before\n', 'the first line');
    const flags = [
      '--tcp-established',
      '--network-lock',
      'skip',
      '--image-path',
      join(bundle, 'i'),
    ];
    expect(t.call(['checkpoint', ...flags, id])).toMatchObject({ status: 0, stderr: '' });
    const restored = t.call(['restore', '--detach', ...flags, '--bundle', bundle, id]);
    expect(restored).toMatchObject({ status: 0, stderr: '' });
    writeFileSync(join(root, 'go'), '');
    await until(() => read('got') === 'before\nbehind\n', 'the line behind the restore');
  });

  it('--pre-dump, --parent-path: memory first, while it runs', async () => {
    const count = 'i=0; while :; do i=$((i+1)); echo $i >/count; sleep 0.1; done';
    const { id, bundle, read } = await started(count);
    await until(() => Number(read('count')) > 2, 'the count');
    const images = join(bundle, 'images');
    mkdirSync(images);
    const first = ['--image-path', join(images, 'first')];
    expect(t.call(['checkpoint', '--pre-dump', ...first, id])).toMatchObject({
      status: 0,
      stderr: '',
    });
    expect(t.state(id).status).toBe('running');
    const last = ['--image-path', join(images, 'last')];
    const dump = t.call(['checkpoint', ...last, '--parent-path', '../first', id]);
    expect(dump).toMatchObject({ status: 0, stderr: '' });
    expect(existsSync(join(images, 'last/parent'))).toBe(true);
    const before = Number(read('count'));
    expect(t.call(['restore', '--detach', ...last, '--bundle', bundle, id])).toMatchObject({
      status: 0,
    });
    await until(() => Number(read('count')) > before + 2, 'more of the count');
    expect(Number(read('count'))).toBeLessThan(before + 100);
  });
});
