/**
 * Attacks by the contents of a root file system: symlinks and strange files where the runtime makes
 * directories, device nodes and mounts. Nothing may be made, mounted or read outside the root.
 */
import { spawnSync } from 'node:child_process';
import { lstatSync, mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { addUserNamespace, type Config } from '../config.ts';
import { findMount, isTsrun, RUNTIME, TOP, useContainers } from '../runtime.ts';
import { makeVictim, PYTHON, plant, type Victim } from './victim.ts';

const t = useContainers();

let rootfs: string;
let victim: Victim;

beforeEach(() => {
  rootfs = t.freshRootfs();
  victim = makeVictim(t);
});
afterEach(() => victim.expectUntouched());

const without = (config: Config, ...places: string[]) => {
  config.mounts = config.mounts?.filter(
    ({ destination }) => !places.some((place) => `${destination}/`.startsWith(`${place}/`)),
  );
};

/** Runs a script in the hostile root. */
const run = (script: string, edit: (config: Config) => void = () => {}) =>
  t.sh(script, (config) => {
    config.root.path = rootfs;
    edit(config);
  });

/** A symlink that leads to the victim when it is followed on the host: absolute, or by many `..`. */
const targets = (): readonly string[] => [
  victim.directory,
  `../../../../../../../../../../..${victim.directory}`,
];

describe('a root whose /dev is a symlink (CVE-2026-41579, CVE-2026-47766)', () => {
  it.each([0, 1])('gets its device nodes inside the root or not at all (target %i)', (which) => {
    plant(rootfs, 'dev', targets()[which] ?? '');
    run('ls -l /dev/', (config) => without(config, '/dev'));
  });
  it('gets its tmpfs inside the root or not at all', () => {
    plant(rootfs, 'dev', victim.directory);
    run('ls -l /dev/');
  });
});

describe('a root whose /proc or /sys is a symlink (CVE-2019-19921, CVE-2023-27561, CVE-2023-28642)', () => {
  it.each(['proc', 'sys'])('is refused: %s', (name) => {
    mkdirSync(join(rootfs, 'elsewhere'));
    for (const target of ['elsewhere', '/elsewhere', victim.directory]) {
      plant(rootfs, name, target);
      const { status, stdout } = run('echo ran');
      expect({ target, status, stdout }).toEqual({ target, status: 1, stdout: '' });
    }
  });
});

describe('a mount whose destination leads out of the root (CVE-2021-30465, CVE-2024-45310)', () => {
  it.each([0, 1])('lands inside, or nowhere: the last component (target %i)', (which) => {
    plant(rootfs, 'data', targets()[which] ?? '');
    run('touch /data/x; echo > /data/file', (config) => {
      config.mounts?.push({ destination: '/data', type: 'tmpfs', source: 'tmpfs' });
    });
  });
  it.each([0, 1])('lands inside, or nowhere: a directory on the way (target %i)', (which) => {
    plant(rootfs, 'data', targets()[which] ?? '');
    const source = t.newDirectory();
    run('touch /data/new/deeper/x', (config) => {
      config.mounts?.push(
        { destination: '/data/new/deeper', type: 'bind', source, options: ['bind'] },
        { destination: '/data/file/x', type: 'tmpfs', source: 'tmpfs' },
      );
    });
  });
  it('makes no file outside for a bind mount of a file', () => {
    plant(rootfs, 'etc/hosts', join(victim.directory, 'made'));
    const { stdout } = run('cat /etc/hosts', (config) => {
      config.mounts?.push({
        destination: '/etc/hosts',
        type: 'bind',
        source: join(rootfs, 'etc/passwd'),
        options: ['bind'],
      });
    });
    expect(stdout).not.toContain('secret');
  });
  it('cannot bind what lies outside by a source inside an earlier mount', () => {
    plant(rootfs, 'a', victim.directory);
    const { stdout } = run('cat /a/file', (config) => {
      config.mounts?.push({ destination: '/a', type: 'tmpfs', source: 'tmpfs' });
    });
    expect(stdout).not.toContain('secret');
  });
  it('makes no working directory outside', () => {
    plant(rootfs, 'wd', victim.directory);
    run('pwd', (config) => {
      config.process.cwd = '/wd/made/deeper';
    });
  });
});

describe('a mount onto procfs (CVE-2019-16884)', () => {
  it.each(['/proc/self/attr/exec', '/proc/sys', '/proc/1/fd', '/alias/self/attr/exec', '/alias'])(
    'is refused: %s',
    (destination) => {
      plant(rootfs, 'alias', 'proc');
      // Of the kind that would go there: else that alone is why it is refused.
      const source = join(rootfs, destination.endsWith('exec') ? 'etc/passwd' : 'etc');
      writeFileSync(join(rootfs, 'etc/passwd'), '');
      const { status, stdout } = run('echo ran', (config) => {
        config.mounts?.push({ destination, type: 'bind', source, options: ['bind'] });
      });
      expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
    },
  );
});

describe('a root whose /dev/null is another file (CVE-2025-31133)', () => {
  const masked = (config: Config) => {
    without(config, '/dev');
    config.linux.maskedPaths = ['/masked'];
  };

  it('masks with the null device all the same', () => {
    writeFileSync(join(rootfs, 'masked'), 'masked');
    mkdirSync(join(rootfs, 'dev'), { recursive: true });
    plant(rootfs, 'dev/null', '/proc/sys/kernel/core_pattern');
    const { status, stdout } = run('stat -c %F:%t:%T /masked; cat /masked', (config) => {
      masked(config);
      // As a volume would, so that the planted file stands where the device node belongs.
      const source = join(rootfs, 'dev');
      config.mounts?.push({ destination: '/dev', type: 'bind', source, options: ['bind'] });
    });
    expect({ status, stdout }).toEqual({ status: 0, stdout: 'character special file:1:3\n' });
  });
  it('does not take a file for the null device', () => {
    mkdirSync(join(rootfs, 'dev'), { recursive: true });
    rmSync(join(rootfs, 'dev/null'), { force: true });
    writeFileSync(join(rootfs, 'dev/null'), 'planted');
    const { status, stdout } = run('cat /dev/null', masked);
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
  });
});

describe('linux.maskedPaths and readonlyPaths that are symlinks', () => {
  it('reach what they lead to inside the root, never the host', () => {
    plant(rootfs, 'masked', victim.file);
    plant(rootfs, 'readonly', victim.directory);
    mkdirSync(join(rootfs, victim.directory), { recursive: true });
    writeFileSync(join(rootfs, victim.file), 'inside');
    const { status, stdout } = run(`cat /masked; touch /readonly/x || echo read-only`, (config) => {
      config.linux.maskedPaths = ['/masked'];
      config.linux.readonlyPaths = ['/readonly'];
    });
    expect({ status, stdout }).toEqual({ status: 0, stdout: 'read-only\n' });
  });
});

describe('a root whose /dev/console or /dev/pts is planted (CVE-2025-52565)', () => {
  const onTerminal = (edit: (config: Config) => void) => {
    const bundle = t.bundle((config) => {
      config.root.path = rootfs;
      config.process.terminal = true;
      config.process.args = ['sh', '-c', 'echo ready; echo written > /dev/console'];
      edit(config);
    });
    const script = join(TOP, 'test/integration/terminal.py');
    const command = [RUNTIME, '--root', t.stateRoot, 'run', '--bundle', bundle, t.newId()];
    return spawnSync(PYTHON, [script, 'run', '24', '80', '24', '', ...command], {
      encoding: 'utf8',
      timeout: 30_000,
    });
  };

  // Where the mount is seen by nobody it is refused all the same: it would be made at the host's path.
  it.runIf(isTsrun)('does not mount the terminal over what the symlink leads to', () => {
    mkdirSync(join(rootfs, 'dev/pts'), { recursive: true });
    for (const target of [victim.file, '/etc/passwd', 'missing', 'null']) {
      plant(rootfs, 'dev/console', target);
      const done = onTerminal((config) => {
        without(config, '/dev/shm', '/dev/mqueue');
        config.mounts = config.mounts.filter(({ destination }) => destination !== '/dev');
      });
      expect(done.stdout, target).not.toContain('ready');
      expect(done.stdout + done.stderr, target).toContain('process.terminal');
    }
  });
  it('takes no terminal from a /dev/pts that is no devpts', () => {
    const { stdout } = onTerminal((config) => {
      without(config, '/dev/pts');
      config.mounts?.push({ destination: '/dev/pts', type: 'tmpfs', source: 'tmpfs' });
    });
    expect(stdout).not.toContain('ready');
  });
  // The kernel's own ptmx, in a directory in which the image says what is a terminal.
  it.runIf(isTsrun)('takes no terminal from a node of ptmx beside a /dev/pts of another', () => {
    const source = t.newDirectory();
    mkdirSync(join(source, 'pts'));
    spawnSync('mknod', [join(source, 'ptmx'), 'c', '5', '2']);
    const { stdout, stderr } = onTerminal((config) => {
      const devpts = config.mounts.find(({ destination }) => destination === '/dev/pts');
      without(config, '/dev/pts');
      config.mounts.push(
        { destination: '/dev/pts', type: 'bind', source, options: ['bind'] },
        { ...devpts, destination: '/dev/pts/pts' },
      );
    });
    expect(stdout).not.toContain('ready');
    expect(stdout + stderr).toContain('process.terminal');
  });
});

describe('a hostile /etc/passwd', () => {
  it('that is a FIFO stops nothing', () => {
    rmSync(join(rootfs, 'etc/passwd'), { force: true });
    expect(spawnSync('mkfifo', [join(rootfs, 'etc/passwd')]).status).toBe(0);
    expect(run('echo $HOME')).toMatchObject({ status: 0, stdout: '/\n' });
  });
  it('that is a symlink is read inside the root', () => {
    plant(rootfs, 'etc/passwd', victim.file);
    expect(run('echo $HOME')).toMatchObject({ status: 0, stdout: '/\n' });
  });
});

describe('linux.devices behind symlinks', () => {
  it('are made inside the root or not at all', () => {
    plant(rootfs, 'nodes', victim.directory);
    run('ls -l /nodes/', (config) => {
      config.linux.devices = [{ path: '/nodes/fuse', type: 'c', major: 10, minor: 229 }];
    });
  });
  it('do not change a file that is already there', () => {
    const place = join(rootfs, 'dev/fuse');
    mkdirSync(join(rootfs, 'dev'), { recursive: true });
    writeFileSync(place, 'planted', { mode: 0o600 });
    const { status } = run('true', (config) => {
      without(config, '/dev');
      config.linux.devices = [
        { path: '/dev/fuse', type: 'c', major: 10, minor: 229, fileMode: 0o666, uid: 5, gid: 5 },
      ];
    });
    expect(status).toBe(1);
    const { mode, uid } = lstatSync(place);
    expect({ mode: mode & 0o7777, uid }).toEqual({ mode: 0o600, uid: 0 });
  });
});

// What a container without a cgroup namespace may write would outlive it.
describe('the cgroups of a container in a user namespace (CVE-2023-25809)', () => {
  it('are not writable when they are mounted read-only', () => {
    const { stdout } = run('cat /proc/self/mountinfo', (config) => {
      addUserNamespace(config);
      spawnSync('chown', ['-R', '100000:100000', rootfs]);
      config.mounts?.push({
        destination: '/sys/fs/cgroup',
        type: 'cgroup',
        source: 'cgroup',
        options: ['nosuid', 'noexec', 'nodev', 'relatime', 'ro'],
      });
    });
    const points = stdout
      .split('\n')
      .map((line) => line.split(' ')[4] ?? '')
      .filter((point) => point.startsWith('/sys/fs/cgroup'));
    expect(points.length).toBeGreaterThan(0);
    for (const point of points) expect(findMount(stdout, point)?.options).toContain('ro');
  });
});

it.runIf(isTsrun)('makes what it makes inside the root', () => {
  mkdirSync(join(rootfs, 'inside'));
  plant(rootfs, 'data', '/inside');
  const { status, stdout } = run('stat -f -c %T /inside/new', (config) => {
    config.mounts?.push({ destination: '/data/new', type: 'tmpfs', source: 'tmpfs' });
  });
  expect({ status, stdout }).toEqual({ status: 0, stdout: 'tmpfs\n' });
  expect(readdirSync(join(rootfs, 'inside'))).toEqual(['new']);
  expect(statSync(join(rootfs, 'inside/new')).isDirectory()).toBe(true);
});
