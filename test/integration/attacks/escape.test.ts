/**
 * Attacks by the program inside: descriptors it was not meant to have, the runtime's own program, the
 * working directory, processes that join. Nothing of the host may be reached through any of them.
 */
import { createHash } from 'node:crypto';
import {
  chmodSync,
  closeSync,
  openSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { grant } from '../config.ts';
import { isTsrun, RUNTIME, until, useContainers } from '../runtime.ts';

const t = useContainers();

const hashOf = (path: string) => createHash('sha256').update(readFileSync(path)).digest('hex');

/** A started container whose program lives until it is deleted. */
const running = (script = 'sleep 60') => {
  const created = t.create((config) => {
    config.process.args = ['sh', '-c', script];
    grant(config, 'CAP_SYS_PTRACE', 'CAP_DAC_OVERRIDE');
  });
  expect(created.result).toMatchObject({ status: 0 });
  expect(t.call(['start', created.id])).toMatchObject({ status: 0 });
  return created;
};

/** The shell's descriptors, without the one it read the directory with. */
const LIST_OWN = 'for fd in /proc/$$/fd/*; do [ -L $fd ] && basename $fd; done; true';

describe('descriptors (CVE-2024-21626)', () => {
  const withLeaks = (use: (fds: readonly number[]) => void) => {
    const fds = [openSync('/', 'r'), openSync('/sys/fs/cgroup', 'r'), openSync('/proc', 'r')];
    try {
      use(fds);
    } finally {
      for (const fd of fds) closeSync(fd);
    }
  };

  it('of the program are standard input, output and error, whatever the caller left open', () => {
    withLeaks((descriptors) => {
      const { stdout } = t.sh(LIST_OWN, () => {}, { descriptors });
      expect(stdout.trim().split('\n').sort()).toEqual(['0', '1', '2']);
    });
  });
  it('beyond these are those that --preserve-fds names', () => {
    withLeaks((descriptors) => {
      const edit = (config: { process: { args: string[] } }) => {
        config.process.args = ['sh', '-c', LIST_OWN];
      };
      const { stdout } = t.run(edit, ['--preserve-fds', '1'], { descriptors });
      expect(stdout.trim().split('\n').sort()).toEqual(['0', '1', '2', '3']);
    });
  });
  it('of exec are the same three', () => {
    const { id } = running();
    withLeaks((descriptors) => {
      const { stdout } = t.call(['exec', id, 'sh', '-c', LIST_OWN], { descriptors });
      expect(stdout.trim().split('\n').sort()).toEqual(['0', '1', '2']);
    });
  });
  it.each([3, 4, 5, 6, 7, 8, 9, 10, 12, 16])(
    'cannot be the working directory: /proc/self/fd/%i',
    (fd) => {
      const seek = 'ls -d ../../../../etc/hostname; pwd; cat ../../../../proc/1/comm';
      const { status, stdout } = t.sh(seek, (config) => {
        config.process.cwd = `/proc/self/fd/${fd}`;
      });
      expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
    },
  );
  it('of the host cannot be the working directory of exec', () => {
    const { id } = running();
    for (const fd of [3, 4, 5, 6, 7, 8, 9]) {
      const look = '[ . -ef / ] || echo outside';
      const { stdout } = t.call(['exec', '--cwd', `/proc/self/fd/${fd}`, id, 'sh', '-c', look]);
      expect({ fd, stdout }).toEqual({ fd, stdout: '' });
    }
  });
  it('cannot be the working directory through a symlink of the image', () => {
    const rootfs = t.freshRootfs();
    for (const fd of [3, 4, 5, 6, 7, 8, 9]) {
      symlinkSync(`/proc/self/fd/${fd}`, join(rootfs, `l${fd}`));
      const { status, stdout } = t.sh('pwd; ls ..', (config) => {
        config.root.path = rootfs;
        config.process.cwd = `/l${fd}`;
      });
      expect({ fd, status, stdout }).toEqual({ fd, status: 1, stdout: '' });
    }
  });
});

describe('the null device of standard input', () => {
  it.runIf(isTsrun)('is the container’s own, which it may chmod', () => {
    const host = statSync('/dev/null');
    const { status, stdout } = t.sh('stat -L -c %d /proc/self/fd/0 /dev/null /dev');
    expect(status).toBe(0);
    const [input, own, directory] = stdout.trim().split('\n').map(Number);
    expect(input).toBe(own);
    expect(own).toBe(directory);
    expect(own).not.toBe(host.dev);
  });
  // runc hands the host's own down, whose mode the container's root may then change for everybody.
  it.runIf(isTsrun).each([
    ['a file', 'echo planted > /dev/null'],
    ['a symlink to another device', 'ln -s zero /dev/null'],
    ['a FIFO', 'mkfifo /dev/null'],
    ['missing', 'true'],
  ])('is one of its own in exec where the container’s is %s', async (_, plant) => {
    const host = statSync('/dev/null');
    const { id, output } = running(`rm /dev/null; ${plant}; echo planted; sleep 60`);
    await until(() => output() !== '', 'the trap');
    const look = 'stat -L -c %t:%T:%d /proc/self/fd/0; chmod 600 /proc/self/fd/0; wc -c';
    const exec = t.call(['exec', id, 'sh', '-c', look]);
    const { mode } = statSync('/dev/null');
    // Everybody's, should the attack have worked.
    chmodSync('/dev/null', host.mode & 0o7777);
    expect(exec).toMatchObject({ status: 0, stderr: '' });
    const [device, read] = exec.stdout.trim().split('\n');
    expect(device).toMatch(/^1:3:/);
    expect(device).not.toBe(`1:3:${host.dev}`);
    expect(read).toBe('0');
    expect(mode).toBe(host.mode);
  });
});

describe('the runtime’s own program (CVE-2019-5736)', () => {
  it.runIf(isTsrun)('is a memory file nobody can write, not the host’s', () => {
    const { id } = t.create(() => {});
    const { pid } = t.state(id);
    expect(readlinkSync(`/proc/${pid}/exe`)).toMatch(/^\/memfd:/);
    expect(() => closeSync(openSync(`/proc/${pid}/exe`, 'r+'))).toThrow(/ETXTBSY|EPERM/);
  });
  it('is not what an interpreter line /proc/self/exe can make run and write', () => {
    const before = hashOf(RUNTIME);
    const rootfs = t.freshRootfs();
    writeFileSync(join(rootfs, 'evil'), '#!/proc/self/exe\n');
    chmodSync(join(rootfs, 'evil'), 0o755);
    const { status } = t.run((config) => {
      config.root.path = rootfs;
      config.process.args = ['/evil'];
    });
    expect(status).not.toBe(0);
    expect(hashOf(RUNTIME)).toBe(before);
  });
  it('is not written by a container that lies in wait for exec', async () => {
    const before = hashOf(RUNTIME);
    const hunt = `echo hunting; while :; do for p in /proc/[0-9]*; do
      case $p in /proc/1|/proc/$$) continue;; esac
      case $(readlink $p/exe) in */busybox|'') ;; *) echo "saw $(readlink $p/exe)";
        ( echo overwritten > $p/exe ) 2>/dev/null && echo "WROTE $p";; esac
      done; done`;
    const { id, output } = running(hunt);
    await until(() => output().includes('hunting'), 'the hunter');
    for (let i = 0; i < 20; i += 1) t.call(['exec', id, 'true']);
    expect(output()).not.toContain('WROTE');
    expect(hashOf(RUNTIME)).toBe(before);
  });
});

describe('a process that joins (CVE-2016-9962)', () => {
  it('shows a container that lies in wait nothing of the host', async () => {
    const watch = `echo watching; while :; do for p in /proc/[0-9]*; do
      case $p in /proc/1|/proc/$$) continue;; esac
      for fd in $p/fd/* $p/cwd $p/root; do
        l=$(readlink $fd) && echo "SAW $fd $l"
        [ -e "$fd/etc/debian_version" ] && echo "HOST $fd"
        [ -e "$fd/self/fd" ] && [ -e "$fd/$HOST_PID" ] && echo "HOST $fd"
      done; done; done`;
    const { id, output } = running(`HOST_PID=${process.pid}; ${watch}`);
    await until(() => output().includes('watching'), 'the watcher');
    for (let i = 0; i < 20; i += 1) t.call(['exec', id, 'true']);
    expect(output()).not.toContain('HOST');
  });
});

describe('capabilities (CVE-2022-29162)', () => {
  it('are not inheritable unless the config says so, in exec --cap either', () => {
    const inheritable = /^CapInh:\t0{16}$/m;
    expect(t.sh('cat /proc/self/status').stdout).toMatch(inheritable);
    const { id } = running();
    const { stdout } = t.call(['exec', '--cap', 'CAP_KILL', id, 'cat', '/proc/self/status']);
    expect(stdout).toMatch(inheritable);
  });
});

describe('the start of a created container', () => {
  it.runIf(isTsrun)('is for the owner of the state directory alone to say', () => {
    const { id } = t.create(() => {});
    const directory = join(t.stateRoot, id);
    expect(statSync(join(directory, 'start.sock')).mode & 0o777).toBe(0o600);
    expect(statSync(directory).mode & 0o777).toBe(0o711);
    for (const name of ['state.json', 'config.json']) {
      expect(statSync(join(directory, name)).mode & 0o022).toBe(0);
    }
  });
});

describe('linux.sysctl (CVE-2025-52881)', () => {
  it('is written to the kernel whatever the root has in /proc/sys', () => {
    const rootfs = t.freshRootfs();
    const trap = join(rootfs, 'trap');
    writeFileSync(trap, 'untouched');
    const { status, stdout } = t.sh('cat /proc/sys/net/ipv4/ip_forward', (config) => {
      config.root.path = rootfs;
      config.linux.sysctl = { 'net.ipv4.ip_forward': '1' };
    });
    expect({ status, stdout }).toEqual({ status: 0, stdout: '1\n' });
    const without = t.sh('cat /trap', (config) => {
      config.root.path = rootfs;
      config.linux.sysctl = { 'net.ipv4.ip_forward': '1' };
      config.mounts = config.mounts?.filter(({ destination }) => destination !== '/proc');
    });
    expect(without.stdout).toBe('untouched');
    expect(readFileSync(trap, 'utf8')).toBe('untouched');
  });
});
