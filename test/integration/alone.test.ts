/** The native host is one file: it runs containers where there is nothing else. */
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { baseConfig, toJson } from './config.ts';
import { TOP, useContainers } from './runtime.ts';

const containers = useContainers();
const TSRUN = join(TOP, 'tsrun');
const isNative = readFileSync(TSRUN).subarray(0, 4).toString('latin1') === '\x7fELF';

/**
 * A directory that holds the program, a bundle, and places for what the kernel offers: no library, no
 * shell, no Node. Bound to itself, because a root that is changed (pivot_root(2)) must be a mount.
 */
function emptyTree(): string {
  const tree = containers.newDirectory();
  for (const place of ['bundle', 'dev', 'proc', 'run', 'sys/fs/cgroup', 'tmp']) {
    mkdirSync(join(tree, place), { recursive: true });
  }
  copyFileSync(TSRUN, join(tree, 'tsrun'));
  return tree;
}

const IN_TREE = `
mount --bind "$1" "$1" && mount -t proc proc "$1/proc" && mount --rbind /sys/fs/cgroup "$1/sys/fs/cgroup" &&
mount -t tmpfs tmpfs "$1/dev" && mknod -m 666 "$1/dev/null" c 1 3 && tree=$1 && shift && exec chroot "$tree" "$@"`;

const inTree = (tree: string, ...command: readonly string[]) =>
  spawnSync(
    'unshare',
    ['-m', '--propagation', 'private', 'sh', '-c', IN_TREE, 'sh', tree, ...command],
    { encoding: 'utf8', env: {}, timeout: 30_000 },
  );

describe.skipIf(!isNative)('the native tsrun', () => {
  it('needs no shared library: ldd finds none', () => {
    const { stdout, stderr } = spawnSync('ldd', [TSRUN], { encoding: 'utf8' });
    expect(`${stdout}${stderr}`).toMatch(/not a dynamic executable|statically linked/);
  });

  it('runs a container in a tree that holds nothing but itself and the bundle', () => {
    const tree = emptyTree();
    const config = baseConfig('rootfs', `TEST=${containers.mark}`);
    config.process.args = ['sh', '-c', 'echo in a container; ls /; exit 7'];
    spawnSync('cp', ['-a', containers.rootfs, join(tree, 'bundle/rootfs')]);
    writeFileSync(join(tree, 'bundle/config.json'), toJson(config));
    const run = inTree(
      tree,
      '/tsrun',
      '--root',
      '/run/tsrun',
      'run',
      '--bundle',
      '/bundle',
      containers.newId(),
    );
    expect(run).toMatchObject({ stderr: '', status: 7 });
    expect(run.stdout).toMatch(/^in a container\nbin\n/);
  });

  it('prints its help and plans there too', () => {
    const tree = emptyTree();
    expect(inTree(tree, '/tsrun', '--help').stdout).toMatch(
      /^tsrun - Open Container Initiative runtime/,
    );
    writeFileSync(join(tree, 'bundle/config.json'), toJson(baseConfig('/tmp', 'TEST=1')));
    expect(inTree(tree, '/tsrun', 'plan', '--bundle', '/bundle')).toMatchObject({
      status: 0,
      stdout: expect.stringContaining('pivot_root'),
    });
  });
});
