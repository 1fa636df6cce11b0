/** checkpoint and restore by CRIU: the runtime's own verbs, and podman's. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { prepareCriu } from './criu.ts';
import { type Bench, COUNT, type Config, countOf, openBench, untilCount } from './criuBench.ts';
import { type Feature, testFeatures } from './features.ts';
import { IMAGE, openPodman, preparePodman } from './podman.ts';
import { until, useSandbox } from './sandbox.ts';

const sandbox = useSandbox((opened) => {
  process.env['PATH'] = `${prepareCriu()}:${process.env['PATH']}`;
  preparePodman(opened);
});

const VERBS: readonly Feature<Bench>[] = [
  {
    name: 'checkpoint ends the container; restore --detach goes on where it was, under another name',
    check: async (bench) => {
      const { id, bundle } = bench.start(COUNT);
      await untilCount(bench, bundle, 5);
      const images = join(bundle, 'images');
      bench.ok('checkpoint', '--image-path', images, id);
      expect(bench.call('state', id).stderr).toContain('does not exist');
      const before = countOf(bench, bundle);
      const pidFile = join(bundle, 'pid');
      const args = ['--image-path', images, '--bundle', bundle, '--pid-file', pidFile];
      bench.ok('restore', '--detach', ...args, `${id}again`);
      expect(bench.status(`${id}again`)).toBe('running');
      const after = await untilCount(bench, bundle, before + 2);
      expect(after).toBeLessThan(before + 200);
      expect(bench.ok('ps', '--format', 'json', `${id}again`)).toContain(
        readFileSync(pidFile, 'utf8'),
      );
      expect(bench.ok('exec', `${id}again`, 'echo', 'entered')).toBe('entered\n');
      bench.ok('delete', '--force', `${id}again`);
      expect(sandbox.cgroups().filter((path) => path.includes(id))).toEqual([]);
    },
  },
  {
    name: '--leave-running, --work-path, --manage-cgroups-mode',
    check: async (bench) => {
      const { id, bundle } = bench.start(COUNT);
      await untilCount(bench, bundle, 2);
      const args = ['--image-path', join(bundle, 'images'), '--work-path', join(bundle, 'work')];
      mkdirSync(join(bundle, 'work'));
      for (const mode of ['soft', 'full', 'strict']) {
        bench.ok('checkpoint', '--leave-running', ...args, '--manage-cgroups-mode', mode, id);
        expect(bench.status(id)).toBe('running');
        await untilCount(bench, bundle, countOf(bench, bundle));
      }
      expect(existsSync(join(bundle, 'work/dump.log'))).toBe(true);
      bench.ok('delete', '--force', id);
    },
  },
  {
    name: 'bind mounts from elsewhere, a namespace that is joined by path',
    check: async (bench) => {
      const net = `net-${bench.runtime}`;
      sandbox.ok(['ip', 'netns', 'add', net]);
      const edit = (config: Config) => {
        for (const each of config.linux.namespaces) {
          if (each.type === 'network') each.path = `/run/netns/${net}`;
        }
        config.mounts.push({
          destination: '/data',
          source: 'one',
          type: 'bind',
          options: ['bind'],
        });
      };
      const one = `${bench.runtime}-bind`;
      mkdirSync(join(sandbox.directory, `source-${one}`));
      const started = bench.start(COUNT.replace('>/count', '>/data/count'), (config) => {
        edit(config);
        const last = config.mounts.at(-1);
        if (last) last.source = join(sandbox.directory, `source-${one}`);
      });
      const { id, bundle } = started;
      const counted = (place: string) => {
        const file = join(sandbox.directory, place, 'count');
        return existsSync(file) ? Number(readFileSync(file, 'utf8')) : 0;
      };
      await until(() => counted(`source-${one}`) > 2, 'the count');
      bench.ok('checkpoint', '--image-path', join(bundle, 'images'), id);
      // The bundle binds another directory now.
      const path = join(bundle, 'config.json');
      mkdirSync(join(sandbox.directory, `other-${one}`));
      sandbox.ok(['touch', join(sandbox.directory, `other-${one}`, 'count')]);
      writeFileSync(path, readFileSync(path, 'utf8').replace(`source-${one}`, `other-${one}`));
      bench.ok(
        'restore',
        '--detach',
        '--image-path',
        join(bundle, 'images'),
        '--bundle',
        bundle,
        id,
      );
      await until(() => counted(`other-${one}`) > 2, 'the count in the other place');
      const pid = (JSON.parse(bench.ok('state', id)) as { pid: number }).pid;
      expect(sandbox.ok(['stat', '-Lc', '%i', `/proc/${pid}/ns/net`])).toBe(
        sandbox.ok(['stat', '-Lc', '%i', `/run/netns/${net}`]),
      );
      bench.ok('delete', '--force', id);
      sandbox.ok(['ip', 'netns', 'del', net]);
    },
  },
  {
    name: 'restore in the foreground: exit status; createRuntime hooks run again',
    check: async (bench) => {
      const hooked = join(sandbox.directory, `hooked-${bench.runtime}`);
      const script = 'while [ ! -e /end ]; do sleep 0.05; done; exit 7';
      const { id, bundle } = bench.start(script, (config) => {
        const args = ['sh', '-c', `echo x >>${hooked}`];
        config.hooks = { createRuntime: [{ path: '/bin/sh', args }] };
      });
      bench.ok('checkpoint', '--image-path', join(bundle, 'images'), id);
      writeFileSync(join(bundle, 'rootfs/end'), '');
      const again = bench.call(
        'restore',
        '--image-path',
        join(bundle, 'images'),
        '--bundle',
        bundle,
        id,
      );
      expect(again.status).toBe(7);
      expect(readFileSync(hooked, 'utf8')).toBe('x\nx\n');
      expect(bench.call('state', id).status).toBe(1);
    },
  },
  {
    name: 'annotation org.criu.config: a file with options of CRIU',
    check: (bench) => {
      const config = sandbox.file(`criu-${bench.runtime}.conf`, 'log-file annotated.log\n');
      const { id, bundle } = bench.start(COUNT, (edited) => {
        edited.annotations = { 'org.criu.config': config };
      });
      bench.ok('checkpoint', '--image-path', join(bundle, 'images'), id);
      expect(existsSync(join(bundle, 'images/annotated.log'))).toBe(true);
    },
  },
  {
    name: 'a checkpoint that fails says where its log is, and the container runs on',
    check: async (bench) => {
      // Standard input is a socket whose other end is outside, which CRIU refuses.
      const { id, bundle } = bench.start(COUNT, () => {}, '>/dev/null 2>&1');
      const count = await untilCount(bench, bundle, 1);
      const { status, stderr } = bench.call('checkpoint', '--image-path', join(bundle, 'i'), id);
      expect(status).toBe(1);
      expect(stderr).toContain('dump.log');
      expect(bench.status(id)).toBe('running');
      await untilCount(bench, bundle, count);
      bench.ok('delete', '--force', id);
    },
  },
  {
    name: 'podman: checkpoint, restore',
    check: async ({ runtime }) => {
      const podman = openPodman(sandbox, runtime);
      await podman.with([IMAGE, 'sh', '-c', COUNT], async (id) => {
        const count = () => Number(podman.call(['exec', id, 'cat', '/count']).stdout);
        await until(() => count() > 3, 'the count');
        podman.ok('container', 'checkpoint', id);
        expect(podman.ok('inspect', '-f', '{{.State.Status}} {{.State.Checkpointed}}', id)).toBe(
          'exited true',
        );
        podman.ok('container', 'restore', id);
        expect(podman.ok('inspect', '-f', '{{.State.Status}}', id)).toBe('running');
        const after = await somewhere(count);
        expect(after).toBeGreaterThan(3);
        await until(() => count() > after, 'more of the count');
        podman.ok('container', 'checkpoint', '--leave-running', id);
        expect(podman.ok('inspect', '-f', '{{.State.Status}}', id)).toBe('running');
      });
    },
  },
  {
    name: 'podman: checkpoint --export, restore --import under another name',
    check: async ({ runtime }) => {
      const podman = openPodman(sandbox, runtime);
      const archive = join(sandbox.directory, `checkpoint-${runtime}.tar.gz`);
      await podman.with([IMAGE, 'sh', '-c', COUNT], async (id) => {
        await until(
          () => Number(podman.call(['exec', id, 'cat', '/count']).stdout) > 3,
          'the count',
        );
        podman.ok('container', 'checkpoint', '--export', archive, id);
      });
      const again = podman.ok(
        'container',
        'restore',
        '--import',
        archive,
        '--name',
        `moved-${runtime}`,
      );
      const count = () => Number(podman.call(['exec', again, 'cat', '/count']).stdout);
      const first = await somewhere(count);
      expect(first).toBeGreaterThan(3);
      await until(() => count() > first, 'more of the count');
      podman.ok('rm', '-f', '-t', '0', again);
    },
  },
  {
    name: 'podman: a container with a terminal',
    check: async ({ runtime }) => {
      const podman = openPodman(sandbox, runtime);
      await podman.with(['-t', IMAGE, 'sh', '-c', `tty; ${COUNT}`], async (id) => {
        const count = () => Number(podman.call(['exec', id, 'cat', '/count']).stdout);
        await until(() => count() > 3, 'the count');
        podman.ok('container', 'checkpoint', id);
        podman.ok('container', 'restore', id);
        const after = count();
        await until(() => count() > after, 'more of the count');
        expect(podman.ok('exec', id, 'readlink', '/proc/1/fd/1')).toMatch(/^\/dev\/pts\/0/);
      });
    },
  },
];

testFeatures('CRIU: checkpoint, restore', VERBS, (runtime) => openBench(sandbox, runtime));

/** What the count is: while its file is written that is empty, for a moment. */
async function somewhere(count: () => number): Promise<number> {
  let found = 0;
  await until(() => {
    found = count();
    return found > 0;
  }, 'the count again');
  return found;
}
