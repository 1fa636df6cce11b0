/** The flags of checkpoint and restore, each for what it does. Those that want another kernel: test/vm. */
import { mkdirSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { prepareCriu } from './criu.ts';
import { type Bench, COUNT, type Config, countOf, openBench, untilCount } from './criuBench.ts';
import { type Feature, testFeatures } from './features.ts';
import { makeRootfsArchive } from './image.ts';
import { isV2 } from './machine.ts';
import { until, useSandbox } from './sandbox.ts';

const sandbox = useSandbox((opened) => {
  process.env['PATH'] = `${prepareCriu()}:${process.env['PATH']}`;
  makeRootfsArchive(opened.directory);
});

/** A counting container, checkpointed with the flags. */
async function checkpointed(bench: Bench, flags: readonly string[]) {
  const { id, bundle } = bench.start(COUNT);
  const count = await untilCount(bench, bundle, 2);
  const images = join(bundle, 'images');
  bench.ok('checkpoint', '--image-path', images, ...flags, id);
  return { id, bundle, images, count };
}

interface Restored {
  readonly id: string;
  readonly bundle: string;
  readonly images: string;
}

const restoreArgs = ({ id, bundle, images }: Restored, flags: readonly string[]) => [
  ...['restore', '--detach', '--image-path', images, '--bundle', bundle],
  ...flags,
  id,
];

const pidOf = (bench: Bench, id: string): number =>
  (JSON.parse(bench.ok('state', id)) as { pid: number }).pid;

const bytesIn = (directory: string): number =>
  readdirSync(directory)
    .filter((name) => name.startsWith('pages-'))
    .reduce((sum, name) => sum + statSync(join(directory, name)).blocks * 512, 0);

const FLAGS: readonly Feature<Bench>[] = [
  {
    name: '--page-server: memory goes to another CRIU',
    check: async (bench) => {
      const pages = join(sandbox.directory, `pages-${bench.runtime}`);
      mkdirSync(pages);
      const port = bench.runtime === 'runc' ? '27001' : '27002';
      const at = ['--address', '127.0.0.1', '--port', port, '-D', pages];
      const isListening = () => sandbox.ok(['ss', '-ltn']).includes(`127.0.0.1:${port}`);
      const server = ['criu', 'page-server', ...at];
      await sandbox.start(`pages-${bench.runtime}`, server, isListening);
      const made = await checkpointed(bench, ['--page-server', `127.0.0.1:${port}`]);
      expect(bytesIn(made.images)).toBe(0);
      expect(bytesIn(pages)).toBeGreaterThan(10_000);
      sandbox.ok(['sh', '-c', 'cp "$0"/*.img "$1"', pages, made.images]);
      bench.ok(...restoreArgs(made, []));
      await untilCount(bench, made.bundle, made.count + 2);
      bench.ok('delete', '--force', made.id);
    },
  },
  {
    name: '--auto-dedup: the images shrink as they are restored',
    check: async (bench) => {
      const made = await checkpointed(bench, ['--auto-dedup']);
      const before = bytesIn(made.images);
      bench.ok(...restoreArgs(made, ['--auto-dedup']));
      expect(bytesIn(made.images)).toBeLessThan(before);
      await untilCount(bench, made.bundle, made.count + 2);
      bench.ok('delete', '--force', made.id);
    },
  },
  {
    name: '--manage-cgroups-mode soft, full, strict at restore; strict refuses cgroups that are there',
    differs: { runc: 'restore takes each for soft' },
    check: async (bench) => {
      for (const mode of ['soft', 'full', 'strict']) {
        const flags = ['--manage-cgroups-mode', mode];
        const made = await checkpointed(bench, flags);
        if (mode === 'strict' && bench.runtime === 'tsrun') {
          const own = '/sys/fs/cgroup/pids';
          sandbox.ok(['mkdir', `${own}/${made.id}`]);
          const refused = bench.call(...restoreArgs(made, flags));
          expect(refused).toMatchObject({
            status: 1,
            stderr: expect.stringContaining(`${made.id} exists`),
          });
          sandbox.ok(['rmdir', `${own}/${made.id}`]);
        }
        bench.ok(...restoreArgs(made, flags));
        const cgroups = sandbox.ok(['cat', `/proc/${pidOf(bench, made.id)}/cgroup`]);
        expect(cgroups).toMatch(
          new RegExp(isV2 ? `^0::.*/${made.id}$` : `:pids:/${made.id}$`, 'm'),
        );
        await untilCount(bench, made.bundle, made.count + 2);
        bench.ok('delete', '--force', made.id);
      }
    },
  },
  {
    name: '--manage-cgroups-mode ignore',
    differs: { runc: 'not in 1.1.5' },
    check: async (bench) => {
      const flags = ['--manage-cgroups-mode', 'ignore'];
      if (bench.runtime === 'runc') {
        const { id } = bench.start(COUNT);
        expect(bench.call('checkpoint', ...flags, id).stderr).toContain('manage cgroups mode');
        bench.ok('delete', '--force', id);
        return;
      }
      const made = await checkpointed(bench, flags);
      bench.ok(...restoreArgs(made, flags));
      await untilCount(bench, made.bundle, made.count + 2);
      bench.ok('delete', '--force', made.id);
    },
  },
  {
    name: '--empty-ns network: a network namespace that nothing is restored in',
    check: async (bench) => {
      const made = await checkpointed(bench, ['--empty-ns', 'network']);
      bench.ok(...restoreArgs(made, ['--empty-ns', 'network']));
      await untilCount(bench, made.bundle, made.count + 2);
      const links = ['nsenter', '-t', `${pidOf(bench, made.id)}`, '-n', 'ip', '-o', 'link'];
      const shown = sandbox.ok(links);
      expect(shown).toContain('<LOOPBACK>');
      expect(shown.trim().split('\n')).toHaveLength(1);
      bench.ok('delete', '--force', made.id);
    },
  },
  {
    name: '--link-remap: an open file whose one name of two is gone',
    differs: { runc: 'not in 1.1.5' },
    check: async (bench) => {
      const { id, bundle } = bench.start(
        `exec 4>/first; ln /first /second; rm /first; ${COUNT.replace('>/count', '>/count; echo $i >&4')}`,
      );
      const count = await untilCount(bench, bundle, 2);
      const images = join(bundle, 'images');
      if (bench.runtime === 'runc') {
        expect(bench.call('checkpoint', '--link-remap', id).stderr).toContain('link-remap');
        bench.ok('delete', '--force', id);
        return;
      }
      const args = ['checkpoint', '--image-path', images];
      expect(bench.call(...args, id).stderr).toContain('link-remap');
      expect(bench.status(id)).toBe('running');
      bench.ok(...args, '--link-remap', id);
      bench.ok(...restoreArgs({ id, bundle, images }, ['--link-remap']));
      await untilCount(bench, bundle, count + 2);
      const reached = countOf(bench, bundle);
      await until(
        () => bench.read(bundle, 'second').includes(`\n${reached}\n`),
        'a line in the file that is open',
      );
      bench.ok('delete', '--force', id);
    },
  },
  {
    name: '--pre-dump is refused where the kernel does not track memory, and the container runs on',
    check: async (bench) => {
      const { id, bundle } = bench.start(COUNT);
      const count = await untilCount(bench, bundle, 1);
      const { status, stderr } = bench.call(
        ...['checkpoint', '--pre-dump', '--image-path', join(bundle, 'images'), id],
      );
      const tracks = sandbox.run(['criu', 'check', '--feature', 'mem_dirty_track']).status === 0;
      expect({ status, stderr }).toEqual({
        status: tracks ? 0 : 1,
        stderr: tracks
          ? ''
          : expect.stringMatching(/Tracking memory is not available|missing features/),
      });
      await untilCount(bench, bundle, count + 2);
      bench.ok('delete', '--force', id);
    },
  },
  {
    name: 'IPC and UTS namespaces that are joined by path are joined again',
    check: async (bench) => {
      const at = (type: string) => `/run/${type}-${bench.runtime}`;
      sandbox.ok(['touch', at('ipc'), at('uts')]);
      sandbox.ok(['unshare', `--ipc=${at('ipc')}`, `--uts=${at('uts')}`, 'hostname', 'pod']);
      const { id, bundle } = bench.start(COUNT, (config: Config) => {
        for (const each of config.linux.namespaces) {
          if (each.type === 'ipc' || each.type === 'uts') each.path = at(each.type);
        }
        delete config.hostname;
      });
      const count = await untilCount(bench, bundle, 2);
      const images = join(bundle, 'images');
      bench.ok('checkpoint', '--image-path', images, id);
      bench.ok(...restoreArgs({ id, bundle, images }, []));
      await untilCount(bench, bundle, count + 2);
      const inode = (path: string) => sandbox.ok(['stat', '-Lc', '%i', path]);
      for (const type of ['ipc', 'uts']) {
        const isJoined = inode(`/proc/${pidOf(bench, id)}/ns/${type}`) === inode(at(type));
        expect({ type, isJoined }).toEqual({ type, isJoined: true });
      }
      expect(bench.ok('exec', id, 'hostname')).toBe('pod\n');
      bench.ok('delete', '--force', id);
      sandbox.ok(['umount', at('ipc'), at('uts')]);
    },
  },
];

testFeatures('CRIU: flags', FLAGS, (runtime) => openBench(sandbox, runtime));
