/** docker with tsrun in runc's place: a daemon for each runtime, which is its default runtime. */
import { join } from 'node:path';
import { expect } from 'vitest';
import { runtimePath } from './count.ts';
import { type Feature, RUNTIMES, type Runtime, TESTED, testFeatures } from './features.ts';
import { makeImageArchive } from './image.ts';
import { hasSystemd, type Limits, limitFiles, limitWords } from './machine.ts';
import { type Result, type RunOptions, until, useSandbox } from './sandbox.ts';

const IMAGE = 'busybox:test';
const sandbox = useSandbox(async (opened) => {
  const archive = makeImageArchive(opened.directory, IMAGE, ['sh']);
  // One after the other: two that start at once break each other's chains in the packet filter.
  for (const runtime of TESTED) {
    const docker = openDocker(runtime);
    await startDaemon(runtime, () => docker.call(['version']).status === 0);
    docker.ok('load', '-i', archive);
  }
});

/** Each daemon has a bridge and a containerd of its own. */
function startDaemon(runtime: Runtime, ready: () => boolean): Promise<void> {
  const index = RUNTIMES.indexOf(runtime);
  const at = (name: string) => join(sandbox.directory, `docker-${runtime}`, name);
  const bridge = `dock${index}`;
  sandbox.ok(['ip', 'link', 'add', bridge, 'type', 'bridge']);
  sandbox.ok(['ip', 'addr', 'add', `10.9${index + 1}.0.1/24`, 'dev', bridge]);
  sandbox.ok(['ip', 'link', 'set', bridge, 'up']);
  const command = [
    ...['dockerd', '--data-root', at('data'), '--exec-root', at('exec'), '--pidfile', at('pid')],
    ...['-H', `unix://${at('sock')}`, '--bridge', bridge, '--storage-driver', 'overlay2'],
    ...['--add-runtime', `tsrun=${runtimePath('tsrun')}`, '--default-runtime', runtime],
    ...['--default-address-pool', `base=10.10${index}.0.0/16,size=24`],
    `--exec-opt=native.cgroupdriver=${hasSystemd ? 'systemd' : 'cgroupfs'}`,
  ];
  return sandbox.start(`dockerd-${runtime}`, command, ready);
}

interface Docker {
  call(args: readonly string[], options?: RunOptions): Result;
  ok(...args: readonly string[]): string;
  /** `docker run --rm ARGS`. */
  run(...args: readonly string[]): Result;
  /** A line of shell with a terminal; `docker-VERB` stands for this docker. */
  terminal(line: string): Result;
  /** A detached container, removed when `use` is done with it. */
  with(args: readonly string[], use: (id: string) => void | Promise<void>): Promise<void>;
  inspect(id: string, format: string): string;
}

function openDocker(runtime: Runtime): Docker {
  const socket = join(sandbox.directory, `docker-${runtime}`, 'sock');
  const program = ['/usr/bin/docker', '-H', `unix://${socket}`];
  // The classic builder: BuildKit brings a runtime of its own.
  const env = { DOCKER_BUILDKIT: '0', DOCKER_CONFIG: join(sandbox.directory, 'docker-config') };
  const self: Docker = {
    call: (args, options = {}) => sandbox.run([...program, ...args], { ...options, env }),
    ok: (...args) => sandbox.ok([...program, ...args], { env }).trimEnd(),
    run: (...args) => self.call(['run', '--rm', ...args]),
    terminal: (line) => {
      const command = line.replaceAll('docker-', `${program.join(' ')} `);
      return sandbox.run(['script', '-qec', command, '/dev/null'], { env });
    },
    async with(args, use) {
      const id = self.ok('run', '-d', ...args);
      try {
        await use(id);
      } finally {
        self.ok('rm', '-f', id);
        await sandbox.noCgroup(id);
      }
    },
    inspect: (id, format) => self.ok('inspect', '-f', format, id),
  };
  return self;
}

const words = (text: string): string => text.trim().split(/\s+/).join(' ');
const SERVE = 'mkdir /www; echo served >/www/index.html; exec httpd -f -p 80 -h /www';

const FEATURES: readonly Feature<Docker>[] = [
  {
    name: 'the runtime is what containers run on',
    check: (docker, runtime) =>
      docker.with([IMAGE, 'sleep', '1000'], (id) => {
        expect(docker.inspect(id, '{{.HostConfig.Runtime}}')).toBe(runtime);
      }),
  },
  {
    name: 'run: output, exit status; 127, 126, 125',
    check: (docker) => {
      const { status, stdout, stderr } = docker.run(
        IMAGE,
        'sh',
        '-c',
        'echo out; echo err >&2; exit 3',
      );
      expect({ status, stdout, stderr }).toEqual({ status: 3, stdout: 'out\n', stderr: 'err\n' });
      expect(docker.run(IMAGE, 'no-such-program').status).toBe(127);
      expect(docker.run(IMAGE, '/etc/passwd').status).toBe(126);
      expect(docker.run('--no-such-option', IMAGE).status).toBe(125);
    },
  },
  {
    name: 'run -i, -it',
    check: (docker) => {
      const piped = docker.call(['run', '--rm', '-i', IMAGE, 'cat'], { input: 'line\n' });
      expect(piped.stdout).toBe('line\n');
      const { stdout } = docker.terminal(
        `docker-run --rm -it ${IMAGE} sh -c "tty; test -t 0 && echo yes"`,
      );
      expect(words(stdout)).toContain('/dev/pts/0 yes');
    },
  },
  {
    name: 'run -d, logs, wait, start again',
    check: (docker) =>
      docker.with([IMAGE, 'sh', '-c', 'echo logged; exit 5'], (id) => {
        expect(docker.ok('wait', id)).toBe('5');
        expect(docker.ok('logs', id)).toBe('logged');
        docker.ok('start', id);
        expect(docker.ok('wait', id)).toBe('5');
        expect(docker.ok('logs', id)).toBe('logged\nlogged');
      }),
  },
  {
    name: 'exec: output, exit status, user, -it',
    check: (docker) =>
      docker.with([IMAGE, 'sleep', '1000'], (id) => {
        expect(docker.call(['exec', id, 'sh', '-c', 'exit 4']).status).toBe(4);
        expect(
          docker.ok(
            'exec',
            '-u',
            '1000',
            '-w',
            '/tmp',
            '-e',
            'A=b',
            id,
            'sh',
            '-c',
            'id -u; pwd; echo $A',
          ),
        ).toBe('1000\n/tmp\nb');
        expect(docker.call(['exec', id, 'no-such-program']).status).toBe(126); // docker's choice
        expect(docker.terminal(`docker-exec -it ${id} tty`).stdout).toContain('/dev/pts/0');
      }),
  },
  {
    name: 'stop, kill with a signal',
    check: (docker) =>
      docker.with(
        [IMAGE, 'sh', '-c', 'trap "exit 7" TERM; echo ready; while :; do sleep 0.05; done'],
        async (id) => {
          await until(() => docker.ok('logs', id) === 'ready', 'the trap');
          docker.ok('stop', id);
          expect(docker.inspect(id, '{{.State.ExitCode}}')).toBe('7');
          docker.ok('start', id);
          docker.ok('kill', id);
          expect(docker.ok('wait', id)).toBe('137');
        },
      ),
  },
  {
    name: 'pause, unpause; stats, top',
    check: (docker) =>
      docker.with([IMAGE, 'sleep', '1000'], (id) => {
        docker.ok('pause', id);
        expect(docker.inspect(id, '{{.State.Status}}')).toBe('paused');
        docker.ok('unpause', id);
        expect(docker.inspect(id, '{{.State.Status}}')).toBe('running');
        expect(docker.ok('top', id)).toContain('sleep 1000');
        const stats = docker.ok('stats', '--no-stream', '--format', '{{.PIDs}} {{.MemUsage}}', id);
        expect(stats).toMatch(/^1 [\d.]+[KM]iB/);
      }),
  },
  {
    name: 'limits, and update of them',
    check: (docker) =>
      docker.with(
        ['--memory=64m', '--cpus=0.5', '--pids-limit=50', IMAGE, 'sleep', '1000'],
        (id) => {
          const before: Limits = { memoryBytes: 64 << 20, cpuQuotaUsec: 50_000, pids: 50 };
          const show = () => words(docker.ok('exec', id, 'cat', ...limitFiles(before)));
          expect(show()).toBe(limitWords(before));
          docker.ok(
            'update',
            '--memory=128m',
            '--memory-swap=-1',
            '--cpus=0.25',
            '--pids-limit=60',
            id,
          );
          const after: Limits = { memoryBytes: 128 << 20, cpuQuotaUsec: 25_000, pids: 60 };
          expect(show()).toBe(limitWords(after));
        },
      ),
  },
  {
    name: 'the driver is systemd: a scope with the limits as properties, update of them, --cgroup-parent',
    where: 'machine',
    check: (docker) => {
      const options = ['--memory=64m', '--pids-limit=50', '--cgroup-parent=tsrun-docker.slice'];
      return docker.with([...options, IMAGE, 'sleep', '1000'], (id) => {
        expect(docker.ok('info', '-f', '{{.CgroupDriver}} {{.CgroupVersion}}')).toBe('systemd 2');
        const shown = () =>
          words(
            sandbox.ok([
              ...['systemctl', 'show', '-p', 'MemoryMax,TasksMax,ControlGroup'],
              `docker-${id}.scope`,
            ]),
          );
        const path = `/tsrun.slice/tsrun-docker.slice/docker-${id}.scope`;
        expect(shown()).toBe(`ControlGroup=${path} MemoryMax=67108864 TasksMax=50`);
        docker.ok('update', '--memory=128m', '--memory-swap=-1', '--pids-limit=60', id);
        expect(shown()).toBe(`ControlGroup=${path} MemoryMax=134217728 TasksMax=60`);
      });
    },
  },
  {
    name: 'update of CPU weight and set, memory reservation and swap; one that is refused; limits after a restart',
    where: 'here',
    check: (docker) =>
      docker.with(['--memory=64m', IMAGE, 'sleep', '1000'], (id) => {
        const files = [
          'memory/memory.limit_in_bytes',
          'memory/memory.memsw.limit_in_bytes',
          'memory/memory.soft_limit_in_bytes',
          'cpu/cpu.shares',
          'cpuset/cpuset.cpus',
        ].map((file) => `/sys/fs/cgroup/${file}`);
        const show = () => words(docker.ok('exec', id, 'cat', ...files));
        expect(show()).toMatch(/^67108864 134217728 9223372036854771712 1024 /);
        docker.ok('update', '--memory=128m', '--memory-swap=256m', id);
        docker.ok('update', '--cpu-shares=77', '--cpuset-cpus=0', id);
        docker.ok('update', '--memory-reservation=32m', id);
        const all = '134217728 268435456 33554432 77 0';
        expect(show()).toBe(all);
        expect(docker.call(['update', '--memory=4m', id]).status).not.toBe(0);
        expect(show()).toBe(all);
        docker.ok('restart', '-t', '0', id);
        expect(show()).toBe(all);
      }),
  },
  {
    name: 'update of restart policies',
    where: 'here',
    check: (docker) =>
      docker.with(['--restart=no', IMAGE, 'sh', '-c', 'echo up; exec sleep 1000'], async (id) => {
        const kill = () => sandbox.ok(['kill', '-KILL', docker.inspect(id, '{{.State.Pid}}')]);
        const ups = (count: number) =>
          until(() => words(docker.ok('logs', id)) === words('up '.repeat(count)), `${count} ups`);
        await ups(1);
        docker.ok('update', '--restart=unless-stopped', id);
        kill();
        await ups(2);
        docker.ok('update', '--restart=no', id);
        await until(() => docker.inspect(id, '{{.State.Status}}') === 'running', 'it to run');
        kill();
        await until(() => docker.inspect(id, '{{.State.Status}}') === 'exited', 'the end');
        expect(words(docker.ok('logs', id))).toBe('up up');
      }),
  },
  {
    name: 'restart policies: on-failure, always',
    check: async (docker) => {
      await docker.with(
        ['--restart=on-failure:2', IMAGE, 'sh', '-c', 'echo try; exit 1'],
        async (id) => {
          await until(
            () => docker.inspect(id, '{{.State.Status}} {{.RestartCount}}') === 'exited 2',
            'two restarts',
          );
          expect(words(docker.ok('logs', id))).toBe('try try try');
        },
      );
      await docker.with(
        ['--restart=always', IMAGE, 'sh', '-c', 'echo up; exec sleep 1000'],
        async (id) => {
          docker.ok('exec', id, 'kill', '-0', '1');
          sandbox.ok(['kill', '-KILL', docker.inspect(id, '{{.State.Pid}}')]);
          await until(() => words(docker.ok('logs', id)) === 'up up', 'the restart');
        },
      );
    },
  },
  {
    name: 'build: RUN, USER, WORKDIR, ENV, HEALTHCHECK',
    check: (docker, runtime) => {
      const tag = `built-${runtime}`;
      const file = [
        `FROM ${IMAGE}`,
        'ENV A=b',
        'RUN mkdir /made && echo "$A $(id -u)" >/made/file',
        'WORKDIR /made',
        'USER 1000',
        'HEALTHCHECK --interval=1s CMD test -e /made/file',
        'CMD ["sh", "-c", "cat file; id -u"]',
      ].join('\n');
      sandbox.file(`${tag}/Dockerfile`, file);
      docker.ok('build', '-q', '-t', tag, join(sandbox.directory, tag));
      expect(docker.run(tag).stdout).toBe('b 0\n1000\n');
      const failing = ['build', '-q', '-'];
      const { status, stderr } = docker.call(failing, { input: `FROM ${IMAGE}\nRUN exit 9\n` });
      expect({ status, stderr }).toEqual({
        status: 9,
        stderr: expect.stringContaining('non-zero code: 9'),
      });
      return docker.with([tag, 'sleep', '1000'], async (id) => {
        await until(() => docker.inspect(id, '{{.State.Health.Status}}') === 'healthy', 'healthy');
      });
    },
  },
  {
    name: 'two containers in a network: names, a volume, a published port',
    check: async (docker, runtime) => {
      docker.ok('network', 'create', 'app');
      const port = runtime === 'runc' ? '8081' : '8082';
      const server = ['--network=app', '--name=web', '-p', `${port}:80`, '-v', 'shared:/www'];
      await docker.with(
        [...server, IMAGE, 'sh', '-c', SERVE.replace('mkdir /www; ', '')],
        async () => {
          const ask = ['wget', '-q', '-O', '-', 'http://web/'];
          await until(
            () => docker.run('--network=app', IMAGE, ...ask).stdout === 'served\n',
            'the server',
          );
          const address = `http://127.0.0.1:${port}/`;
          expect(sandbox.ok(['busybox', 'wget', '-q', '-O', '-', address])).toBe('served\n');
          expect(docker.run('-v', 'shared:/v:ro', IMAGE, 'cat', '/v/index.html').stdout).toBe(
            'served\n',
          );
        },
      );
      docker.ok('network', 'rm', 'app');
      docker.ok('volume', 'rm', 'shared');
    },
  },
  {
    name: '--read-only, --tmpfs, --cap-drop, --security-opt, --device, --init, --userns=host, --hostname',
    check: (docker) => {
      const args = [
        '--read-only',
        '--tmpfs',
        '/t:size=1m',
        '--cap-drop=all',
        '--security-opt=no-new-privileges',
      ];
      const more = [
        '--device=/dev/fuse:/dev/made:r',
        '--init',
        '--userns=host',
        '--hostname=named',
        '--user=1000',
      ];
      const script =
        'touch /x 2>/dev/null || echo ro; df /t | tail -1; grep -E "CapBnd|NoNew|Seccomp:" /proc/self/status; ' +
        'stat -c %t:%T /dev/made; cat /proc/1/comm; hostname';
      expect(words(docker.run(...args, ...more, IMAGE, 'sh', '-c', script).stdout)).toBe(
        'ro tmpfs 1024 0 1024 0% /t CapBnd: 0000000000000000 NoNewPrivs: 1 Seccomp: 2 a:e5 docker-init named',
      );
    },
  },
  {
    name: 'cp, diff, commit',
    check: (docker) =>
      docker.with([IMAGE, 'sleep', '1000'], (id) => {
        docker.ok('exec', id, 'touch', '/made');
        expect(docker.ok('diff', id)).toContain('A /made');
        docker.ok('cp', sandbox.file('copied', 'copied text'), `${id}:/copied`);
        expect(docker.ok('exec', id, 'cat', '/copied')).toBe('copied text');
        docker.ok('commit', id, 'committed');
        expect(docker.run('committed', 'cat', '/copied').stdout).toBe('copied text');
      }),
  },
];

testFeatures('docker', FEATURES, openDocker);
