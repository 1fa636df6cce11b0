/**
 * Containers without a mount namespace: their mounts are made in the caller's, below the rootfs. The caller
 * is in a mount namespace of this file, whose mounts are shared as systemd makes those of a host.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  symlinkSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { addNamespace, type Config, removeNamespace } from './config.ts';
import { isTsrun, until, useContainers } from './runtime.ts';

const t = useContainers();
let holder: ChildProcess;
/** Of a second mount namespace, a peer of the first: what is mounted on shared mounts appears there too. */
let peer: ChildProcess;

async function hold(command: readonly string[], propagation: string): Promise<ChildProcess> {
  const unshare = ['unshare', '--mount', '--propagation', propagation, 'sleep', '1000'];
  const [program = '', ...args] = [...command, ...unshare];
  const child = spawn(program, args, { stdio: 'ignore' });
  await until(() => readFileSync(`/proc/${child.pid}/comm`, 'utf8') === 'sleep\n', 'a namespace');
  return child;
}

beforeAll(async () => {
  holder = await hold([], 'shared');
  peer = await hold(inside(), 'unchanged');
});
afterAll(() => {
  for (const child of [peer, holder]) child.kill('SIGKILL');
});

const inside = () => ['nsenter', `--mount=/proc/${holder.pid}/ns/mnt`, '--'];
const call = (...args: string[]) => t.call(args, { prefix: inside() });
/** What the namespace has mounted at a path or below it, and how its own root is. */
const mountsBelow = (path: string) =>
  linesOf(holder)
    .map((line) => line.split(' ')[4] ?? '')
    .filter((point) => point === path || point.startsWith(`${path}/`));
const linesOf = ({ pid }: ChildProcess) =>
  readFileSync(`/proc/${pid}/mountinfo`, 'utf8').trim().split('\n');
const mountinfo = () => [holder, peer].flatMap(linesOf);
const onHost = (...command: string[]) => {
  const [program = '', ...args] = [...inside(), ...command];
  const done = spawnSync(program, args, { encoding: 'utf8' });
  if (done.status !== 0) throw new Error(`${command.join(' ')}: ${done.stderr}`);
};

/** A bundle with a rootfs of its own, which is no mount before. */
function bundleOf(edit: (config: Config) => void = () => {}) {
  const rootfs = t.freshRootfs();
  const bundle = t.bundle((config) => {
    removeNamespace(config, 'mount');
    config.root.path = rootfs;
    edit(config);
  });
  return { rootfs, bundle };
}

const asleep = (config: Config) => {
  config.process.args = ['sleep', '1000'];
};

function create(edit: (config: Config) => void = asleep) {
  const { rootfs, bundle } = bundleOf(edit);
  const id = t.newId();
  const result = call('create', '--bundle', bundle, id);
  return { rootfs, bundle, id, result };
}

describe('linux.namespaces without mount', () => {
  it('mounts in the mount namespace of the caller, and enters the rootfs by chroot', () => {
    const { bundle, rootfs } = bundleOf((config) => {
      config.process.args = ['sh', '-c', 'readlink /proc/self/ns/mnt; ls -d /proc/1 /dev/null'];
    });
    const result = call('run', '--bundle', bundle, t.newId());
    expect(result).toMatchObject({ status: 0 });
    const namespace = readlinkSync(`/proc/${holder.pid}/ns/mnt`);
    expect(result.stdout).toBe(`${namespace}\n/dev/null\n/proc/1\n`);
    if (isTsrun) expect(mountsBelow(rootfs)).toEqual([]);
  });

  // runc takes the root file system from every process of the namespace.
  it.runIf(isTsrun)('is not to be had by the path of the own one', () => {
    const before = linesOf(holder);
    const { bundle } = bundleOf((config) => {
      addNamespace(config, 'mount', `/proc/${holder.pid}/ns/mnt`);
    });
    const result = call('run', '--bundle', bundle, t.newId());
    expect(result.status).toBe(1);
    expect(result.stderr).toContain('namespaces[4].path: is the mount namespace tsrun is in');
    expect(linesOf(holder)).toEqual(before);
  });

  // runc leaves its mounts for ever, and makes the host's `/` and all below it slaves.
  describe.runIf(isTsrun)('and its mounts', () => {
    it('are told of, stay until delete, and are the only ones that go', () => {
      const before = mountinfo();
      const { id, rootfs, result } = create();
      expect(result).toMatchObject({ status: 0 });
      expect(result.stderr).toContain('the mounts are made on the host, until delete');
      expect(mountsBelow(rootfs)).toContain(`${rootfs}/dev/pts`);
      expect(mountinfo()).toEqual(expect.arrayContaining(before));
      expect(call('delete', id)).toMatchObject({ status: 0, stderr: '' });
      expect(mountinfo()).toEqual(before);
    });

    it('cover what was mounted on the rootfs and in it, and leave it', () => {
      const { bundle, rootfs } = bundleOf((config) => {
        config.process.args = ['cat', '/volume/here', '/mnt/here'];
        config.root.readonly = true;
      });
      mkdirSync(join(rootfs, 'volume'));
      onHost('mount', '--bind', rootfs, rootfs);
      onHost('mount', '-t', 'tmpfs', 'tmpfs', join(rootfs, 'volume'));
      onHost('sh', '-c', `echo a >${rootfs}/volume/here; echo b >${rootfs}/mnt/here`);
      const before = mountinfo();
      const result = call('run', '--bundle', bundle, t.newId());
      expect(result).toMatchObject({ status: 0, stdout: 'a\nb\n' });
      expect(mountinfo()).toEqual(before);
      onHost('umount', '--recursive', rootfs);
    });

    it('in a bind mount do not appear at its source', () => {
      const source = t.newDirectory();
      mkdirSync(join(source, 'sub'));
      onHost('mount', '--bind', source, source);
      const { id, rootfs, result } = create((config) => {
        asleep(config);
        config.mounts.push({ destination: '/data', source, options: ['rbind'] });
        config.mounts.push({ destination: '/data/sub', type: 'tmpfs', source: 'tmpfs' });
      });
      expect(result).toMatchObject({ status: 0 });
      expect(mountsBelow(rootfs)).toContain(`${rootfs}/data/sub`);
      expect(mountsBelow(source)).toEqual([source]);
      call('delete', '--force', id);
      expect(mountsBelow(source)).toEqual([source]);
      onHost('umount', source);
    });

    it('are not left by a create that fails, with --no-pivot neither', () => {
      const before = mountinfo();
      for (const flags of [[], ['--no-pivot']]) {
        const { bundle } = bundleOf((config) => {
          config.mounts.push({ destination: '/z', type: 'no-such-type', source: 'x' });
        });
        const result = call('create', ...flags, '--bundle', bundle, t.newId());
        expect(result.status).toBe(1);
        expect(result.stderr).toContain('mounts[6]');
        expect(mountinfo()).toEqual(before);
      }
    });

    it('are removed by delete --force after a create that was killed at any moment', async () => {
      const { bundle } = bundleOf(asleep);
      const before = mountinfo();
      const span = 12;
      for (let round = 0; round < 24; round++) {
        const id = `${t.mark}-kill${round}`;
        const create = t.spawn(['create', '--bundle', bundle, id], { prefix: inside() });
        await sleep((span * round) / 24);
        create.child.kill('SIGKILL');
        await create.ended;
        expect(call('delete', '--force', id), `round ${round}`).toMatchObject({ status: 0 });
        expect(mountinfo(), `round ${round}`).toEqual(before);
      }
    });

    it('are told from another mount to which the path leads by now', () => {
      const { id, rootfs, bundle } = create();
      const elsewhere = t.newDirectory();
      onHost('mount', '-t', 'tmpfs', 'tmpfs', elsewhere);
      onHost('mkdir', join(elsewhere, 'rootfs'));
      onHost('mount', '-t', 'tmpfs', 'tmpfs', join(elsewhere, 'rootfs'));
      renameSync(dirname(rootfs), `${dirname(rootfs)}-moved`);
      symlinkSync(elsewhere, dirname(rootfs));
      expect(existsSync(bundle)).toBe(true);
      const result = call('delete', '--force', id);
      expect(result).toMatchObject({ status: 0 });
      expect(result.stderr).toContain('are gone or moved away, and are left alone');
      expect(mountsBelow(elsewhere)).toEqual([elsewhere, join(elsewhere, 'rootfs')]);
      onHost('umount', '--recursive', elsewhere);
      onHost('umount', '--recursive', `${dirname(rootfs)}-moved/rootfs`);
    });

    it('that another mount covers are not forgotten: delete fails until it is gone', () => {
      const before = mountinfo();
      const { id, rootfs } = create();
      onHost('mount', '-t', 'tmpfs', 'tmpfs', rootfs);
      const result = call('delete', '--force', id);
      expect(result.status).toBe(1);
      expect(result.stderr).toContain('EBUSY');
      expect(mountsBelow(rootfs)).toContain(`${rootfs}/proc`);
      onHost('umount', rootfs);
      expect(call('delete', '--force', id)).toMatchObject({ status: 0, stderr: '' });
      expect(mountinfo()).toEqual(before);
    });

    it('are what exec sees', () => {
      const { id } = create();
      expect(call('start', id).status).toBe(0);
      const seen = call('exec', id, 'sh', '-c', 'ls -d /proc/1; cat /proc/1/comm');
      expect(seen).toMatchObject({ status: 0, stdout: '/proc/1\nsleep\n' });
    });
  });
});
