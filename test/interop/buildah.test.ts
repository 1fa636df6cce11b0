/** buildah with tsrun in runc's place, and the call that BuildKit makes. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { runtimePath } from './count.ts';
import { type Feature, type Runtime, testFeatures } from './features.ts';
import { makeImageArchive } from './image.ts';
import { type Result, type RunOptions, until, useSandbox } from './sandbox.ts';

const IMAGE = 'localhost/busybox:test';
let archive = '';

const sandbox = useSandbox((opened) => {
  archive = makeImageArchive(opened.directory, IMAGE, ['sh']);
});

interface Buildah {
  readonly runtime: Runtime;
  readonly chosen: readonly string[];
  call(args: readonly string[], options?: RunOptions): Result;
  ok(...args: readonly string[]): string;
}

function openBuildah(runtime: Runtime): Buildah {
  const storage = ['--root', join(sandbox.directory, 'storage'), '--runroot', '/run/buildah'];
  const program = ['buildah', ...storage];
  return {
    runtime,
    chosen: ['--isolation', 'oci', '--runtime', runtimePath(runtime)],
    call: (args, options) => sandbox.run([...program, ...args], options),
    ok: (...args) => sandbox.ok([...program, ...args]).trimEnd(),
  };
}

const FEATURES: readonly Feature<Buildah>[] = [
  {
    name: 'from, run, config, commit',
    check: ({ chosen, call, ok }) => {
      const id = ok('from', `docker-archive:${archive}`);
      const limits = [
        '--network=none',
        '--cap-add',
        'CAP_NET_RAW',
        '--env',
        'A=b',
        '--user',
        '1000',
      ];
      const ran = call([
        'run',
        ...chosen,
        ...limits,
        id,
        '--',
        'sh',
        '-c',
        'echo $A; id -u; exit 3',
      ]);
      expect({ status: ran.status, stdout: ran.stdout }).toEqual({
        status: 3,
        stdout: 'b\n1000\n',
      });
      ok('run', ...chosen, '--network=none', id, '--', 'sh', '-c', 'echo made >/made');
      expect(ok('run', ...chosen, '--network=none', id, '--', 'cat', '/made')).toBe('made');
      ok('config', '--cmd', 'cat /made', id);
      ok('commit', '-q', id, 'localhost/committed');
      ok('rm', id);
    },
  },
  {
    name: 'run with a terminal, a volume, a program that is missing',
    check: ({ chosen, call, ok }) => {
      const id = ok('from', `docker-archive:${archive}`);
      const volume = ['-v', `${sandbox.directory}:/v:ro`];
      const args = ['run', ...chosen, '--network=none', ...volume, id, '--'];
      expect(ok(...args, 'ls', '/v')).toContain('storage');
      expect(call([...args, 'no-such-program']).status).not.toBe(0);
      const tty = sandbox.run([
        ...['script', '-qec'],
        `buildah --root ${join(sandbox.directory, 'storage')} --runroot /run/buildah run -t ${chosen.join(' ')} --network=none ${id} -- tty`,
        '/dev/null',
      ]);
      expect(tty.stdout).toContain('/dev/pts/0');
      ok('rm', id);
    },
  },
  {
    name: 'bud: a Dockerfile with RUN steps, and one that fails',
    check: ({ chosen, call, ok, runtime }) => {
      ok('pull', '-q', `docker-archive:${archive}`);
      const steps = [
        'ENV A=b',
        'RUN mkdir /made',
        'RUN echo $A $(id -u) >/made/file',
        'USER 1000',
        'RUN id -u',
      ];
      const file = sandbox.file(
        `bud-${runtime}/Dockerfile`,
        [`FROM ${IMAGE}`, ...steps].join('\n'),
      );
      const options = ['--network=none', '--pull-never', '-f', file];
      const built = call([
        'bud',
        ...chosen,
        ...options,
        '-t',
        `localhost/bud-${runtime}`,
        join(file, '..'),
      ]);
      expect(built).toMatchObject({ status: 0, stdout: expect.stringContaining('\n1000\n') });
      const id = ok('from', '--pull-never', `localhost/bud-${runtime}`);
      expect(ok('run', ...chosen, '--network=none', id, '--', 'cat', '/made/file')).toBe('b 0');
      ok('rm', id);
      const failing = sandbox.file(`fail-${runtime}/Dockerfile`, `FROM ${IMAGE}\nRUN exit 9\n`);
      const args = [
        'bud',
        ...chosen,
        '--network=none',
        '--pull-never',
        '-f',
        failing,
        join(failing, '..'),
      ];
      expect(call(args).status).not.toBe(0);
    },
  },
  {
    name: "BuildKit's call: run --keep with a log, a pid file and inherited streams; then delete",
    check: async ({ runtime }) => {
      const bundle = join(sandbox.directory, `keep-${runtime}`);
      mkdirSync(bundle);
      const at = (name: string) => join(bundle, name);
      const program = [runtimePath(runtime), '--root', at('state')];
      sandbox.ok([runtimePath('runc'), 'spec', '--bundle', bundle]);
      const config = JSON.parse(readFileSync(at('config.json'), 'utf8')) as {
        root: { path: string };
        process: { terminal: boolean; args: string[] };
      };
      config.root.path = join(sandbox.directory, 'rootfs');
      config.process.terminal = false;
      config.process.args = ['sh', '-c', 'echo built; exit 4'];
      writeFileSync(at('config.json'), JSON.stringify(config));
      const log = ['--log', at('log.json'), '--log-format', 'json'];
      const run = ['run', '--bundle', bundle, '--keep', '--pid-file', at('pid'), 'keep'];
      const { status, stdout } = sandbox.run([...program, ...log, ...run]);
      expect({ status, stdout }).toEqual({ status: 4, stdout: 'built\n' });
      expect(existsSync(at('pid'))).toBe(true);
      expect(sandbox.ok([...program, 'state', 'keep'])).toContain('"stopped"');
      sandbox.ok([...program, 'delete', 'keep']);
      await until(() => sandbox.run([...program, 'state', 'keep']).status === 1, 'the end');
    },
  },
];

testFeatures('buildah, BuildKit', FEATURES, openBuildah);
