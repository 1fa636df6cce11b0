/** podman with tsrun in runc's place: one container and what is done with it. */
import { existsSync, mkdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { type Feature, testFeatures } from './features.ts';
import { isV2, type Limits, limitFiles, limitWords } from './machine.ts';
import { IMAGE, openPodman, type Podman, preparePodman } from './podman.ts';
import { TOP, until, useSandbox } from './sandbox.ts';

const sandbox = useSandbox(preparePodman);

const LIFE: readonly Feature<Podman>[] = [
  {
    name: 'run: output, exit status',
    check: (podman) => {
      const { status, stdout, stderr } = podman.run(
        IMAGE,
        'sh',
        '-c',
        'echo out; echo err >&2; exit 3',
      );
      expect({ status, stdout, stderr }).toEqual({ status: 3, stdout: 'out\n', stderr: 'err\n' });
    },
  },
  {
    name: 'run: 127 for a missing program, 126 for one that is none, 125 for a bad option',
    check: (podman) => {
      expect(podman.run(IMAGE, 'no-such-program').status).toBe(127);
      expect(podman.run(IMAGE, '/no/such/program').status).toBe(127);
      expect(podman.run(IMAGE, '/etc/passwd').status).toBe(126);
      expect(podman.run(IMAGE, '/etc').status).toBe(126);
      expect(podman.run('--no-such-option', IMAGE).status).toBe(125);
      expect(podman.run('--volume', '/no/such/source:/mnt', IMAGE, 'true').status).toBe(125);
    },
  },
  {
    name: 'run -i: standard input',
    check: (podman) => {
      const args = ['run', '--rm', '--network=none', '-i', IMAGE, 'cat'];
      expect(podman.call(args, { input: 'line\n' }).stdout).toBe('line\n');
    },
  },
  {
    name: 'run -it: a terminal',
    check: (podman) => {
      const script = `'test -t 0 && tty; stty size'`;
      const line = `podman-run --rm --network=none -it ${IMAGE} sh -c ${script}`;
      const { status, stdout } = terminal(podman, line, 'stty cols 91 rows 23');
      expect(stdout).toMatch(/\/dev\/(pts\/0|console)/);
      expect(stdout).toContain('23 91');
      expect(status).toBe(0);
    },
  },
  {
    name: 'run -d, logs, wait, inspect',
    check: (podman) =>
      podman.with([IMAGE, 'sh', '-c', 'echo logged; exit 5'], (id) => {
        expect(podman.ok('wait', id)).toBe('5');
        expect(podman.ok('logs', id)).toBe('logged');
        expect(podman.ok('inspect', '-f', '{{.State.Status}} {{.State.ExitCode}}', id)).toBe(
          'exited 5',
        );
      }),
  },
  {
    name: 'create, start, start again',
    check: (podman) => {
      const id = podman.ok(
        'create',
        '--network=none',
        IMAGE,
        'sh',
        '-c',
        'echo x >>/count; cat /count',
      );
      expect(podman.ok('start', '-a', id)).toBe('x');
      expect(podman.ok('start', '-a', id)).toBe('x\nx');
      podman.ok('rm', id);
    },
  },
  {
    name: 'stop: SIGTERM, and SIGKILL after the time',
    check: async (podman) => {
      const trap = 'trap "exit 7" TERM; echo ready; while :; do sleep 0.05; done';
      await podman.with([IMAGE, 'sh', '-c', trap], async (id) => {
        await logged(podman, id, 'ready');
        podman.ok('stop', id);
        expect(podman.ok('inspect', '-f', '{{.State.ExitCode}}', id)).toBe('7');
      });
      await podman.with([IMAGE, 'sleep', '1000'], (id) => {
        podman.ok('stop', '-t', '1', id);
        expect(podman.ok('inspect', '-f', '{{.State.ExitCode}}', id)).toBe('137');
      });
    },
  },
  {
    name: 'kill with a signal',
    check: (podman) =>
      podman.with(
        [
          IMAGE,
          'sh',
          '-c',
          'trap "echo got; exit 9" USR1; echo ready; while :; do sleep 0.05; done',
        ],
        async (id) => {
          await logged(podman, id, 'ready');
          podman.ok('kill', '-s', 'USR1', id);
          expect(podman.ok('wait', id)).toBe('9');
          podman.ok('start', id);
          podman.ok('kill', id);
          expect(podman.ok('wait', id)).toBe('137');
        },
      ),
  },
  {
    name: 'pause, unpause',
    check: (podman) =>
      podman.with([IMAGE, 'sleep', '1000'], (id) => {
        podman.ok('pause', id);
        expect(podman.ok('inspect', '-f', '{{.State.Status}}', id)).toBe('paused');
        expect(podman.call(['exec', id, 'true']).status).not.toBe(0);
        podman.ok('unpause', id);
        expect(podman.ok('exec', id, 'echo', 'again')).toBe('again');
      }),
  },
  {
    name: 'stats, top',
    check: (podman) =>
      podman.with([IMAGE, 'sleep', '1000'], (id) => {
        const stats = JSON.parse(podman.ok('stats', '--no-stream', '--format', 'json', id));
        expect(stats).toMatchObject([{ pids: '1', mem_usage: expect.stringMatching(/B \/ /) }]);
        expect(podman.ok('top', id, 'user', 'pid', 'args')).toMatch(/root +1 +sleep 1000/);
      }),
  },
  {
    name: 'exec: output, exit status, user, environment, directory, -d',
    check: (podman) =>
      podman.with([IMAGE, 'sleep', '1000'], async (id) => {
        expect(podman.call(['exec', id, 'sh', '-c', 'exit 4']).status).toBe(4);
        expect(podman.call(['exec', id, 'no-such-program']).status).toBe(127);
        expect(podman.call(['exec', id, '/etc/passwd']).status).toBe(126);
        const args = ['-u', '1000', '-w', '/tmp', '-e', 'A=b c'];
        expect(podman.ok('exec', ...args, id, 'sh', '-c', 'id -u; pwd; echo $A')).toBe(
          '1000\n/tmp\nb c',
        );
        expect(podman.call(['exec', '-i', id, 'cat'], { input: 'in' }).stdout).toBe('in');
        podman.ok('exec', '-d', id, 'sh', '-c', 'echo done >/tmp/done');
        await untilOutput(podman, ['exec', id, 'cat', '/tmp/done'], 'done\n');
      }),
  },
  {
    name: 'exec -it: a terminal',
    check: (podman) =>
      podman.with([IMAGE, 'sleep', '1000'], (id) => {
        const { stdout, status } = terminal(podman, `podman-exec -it ${id} sh -c "tty; exit 6"`);
        expect(stdout).toContain('/dev/pts/0');
        expect(status).toBe(6);
      }),
  },
  {
    name: 'healthcheck',
    check: (podman) =>
      podman.with(
        [
          '--health-cmd',
          'test -e /healthy',
          '--health-interval',
          'disable',
          IMAGE,
          'sleep',
          '1000',
        ],
        (id) => {
          expect(podman.call(['healthcheck', 'run', id]).status).toBe(1);
          podman.ok('exec', id, 'touch', '/healthy');
          podman.ok('healthcheck', 'run', id);
          expect(podman.ok('inspect', '-f', '{{.State.Health.Status}}', id)).toBe('healthy');
        },
      ),
  },
  {
    name: 'run --sdnotify=container, conmon, ignore',
    check: async (podman, runtime) => {
      const said = async (mode: string, script: string) => {
        const at = await receiveAs(`${runtime}-${mode}`);
        const args = ['-d', `--sdnotify=${mode}`, '--network=none', '-v', `${say()}:/bin/say`];
        const env = { NOTIFY_SOCKET: at.address };
        const { status, stdout, stderr } = podman.call(
          ['run', ...args, IMAGE, 'sh', '-c', `${script}; exec sleep 1000`],
          { env },
        );
        expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
        const conmon = podman.ok('inspect', '-f', '{{.State.ConmonPid}}', stdout.trim());
        return { conmon, messages: at.messages, id: stdout.trim() };
      };
      const own = await said('container', 'say STATUS=up READY=1');
      const theirs = await said('conmon', '[ -z "$NOTIFY_SOCKET" ]');
      const nobodys = await said('ignore', '[ -z "$NOTIFY_SOCKET" ]');
      await until(() => own.messages().includes('READY=1'), 'the container’s READY=1');
      expect(own.messages()).toContain(`MAINPID=${own.conmon}`);
      expect(theirs.messages()).toContain(`MAINPID=${theirs.conmon}`);
      expect(theirs.messages()).toContain('READY=1');
      expect(nobodys.messages()).toBe('');
      for (const { id } of [own, theirs, nobodys]) podman.ok('rm', '-f', '-t', '0', id);
    },
  },
  {
    name: 'run --init',
    check: (podman) => {
      const { stdout } = podman.run('--init', IMAGE, 'sh', '-c', 'cat /proc/1/comm; echo $$');
      expect(stdout).toMatch(/^podman-init\n[2-9]\d*\n$/);
    },
  },
  {
    name: 'restart, cp, diff',
    check: (podman) =>
      podman.with([IMAGE, 'sleep', '1000'], (id) => {
        podman.ok('exec', id, 'touch', '/made');
        expect(podman.ok('diff', id)).toContain('A /made');
        podman.ok('cp', sandbox.file('copied', 'copied text'), `${id}:/copied`);
        expect(podman.ok('exec', id, 'cat', '/copied')).toBe('copied text');
        podman.ok('restart', '-t', '0', id);
        expect(podman.ok('exec', id, 'cat', '/copied')).toBe('copied text');
      }),
  },
];

const ISOLATION: readonly Feature<Podman>[] = [
  {
    name: '--userns, --uidmap',
    check: (podman) => {
      const map = ['--uidmap', '0:100000:5000', '--gidmap', '0:200000:5000'];
      const script =
        'id -u; cat /proc/self/uid_map /proc/self/gid_map; touch /mine; stat -c %u /mine';
      const { stdout } = podman.run(...map, IMAGE, 'sh', '-c', script);
      expect(words(stdout)).toBe('0 0 100000 5000 0 200000 5000 0');
      expect(words(podman.run('--userns=host', IMAGE, 'cat', '/proc/self/uid_map').stdout)).toBe(
        '0 0 4294967295',
      );
    },
  },
  {
    name: '--user, --group-add, --workdir, --env, --hostname',
    check: (podman) => {
      const args = ['--user', '1000:1000', '--group-add', '7', '--workdir', '/var', '--env', 'K=v'];
      const script = 'id -u; id -G; pwd; echo $K; hostname';
      const { stdout } = podman.run(...args, '--hostname', 'named', IMAGE, 'sh', '-c', script);
      expect(stdout).toBe('1000\n1000 7\n/var\nv\nnamed\n');
    },
  },
  {
    name: '--read-only, --read-only-tmpfs',
    check: (podman) => {
      const script = 'touch /x 2>/dev/null && echo written; touch /tmp/x && echo tmp';
      expect(podman.run('--read-only', IMAGE, 'sh', '-c', script).stdout).toBe('tmp\n');
      const args = ['--read-only', '--read-only-tmpfs=false', IMAGE, 'touch', '/tmp/x'];
      expect(podman.run(...args).status).toBe(1);
    },
  },
  {
    name: '--tmpfs, --volume (ro, rw, named), --mount',
    check: (podman) => {
      const source = join(sandbox.directory, `volume-${podman.runtime}`);
      mkdirSync(source);
      const mounts = [
        '--tmpfs',
        '/t:size=1m,mode=700',
        '-v',
        `${source}:/rw`,
        '-v',
        `${source}:/ro:ro`,
      ];
      const more = ['-v', 'named:/named', '--mount', `type=bind,src=${source},dst=/b,readonly`];
      const script =
        'stat -c %a /t; touch /rw/x; touch /ro/y; touch /b/y; touch /named/z; ls /ro /named; df /t | tail -1';
      const { stdout } = podman.run(...mounts, ...more, IMAGE, 'sh', '-c', script);
      expect(words(stdout)).toBe('700 /named: z /ro: x tmpfs 1024 0 1024 0% /t');
      podman.ok('volume', 'rm', 'named');
    },
  },
  {
    name: '--device',
    check: (podman) => {
      const script =
        'stat -c "%F %t:%T" /dev/made; exec 3</dev/made; echo opened; exec 4>/dev/made; echo written';
      const device = ['--device', '/dev/fuse:/dev/made:r'];
      const { stdout, stderr } = podman.run(...device, IMAGE, 'sh', '-c', script);
      expect(words(stdout)).toBe('character special file a:e5 opened');
      expect(stderr).toContain('Operation not permitted');
    },
  },
  {
    name: '--cap-add, --cap-drop, --privileged',
    check: (podman) => {
      const effective = (...args: string[]) =>
        /CapEff:\t([0-9a-f]+)/.exec(
          podman.run(...args, IMAGE, 'cat', '/proc/self/status').stdout,
        )?.[1];
      expect(effective('--cap-drop=all')).toBe('0000000000000000');
      expect(effective('--cap-drop=all', '--cap-add=net_raw')).toBe('0000000000002000');
      expect(BigInt(`0x${effective('--privileged')}`)).toBeGreaterThan(0x1000000000n);
    },
  },
  {
    name: '--security-opt seccomp, no-new-privileges; masked paths',
    check: (podman) => {
      const profile = sandbox.file(
        'seccomp.json',
        JSON.stringify({
          defaultAction: 'SCMP_ACT_ALLOW',
          syscalls: [{ names: ['mkdir', 'mkdirat'], action: 'SCMP_ACT_ERRNO', errnoRet: 95 }],
        }),
      );
      const denied = podman.run('--security-opt', `seccomp=${profile}`, IMAGE, 'mkdir', '/made');
      expect(denied.stderr).toContain('Operation not supported');
      const script =
        'grep -E "NoNewPrivs|Seccomp:" /proc/self/status; cat /proc/timer_list | wc -c';
      const args = ['--security-opt', 'no-new-privileges', IMAGE, 'sh', '-c', script];
      expect(words(podman.run(...args).stdout)).toBe('NoNewPrivs: 1 Seccomp: 2 0');
      const open = [
        '--security-opt',
        'seccomp=unconfined',
        IMAGE,
        'grep',
        'Seccomp:',
        '/proc/self/status',
      ];
      expect(words(podman.run(...open).stdout)).toBe('Seccomp: 0');
    },
  },
  {
    name: '--memory, --cpus, --pids-limit, --cpu-shares, --cpuset-cpus',
    check: (podman) => {
      const options = [
        '--memory=64m',
        '--cpus=0.5',
        '--pids-limit=50',
        '--cpu-shares=300',
        '--cpuset-cpus=0',
      ];
      const limits: Limits = {
        memoryBytes: 64 << 20,
        cpuQuotaUsec: 50_000,
        pids: 50,
        cpuShares: 300,
        cpus: '0',
      };
      const { stdout } = podman.run(...options, IMAGE, 'cat', ...limitFiles(limits));
      expect(words(stdout)).toBe(limitWords(limits, podman.runtime));
    },
  },
  {
    name: 'out of memory: 137',
    check: (podman) => {
      const script = 'x=$(head -c 100000000 /dev/zero | tr "\\0" x); echo "$x" | wc -c';
      const limits = ['--memory=24m', '--memory-swap=24m'];
      expect(podman.run(...limits, IMAGE, 'sh', '-c', script).status).toBe(137);
    },
  },
  {
    name: 'update',
    check: (podman) =>
      podman.with(['--memory=64m', IMAGE, 'sleep', '1000'], (id) => {
        podman.ok('update', '--memory=128m', '--cpus=0.25', '--cpu-shares=77', id);
        const limits: Limits = { memoryBytes: 128 << 20, cpuQuotaUsec: 25_000, cpuShares: 77 };
        expect(words(podman.ok('exec', id, 'cat', ...limitFiles(limits)))).toBe(
          limitWords(limits, podman.runtime),
        );
      }),
  },
  {
    name: '--cgroups=disabled',
    differs: { runc: 'refused by podman' },
    check: (podman, runtime) => {
      const { status, stdout, stderr } = podman.run(
        '--cgroups=disabled',
        IMAGE,
        'cat',
        '/proc/self/cgroup',
      );
      if (runtime === 'runc') {
        expect({ status, stderr }).toMatchObject({
          status: 125,
          stderr: expect.stringMatching(/cgroups/i),
        });
        return;
      }
      expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
      expect(stdout).toMatch(isV2 ? /^0::\/\n$/ : /pids:\/\n/);
      expect(sandbox.cgroups().filter((path) => /[0-9a-f]{64}(\.scope)?$/.test(path))).toEqual([]);
    },
  },
  {
    name: '--ulimit, --sysctl, --shm-size, --oom-score-adj, --umask',
    check: (podman) => {
      const args = [
        '--ulimit',
        'nofile=100:200',
        '--ulimit',
        'nproc=900:900',
        '--sysctl',
        'kernel.msgmax=5000',
        '--shm-size',
        '2m',
      ];
      const more = ['--oom-score-adj', '500', '--umask', '0077'];
      const script =
        'ulimit -n; ulimit -Hn; cat /proc/sys/kernel/msgmax /proc/self/oom_score_adj; umask; df /dev/shm | tail -1';
      expect(words(podman.run(...args, ...more, IMAGE, 'sh', '-c', script).stdout)).toBe(
        '100 200 5000 500 0077 shm 2048 0 2048 0% /dev/shm',
      );
    },
  },
  {
    name: '--pid, --ipc, --network of another container',
    check: (podman) =>
      podman.with(['--ipc=shareable', '--hostname', 'first', IMAGE, 'sleep', '1000'], (id) => {
        const shared = ['pid', 'ipc', 'network'].map((one) => `--${one}=container:${id}`);
        const script = 'hostname; cat /proc/1/cmdline | tr "\\0" " "';
        const args = ['run', '--rm', ...shared, IMAGE];
        expect(podman.ok(...args, 'sh', '-c', script)).toMatch(/sleep 1000/);
      }),
  },
  {
    name: '--preserve-fds, --pidfile',
    check: (podman) => {
      const file = sandbox.file('preserved', 'preserved text');
      const line = `exec 3<${file}; podman-run --rm --network=none --preserve-fds=1 ${IMAGE} cat /proc/self/fd/3`;
      expect(shell(podman, line).stdout).toBe('preserved text');
      const pidfile = join(sandbox.directory, `pidfile-${podman.runtime}`);
      return podman.with(['--pidfile', pidfile, IMAGE, 'sleep', '1000'], (id) => {
        expect(readFileSync(pidfile, 'utf8')).toBe(
          podman.ok('inspect', '-f', '{{.State.Pid}}', id),
        );
      });
    },
  },
  {
    name: 'OCI hooks (--hooks-dir)',
    check: (podman) => {
      const made = join(sandbox.directory, `hooked-${podman.runtime}`);
      const hook = {
        version: '1.0.0',
        hook: { path: '/bin/sh', args: ['sh', '-c', `cat >${made}`] },
        when: { always: true },
        stages: ['createRuntime', 'poststop'],
      };
      sandbox.file('hooks/hook.json', JSON.stringify(hook));
      const hooks = ['--hooks-dir', join(sandbox.directory, 'hooks')];
      const { status } = podman.call([...hooks, 'run', '--rm', '--network=none', IMAGE, 'true']);
      expect(status).toBe(0);
      expect(existsSync(made) && statSync(made).size).toBeGreaterThan(0);
      expect(JSON.parse(readFileSync(made, 'utf8'))).toMatchObject({ status: 'stopped' });
    },
  },
];

testFeatures('podman', [...LIFE, ...ISOLATION], (runtime) => openPodman(sandbox, runtime));

/** What a container says to NOTIFY_SOCKET with. */
function say(): string {
  const path = join(sandbox.directory, 'say');
  const source = join(NOTIFY, 'say.c');
  if (!existsSync(path)) sandbox.ok(['musl-gcc', '-static', '-Os', '-o', path, source]);
  return path;
}

const NOTIFY = join(TOP, 'test/integration/notify');

/** Whoever waits for podman's words, as systemd does. */
async function receiveAs(name: string) {
  const [address, file] = [`${name}.sock`, `${name}.txt`].map((one) =>
    join(sandbox.directory, one),
  );
  const command = ['python3', join(NOTIFY, 'receiver.py'), `${address}`, `${file}`];
  await sandbox.start(name, command, () => existsSync(`${file}`));
  return { address: `${address}`, messages: () => readFileSync(`${file}`, 'utf8') };
}

const words = (text: string): string => text.trim().split(/\s+/).join(' ');

/** A line of shell with `podman-run` and `podman-exec` for this podman's. */
function shell(podman: Podman, line: string) {
  return sandbox.run(['bash', '-c', podman.expand(line)]);
}

/**
 * The same with a terminal as standard streams. Its other end stays open for writing ("<>"): at the end of
 * its input, script types Ctrl-D, after which podman may take no more of the container's output. With
 * that, script's own exit status (-e) is not always the command's, which therefore prints its own.
 */
function terminal(podman: Podman, line: string, before = 'true') {
  const command = `${before}; ${podman.expand(line)}; echo "status $?"`;
  const script = 'script -qc "$0" /dev/null <> <(:)';
  const { stdout } = sandbox.run(['bash', '-c', script, command], { env: { SHELL: '/bin/bash' } });
  return { stdout, status: Number(/status (\d+)\r?\n$/.exec(stdout)?.[1]) };
}

const logged = (podman: Podman, id: string, text: string) =>
  untilOutput(podman, ['logs', id], `${text}\n`);

async function untilOutput(podman: Podman, args: string[], text: string): Promise<void> {
  await until(() => podman.call(args).stdout === text, `${args.join(' ')} to say ${text}`);
}
