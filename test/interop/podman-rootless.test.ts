/** podman of an ordinary user, who has subordinate ids, with tsrun in runc's place. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { copyRuntime } from './count.ts';
import { type Feature, type Runtime, testFeatures } from './features.ts';
import { makeRootfsArchive } from './image.ts';
import { hasSystemd, isThrowAway, type Limits, limitFiles, limitWords } from './machine.ts';
import { CGROUP_MANAGER } from './podman.ts';
import { type Result, type Sandbox, until, useSandbox } from './sandbox.ts';

const USER = 54322;
const SUBORDINATE = 400000;
const IMAGE = 'localhost/busybox';

/**
 * The user is known in the sandbox alone; or in the whole machine, when that is thrown away, for it is systemd
 * that starts the user's own systemd.
 */
const INSTALL = isThrowAway ? 'cp' : 'mount --bind';
const RUNTIME_DIRECTORY = hasSystemd ? `/run/user/${USER}` : undefined;

function prepare(sandbox: Sandbox): void {
  const home = join(sandbox.directory, 'home');
  sandbox.file(
    'containers.conf',
    '[containers]\ndefault_ulimits = ["nofile=1024:1024","nproc=4096:4096"]\n' +
      `[engine]\ncgroup_manager = "${CGROUP_MANAGER}"\nevents_logger = "file"\n` +
      'runtime_supports_json = ["runc", "tsrun"]\n',
  );
  const script = `
    set -eu
    for file in passwd group subuid subgid; do cat /etc/$file >"$0/$file" 2>/dev/null || :; done
    echo "tester:x:${USER}:${USER}::$0/home:/bin/sh" >>"$0/passwd"
    echo "tester:x:${USER}:" >>"$0/group"
    for file in subuid subgid; do echo tester:${SUBORDINATE}:65536 >"$0/$file"; done
    for file in passwd group subuid subgid; do ${INSTALL} "$0/$file" "/etc/$file"; done
    ${isThrowAway ? 'echo "tester:*::0:99999:7:::" >>/etc/shadow' : ':'}
    cp -r /etc/containers "$0/etc-containers"
    mv "$0/containers.conf" "$0/etc-containers/containers.conf"
    mount --bind "$0/etc-containers" /etc/containers
    mkdir -p "$0/home/run" "$0/home/volume"
    chmod 755 "$0"`;
  sandbox.ok(['sh', '-c', script, sandbox.directory]);
  // Where the tests run an ordinary user may not go.
  for (const runtime of ['tsrun', 'runc'] as const) {
    copyRuntime(runtime, join(home, runtime));
  }
  const archive = makeRootfsArchive(sandbox.directory);
  sandbox.ok(['sh', '-c', `chmod 700 "$0/run" && chown -R ${USER}:${USER} "$0"`, home]);
  if (hasSystemd) sandbox.ok(['systemctl', 'start', `user@${USER}.service`]);
  open('runc').ok('import', '-c', 'CMD ["sh"]', '-c', 'ENV PATH=/bin', archive, IMAGE);
}

const sandbox = useSandbox(prepare);

interface Rootless {
  call(...args: readonly string[]): Result;
  ok(...args: readonly string[]): string;
  /** `podman run --rm --network=none ARGS`, which must succeed. */
  run(...args: readonly string[]): string;
}

function open(runtime: Runtime): Rootless {
  const home = join(sandbox.directory, 'home');
  const ids = ['--reuid', `${USER}`, '--regid', `${USER}`, '--clear-groups'];
  const variables = [
    'PATH=/usr/sbin:/usr/bin:/sbin:/bin',
    `HOME=${home}`,
    `XDG_RUNTIME_DIR=${RUNTIME_DIRECTORY ?? join(home, 'run')}`,
  ];
  const program = ['podman', '--storage-driver=vfs', '--runtime', join(home, runtime)];
  const command = ['setpriv', ...ids, 'env', '-C', '/', '-i', ...variables, ...program];
  const self: Rootless = {
    call: (...args) => sandbox.run([...command, ...args]),
    ok: (...args) => sandbox.ok([...command, ...args]).trim(),
    run: (...args) => self.ok('run', '--rm', '--network=none', ...args),
  };
  return self;
}

const lines = (text: string) => text.split('\n').map((line) => line.trim().split(/\s+/).join(' '));

const FEATURES: readonly Feature<Rootless>[] = [
  {
    name: 'run: the user is root, its subordinate ids are the others',
    check: (podman) => {
      const look = 'id -u; cat /proc/self/uid_map; cat /proc/self/setgroups';
      expect(lines(podman.run(IMAGE, 'sh', '-c', look))).toEqual([
        '0',
        `0 ${USER} 1`,
        `1 ${SUBORDINATE} 65536`,
        'allow',
      ]);
    },
  },
  {
    name: 'run: exit status, 127 and 126',
    check: (podman) => {
      const status = (...args: string[]) =>
        podman.call('run', '--rm', '--network=none', IMAGE, ...args).status;
      expect(status('sh', '-c', 'exit 3')).toBe(3);
      expect(status('no-such-program')).toBe(127);
      expect(status('/etc/passwd')).toBe(126);
    },
  },
  {
    name: 'run --user, --volume',
    check: (podman) => {
      const volume = join(sandbox.directory, 'home/volume');
      const write = 'id -u; echo x > /v/file; stat -c %u /v/file';
      const chowned = `${volume}:/v:U`;
      expect(lines(podman.run('--user=5:6', '-v', chowned, IMAGE, 'sh', '-c', write))).toEqual([
        '5',
        '5',
      ]);
      expect(readdirSync(volume)).toEqual(['file']);
      const stat = sandbox.ok(['stat', '-c', '%u', join(volume, 'file')]);
      expect(stat.trim()).toBe(`${SUBORDINATE + 4}`);
    },
  },
  {
    name: 'run --userns=keep-id',
    check: (podman) => {
      expect(podman.run('--userns=keep-id', IMAGE, 'id', '-u')).toBe(`${USER}`);
    },
  },
  {
    name: 'run -d, exec, stop, rm',
    check: async (podman) => {
      const id = podman.ok('run', '-d', '--network=none', IMAGE, 'sleep', '60');
      try {
        expect(podman.ok('exec', id, 'sh', '-c', 'id -u; cat /proc/1/comm')).toBe('0\nsleep');
        expect(podman.ok('ps', '-q', '--no-trunc')).toBe(id);
        podman.ok('stop', '-t', '0', id);
        const status = () => podman.ok('inspect', '-f', '{{.State.Status}}', id);
        await until(() => status() === 'exited', 'the end');
      } finally {
        podman.ok('rm', '-f', '-t', '0', id);
      }
    },
  },
  {
    name: 'run: masked and read-only paths, read-only cgroups, no descriptors of the host',
    // CVE-2023-25809, which Debian's runc has; not where the cgroups are those of a user's systemd.
    differs: hasSystemd ? {} : { runc: 'cgroups are writable' },
    check: (podman, runtime) => {
      const look =
        'cat /proc/keys; echo x 2>/dev/null > /proc/sys/kernel/core_pattern || echo refused; ' +
        'touch /sys/fs/cgroup/x 2>/dev/null && echo made || echo refused; ' +
        // Not by a pipe: its ends would be the shell's for a moment.
        'ls /proc/$$/fd >/tmp/fds; tr "\\n" " " </tmp/fds';
      expect(lines(podman.run(IMAGE, 'sh', '-c', look))).toEqual([
        'refused',
        runtime === 'tsrun' || hasSystemd ? 'refused' : 'made',
        // 10 is the shell's own, of the command it reads.
        expect.stringMatching(/^0 1 (10 )?2$/),
      ]);
    },
  },
  {
    name: "limits, update, stats, pause, delegated by the user's own systemd",
    where: 'machine',
    check: async (podman) => {
      const given = ['--memory=64m', '--pids-limit=50', '--cpus=0.5'];
      const id = podman.ok('run', '-d', '--network=none', ...given, IMAGE, 'sleep', '1000');
      try {
        const show = (limits: Limits) =>
          lines(podman.ok('exec', id, 'cat', ...limitFiles(limits))).join(' ');
        const before: Limits = { memoryBytes: 64 << 20, pids: 50, cpuQuotaUsec: 50_000 };
        expect(show(before)).toBe(limitWords(before));
        podman.ok('update', '--memory=128m', id);
        const after: Limits = { memoryBytes: 128 << 20 };
        expect(show(after)).toBe(limitWords(after));
        expect(podman.ok('stats', '--no-stream', '--format', '{{.PIDs}}', id)).toBe('1');
        podman.ok('pause', id);
        podman.ok('unpause', id);
        const manager = `user@${USER}.service`;
        const scopes = sandbox.cgroups().filter((path) => path.endsWith(`libpod-${id}.scope`));
        expect(scopes).toEqual([expect.stringContaining(manager)]);
      } finally {
        podman.ok('rm', '-f', '-t', '0', id);
      }
      await sandbox.noCgroup(id);
    },
  },
];

testFeatures('podman rootless', FEATURES, open);
