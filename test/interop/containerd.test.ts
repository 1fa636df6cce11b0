/** containerd's own client, ctr, with tsrun in runc's place. */
import { readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { expect } from 'vitest';
import { ctr, IMAGE, startContainerd } from './containerd.ts';
import { runtimePath } from './count.ts';
import { prepareCriu } from './criu.ts';
import { type Feature, type Runtime, testFeatures } from './features.ts';
import { hasSystemd, isV2, type Limits, limitFiles, limitWords } from './machine.ts';
import { type Result, until, useSandbox } from './sandbox.ts';

const NAMESPACE = 'tests';
const sandbox = useSandbox((opened) => {
  process.env['PATH'] = `${prepareCriu()}:${process.env['PATH']}`;
  return startContainerd(opened, NAMESPACE);
});

interface Ctr {
  readonly program: readonly string[];
  call(args: readonly string[]): Result;
  ok(...args: readonly string[]): string;
  /** `ctr run` with the runtime; ARGS are options, the image and what follows it. */
  run(args: readonly string[]): Result;
  /** The same with a terminal. */
  terminal(args: readonly string[]): Result;
  /** Ends a container and removes it. */
  remove(id: string): Promise<void>;
  /** A detached container, removed when `use` is done with it. */
  with(
    args: readonly string[],
    use: (id: string) => void | Promise<void>,
    options?: readonly string[],
  ): Promise<void>;
}

let counter = 0;
function openCtr(runtime: Runtime): Ctr {
  const program = [...ctr(sandbox), '-n', NAMESPACE];
  const shim = ['--runtime', 'io.containerd.runc.v2', '--runc-binary', runtimePath(runtime)];
  const run = (args: readonly string[]) => ['run', ...shim, ...driverOf(args), ...args];
  const self: Ctr = {
    program,
    terminal: (args) => terminal([...program, ...run(args)]),
    call: (args) => sandbox.run([...program, ...args]),
    ok: (...args) => sandbox.ok([...program, ...args]).trimEnd(),
    run: (args) => self.call(run(args)),
    async with(args, use, options = []) {
      const id = `${runtime}-${counter++}`;
      const command = args.length > 0 ? args : ['sleep', '100000'];
      self.ok(...run(['-d', ...options, IMAGE, id, ...command]));
      try {
        await use(id);
      } finally {
        await self.remove(id);
      }
    },
    async remove(id) {
      self.call(['task', 'kill', '-s', 'KILL', id]);
      await until(() => !/RUNNING/.test(taskLine(self, id)), `the end of ${id}`);
      self.call(['task', 'rm', id]);
      self.ok('container', 'rm', id);
      await sandbox.noCgroup(id);
    },
  };
  return self;
}

/** systemd's driver wants a slice, a prefix and a name; ctr has none of its own. */
const driverOf = (args: readonly string[]): readonly string[] =>
  hasSystemd
    ? ['--runc-systemd-cgroup', '--cgroup', `machine.slice:ctr:${args[args.indexOf(IMAGE) + 1]}`]
    : [];

const taskLine = (engine: Ctr, id: string): string =>
  engine
    .ok('task', 'ls')
    .split('\n')
    .find((line) => line.startsWith(`${id} `)) ?? '';

const FEATURES: readonly Feature<Ctr>[] = [
  {
    name: 'run --rm: output, exit status',
    check: (engine) => {
      const id = `rm-${counter++}`;
      const { status, stdout } = engine.run(['--rm', IMAGE, id, 'sh', '-c', 'echo out; exit 3']);
      expect({ status, stdout }).toEqual({ status: 3, stdout: 'out\n' });
      expect(engine.ok('container', 'ls', '-q')).not.toContain(id);
    },
  },
  {
    name: 'run: errors say what is missing',
    check: (engine) => {
      const id = `missing-${counter++}`;
      const { status, stderr } = engine.run(['--rm', IMAGE, id, 'no-such-program']);
      expect(status).toBe(1);
      expect(stderr).toMatch(/no-such-program.*executable file not found in \$PATH/);
      engine.call(['container', 'rm', id]);
    },
  },
  {
    name: 'run --tty',
    check: (engine) => {
      const command = ['sh', '-c', `'${TTY}'`];
      const { stdout } = engine.terminal(['--rm', '--tty', IMAGE, `tty-${counter++}`, ...command]);
      expect(stdout).toContain('/dev/pts/0');
    },
  },
  {
    name: 'task exec: output, exit status, --tty',
    check: (engine) =>
      engine.with([], (id) => {
        const exec = ['task', 'exec', '--exec-id', 'one', id, 'sh', '-c', 'echo out; exit 4'];
        expect(engine.call(exec)).toMatchObject({ status: 4, stdout: 'out\n' });
        const line = [...engine.program, 'task', 'exec', '--tty', '--exec-id', 'two', id];
        expect(terminal([...line, 'sh', '-c', `'${TTY}'`]).stdout).toContain('/dev/pts/0');
      }),
  },
  {
    name: 'task pause, resume, ls',
    check: (engine) =>
      engine.with([], (id) => {
        engine.ok('task', 'pause', id);
        expect(taskLine(engine, id)).toMatch(/PAUSED$/);
        engine.ok('task', 'resume', id);
        expect(taskLine(engine, id)).toMatch(/RUNNING$/);
      }),
  },
  {
    name: 'task metrics, ps',
    check: (engine) =>
      engine.with([], (id) => {
        const metrics = engine.ok('task', 'metrics', '--format', 'json', id);
        const { memory, pids } = JSON.parse(metrics) as {
          memory: { usage: number | { usage: number } };
          pids: { current: number };
        };
        expect(pids.current).toBe(1);
        // As of v2 and of v1.
        const { usage } = memory;
        expect(typeof usage === 'number' ? usage : usage.usage).toBeGreaterThan(0);
        expect(engine.ok('task', 'ps', id).split('\n')).toHaveLength(2);
      }),
  },
  {
    name: 'task kill: a signal',
    check: (engine) =>
      engine.with(['sh', '-c', 'trap "exit 9" USR1; while :; do sleep 0.05; done'], async (id) => {
        await sleepMs(300); // until the shell has its trap
        engine.ok('task', 'kill', '-s', 'USR1', id);
        // PID 1 does not end by a signal that it has no trap for.
        await until(() => /STOPPED/.test(taskLine(engine, id)), `${id} to stop`);
      }),
  },
  {
    name: 'run --memory-limit, --cpus, --read-only, --cap-drop, --seccomp, --env, --mount',
    check: (engine) => {
      const allowed: Limits = { memoryBytes: 48 << 20, cpuQuotaUsec: 50_000 };
      const limits = [
        '--memory-limit',
        `${allowed.memoryBytes}`,
        '--cpus',
        '0.5',
        '--read-only',
        '--seccomp',
      ];
      const more = ['--cap-drop', 'CAP_CHOWN', '--env', 'A=b'];
      const mount = `type=bind,src=${sandbox.directory},dst=/mnt,options=rbind:ro`;
      const script =
        // ctr makes no cgroup namespace: v2's mount is the whole tree.
        "own=$(sed -n 's,^0::,/sys/fs/cgroup,p' /proc/self/cgroup); " +
        `cat ${limitFiles(allowed)
          .map((file) => (isV2 ? `$own/${basename(file)}` : file))
          .join(' ')}; ` +
        'touch /x 2>/dev/null || echo ro; chown 1 /mnt/x 2>/dev/null || echo denied; echo $A; ' +
        'grep Seccomp: /proc/self/status; ls -d /mnt/containerd';
      const cgroups = 'type=cgroup,src=cgroup,dst=/sys/fs/cgroup,options=ro';
      const args = [...limits, ...more, '--mount', mount, '--mount', cgroups];
      const { stdout } = engine.run([
        '--rm',
        ...args,
        IMAGE,
        `options-${counter++}`,
        'sh',
        '-c',
        script,
      ]);
      expect(stdout.trim().split(/\s+/).join(' ')).toBe(
        `${limitWords(allowed)} ro denied b Seccomp: 2 /mnt/containerd`,
      );
    },
  },
  {
    name: '--runc-systemd-cgroup: a scope with the limit as a property, gone with the task',
    where: 'machine',
    check: (engine) => {
      const memory = ['--memory-limit', `${48 << 20}`];
      return engine.with(
        [],
        (id) => {
          const show = (...names: string[]) =>
            sandbox.ok(['systemctl', 'show', '-p', names.join(','), `ctr-${id}.scope`]).trim();
          expect(show('MemoryMax', 'ControlGroup')).toBe(
            `ControlGroup=/machine.slice/ctr-${id}.scope\nMemoryMax=${48 << 20}`,
          );
        },
        memory,
      );
    },
  },
  {
    name: 'run --net-host, --with-ns, --privileged',
    check: (engine) => {
      const host = sandbox.ok(['readlink', '/proc/self/ns/net']).trim();
      const link = (...args: string[]) =>
        engine
          .run(['--rm', ...args, IMAGE, `link-${counter++}`, 'readlink', '/proc/self/ns/net'])
          .stdout.trim();
      expect(link('--net-host')).toBe(host);
      // The place has PIDs of its own on v1 alone.
      const pid = isV2 ? sandbox.pid : '1';
      expect(link('--with-ns', `network:/proc/${pid}/ns/net`)).toBe(host);
      expect(link()).not.toBe(host);
      const status = [
        '--rm',
        '--privileged',
        IMAGE,
        `all-${counter++}`,
        'grep',
        'CapEff',
        '/proc/self/status',
      ];
      expect(engine.run(status).stdout).toMatch(/CapEff:\t000001fff/);
    },
  },
  {
    name: 'task checkpoint: images, the task runs on; --exit ends it',
    check: (engine, runtime) =>
      engine.with([], async (id) => {
        const images = join(sandbox.directory, `images-${runtime}`);
        const args = ['task', 'checkpoint', '--image-path', images];
        engine.ok(...args, id);
        expect(readdirSync(images)).toContain('pstree.img');
        expect(taskLine(engine, id)).toMatch(/RUNNING$/);
        engine.ok(...args, '--exit', id);
        await until(() => /STOPPED/.test(taskLine(engine, id)), `${id} to stop`);
      }),
  },
  {
    name: 'container checkpoint --task, restore --live: goes on where it was, as another container',
    check: async (engine, runtime) => {
      const reference = `checkpoint-${runtime}`;
      const again = `again-${runtime}`;
      const count = (id: string) => {
        const exec = ['task', 'exec', '--exec-id', `e${counter++}`, id, 'cat', '/count'];
        return Number(engine.call(exec).stdout);
      };
      await engine.with(['sh', '-c', COUNT], async (id) => {
        await until(() => count(id) > 3, 'the count');
        engine.ok('container', 'checkpoint', '--rw', '--image', '--task', id, reference);
      });
      engine.ok('container', 'restore', '--rw', '--live', again, reference);
      try {
        const first = count(again);
        expect(first).toBeGreaterThan(3);
        await until(() => count(again) > first, 'more of the count');
      } finally {
        await engine.remove(again);
      }
    },
  },
];

/** Counts in memory: only a restored process goes on where it was. Whoever reads finds a whole number. */
const COUNT = 'i=0; while :; do i=$((i+1)); echo $i >/new; mv /new /count; sleep 0.1; done';

/** containerd's shim closes a terminal when its process ends, read to the end or not: the process stays a while. */
const TTY = 'tty; sleep 1';

testFeatures('containerd: ctr', FEATURES, openCtr);

const sleepMs = (ms: number) => new Promise((done) => setTimeout(done, ms));

/** A command with a terminal as its standard streams. */
const terminal = (command: readonly string[]): Result =>
  sandbox.run(['script', '-qec', command.join(' '), '/dev/null']);
