/**
 * Attacks by the program inside: descriptors it was not meant to have, the runtime's own program, the
 * working directory, processes that join. Nothing of the host may be reached through any of them.
 */
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  closeSync,
  mkdirSync,
  openSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Config, grant } from '../config.ts';
import { isTsrun, RUNTIME, until, useContainers } from '../runtime.ts';
import { PYTHON, plant } from './victim.ts';

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

interface Held {
  /** Lets it go on; the exit status of the whole. */
  release(): Promise<number | null>;
}

/** Runs the runtime, and holds its init in this system call. */
async function hold(call: 'keyctl' | 'execve', args: readonly string[]): Promise<Held> {
  const script = join(import.meta.dirname, 'hold.py');
  const command = [script, call, RUNTIME, '--root', t.stateRoot, ...args];
  const child = spawn(PYTHON, command, { stdio: ['pipe', 'pipe', 'ignore'] });
  const ended = new Promise<number | null>((done) => void child.on('exit', done));
  let said = '';
  child.stdout.on('data', (data: Buffer) => {
    said += data.toString();
  });
  await until(() => said.endsWith('\n') || child.exitCode !== null, `init in ${call}`);
  expect(said).toMatch(/^\d+\n$/);
  return {
    release() {
      child.stdin.end('\n');
      return ended;
    },
  };
}

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
  it('that the container was given on purpose cannot be the working directory either', () => {
    withLeaks((descriptors) => {
      const edit = (config: Config) => {
        config.process.args = ['ls', '-d', 'etc/hostname'];
        config.process.cwd = '/proc/self/fd/3';
      };
      const { status, stdout } = t.run(edit, ['--preserve-fds', '1'], { descriptors });
      expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
      const cwd = ['--preserve-fds', '1', '--cwd', '/proc/self/fd/3'];
      const exec = t.call(['exec', ...cwd, running().id, 'ls', '-d', 'proc/1'], { descriptors });
      expect(exec).toMatchObject({ status: 255, stdout: '' });
    });
  });
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
  // How init comes to be, and so when it can be held, is each runtime's own.
  it.runIf(isTsrun)(
    'is not written by a container that lies in wait for exec, then or when it is over',
    async () => {
      const hunt = `echo hunting; while :; do for p in /proc/[0-9]*; do
        case $p in /proc/1|/proc/$$) continue;; esac
        case $(readlink $p/exe) in
          /memfd:*) exec 9< $p/exe && echo held && break 2;;
        esac; done; done
        ( echo overwritten > $p/exe ) 2>/dev/null && echo WROTE
        while [ -e $p ]; do :; done
        ( echo overwritten > /proc/self/fd/9 ) 2>/dev/null && echo WROTE; echo over; sleep 60`;
      const { id, output } = running(hunt);
      await until(() => output().includes('hunting'), 'the hunter');
      const exec = await hold('keyctl', ['exec', id, 'true']);
      await until(() => output().includes('held'), 'its find');
      expect(await exec.release()).toBe(0);
      await until(() => output().includes('over'), 'its attempt');
      expect(output()).not.toContain('WROTE');
    },
  );
});

describe.runIf(isTsrun)('a process that joins (CVE-2016-9962)', () => {
  const watch = `echo watching; while :; do for p in /proc/[0-9]*; do
    case $p in /proc/1|/proc/$$) continue;; esac
    echo "PROCESS"
    for fd in $p/fd/* $p/cwd $p/root; do
      l=$(readlink $fd) && echo "SAW $l"
      [ -e "$fd/etc/debian_version" ] && echo "HOST $fd"
      [ -e "$fd/self/fd" ] && [ -e "$fd/$HOST_PID" ] && echo "HOST $fd"
    done; done; echo ROUND; done 2>/dev/null`;

  /** What a container with these capabilities sees of a process of exec that is held in a call. */
  const seen = async (call: 'keyctl' | 'execve', ...capabilities: string[]) => {
    const { id, result, output } = t.create((config) => {
      config.process.args = ['sh', '-c', `HOST_PID=${process.pid}; ${watch}`];
      grant(config, ...capabilities);
    });
    expect(result).toMatchObject({ status: 0 });
    expect(t.call(['start', id])).toMatchObject({ status: 0 });
    await until(() => output().includes('watching'), 'the watcher');
    const exec = await hold(call, ['exec', id, 'true']);
    // What was seen of it before it was held is not what is asked for.
    const before = output().length;
    const since = () => output().slice(before);
    await until(() => /PROCESS.*ROUND/s.test(since()), 'a look at it');
    const text = since();
    expect(await exec.release()).toBe(0);
    return text;
  };

  it('shows a container that may trace it nothing of the host', async () => {
    const text = await seen('keyctl', 'CAP_SYS_PTRACE');
    expect(text).toContain('SAW socket:');
    expect(text).not.toContain('HOST');
  });
  it('cannot be looked at by one that may not, when its capabilities are no more', async () => {
    expect(await seen('execve')).not.toContain('SAW');
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
  const NAME = 'net/ipv4/ip_forward';
  const created = (rootfs: string, hasProc: boolean) => {
    const { id, result } = t.create((config) => {
      config.root.path = rootfs;
      config.process.args = ['sleep', '60'];
      config.linux.sysctl = { 'net.ipv4.ip_forward': '1' };
      if (!hasProc) {
        config.mounts = config.mounts.filter(({ destination }) => destination !== '/proc');
      }
    });
    expect(result).toMatchObject({ status: 0 });
    const net = ['-t', `${t.state(id).pid}`, '-n', 'cat', `/proc/sys/${NAME}`];
    return spawnSync('nsenter', net, { encoding: 'utf8' }).stdout;
  };

  it('is written to the kernel, on a /proc of the container’s own', () => {
    expect(created(t.freshRootfs(), true)).toBe('1\n');
  });
  // runc 1.1.5 writes to whatever is at that path in the container.
  it.runIf(isTsrun).each(['file', 'symlink'])(
    'is written to the kernel where the root has planted a %s in its place',
    (kind) => {
      const rootfs = t.freshRootfs();
      const trap = join(rootfs, kind === 'file' ? `proc/sys/${NAME}` : 'trap');
      mkdirSync(join(rootfs, 'proc/sys/net/ipv4'), { recursive: true });
      writeFileSync(trap, 'untouched');
      if (kind === 'symlink') plant(rootfs, `proc/sys/${NAME}`, '/trap');
      expect(created(rootfs, false)).toBe('1\n');
      expect(readFileSync(trap, 'utf8')).toBe('untouched');
    },
  );
});
