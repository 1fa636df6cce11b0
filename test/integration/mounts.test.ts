/** mounts and root: what a container finds mounted, read back in its own /proc/self/mountinfo. */
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { type Config, grant, type Mount } from './config.ts';
import { findMount, isTsrun, until, useContainers } from './runtime.ts';

const t = useContainers();

const onHost: string[] = [];
/** A tmpfs on the host, unmounted behind the test. */
function hostTmpfs(...options: string[]): string {
  const path = t.newDirectory();
  host('mount', '-t', 'tmpfs', ...options, 'tmpfs', path);
  onHost.push(path);
  return path;
}
function host(command: string, ...args: string[]): void {
  const done = spawnSync(command, args, { encoding: 'utf8' });
  if (done.status !== 0) throw new Error(`${command} ${args.join(' ')}: ${done.stderr}`);
}
afterEach(() => {
  for (const path of onHost.splice(0).reverse()) host('umount', '-R', '-l', path);
});

/** The container's mount at `destination` as its own mountinfo shows it. */
function mounted(mount: Mount, edit: (config: Config) => void = () => {}) {
  const result = t.sh('cat /proc/self/mountinfo', (config) => {
    config.mounts.push(mount);
    edit(config);
  });
  expect(result).toMatchObject({ status: 0, stderr: '' });
  const found = findMount(result.stdout, mount.destination);
  if (found === undefined) throw new Error(`${mount.destination} is not mounted`);
  return found;
}

const tmpfs = (...options: string[]): Mount => ({
  destination: '/mnt',
  type: 'tmpfs',
  source: 'tmpfs',
  options,
});

describe('mounts[].options of a new file system', () => {
  it.each<[string[], string[], string[]]>([
    [['ro'], ['ro'], []],
    [['rw'], ['rw'], []],
    [['ro', 'rw'], ['rw'], ['ro']],
    [['nosuid'], ['nosuid'], []],
    [['nosuid', 'suid'], [], ['nosuid']],
    [['nodev'], ['nodev'], []],
    [['nodev', 'dev'], [], ['nodev']],
    [['noexec'], ['noexec'], []],
    [['noexec', 'exec'], [], ['noexec']],
    [['noatime'], ['noatime'], ['relatime']],
    [['noatime', 'atime'], [], ['noatime']],
    [['nodiratime'], ['nodiratime'], []],
    [['relatime'], ['relatime'], []],
    [['strictatime'], [], ['relatime', 'noatime']],
    [
      ['nosuid', 'nodev', 'noexec', 'ro', 'noatime'],
      ['nosuid', 'nodev', 'noexec', 'ro', 'noatime'],
      [],
    ],
  ])('%j', (options, present, absent) => {
    const found = mounted(tmpfs(...options));
    expect(found.type).toBe('tmpfs');
    expect(found.options).toEqual(expect.arrayContaining(present));
    for (const option of absent) expect(found.options).not.toContain(option);
  });

  it.each([
    ['sync', 'sync'],
    ['dirsync', 'dirsync'],
    ['size=1m', 'size=1024k'],
    ['mode=700', 'mode=700'],
    ['nr_inodes=77', 'nr_inodes=77'],
    ['uid=7', 'uid=7'],
  ])('%s is one of the file system', (option, shown) => {
    expect(mounted(tmpfs(option)).superOptions).toContain(shown);
  });

  // Of runtime-spec 1.1 and later: runc 1.1.5 gives them to the file system, which refuses them (`defaults` too).
  it.runIf(isTsrun).each([
    ['lazytime', 'superOptions', 'lazytime'],
    ['defaults', 'options', 'rw'],
    ['nosymfollow', 'options', 'nosymfollow'],
  ] as const)('%s', (option, where, shown) => {
    expect(mounted(tmpfs(option))[where]).toContain(shown);
  });

  it('refuses one the file system does not know', () => {
    const result = t.run((config) => {
      config.mounts.push(tmpfs('no_such_option=1'));
    });
    expect(result.status).toBe(1);
    expect(result.stderr).toContain('/mnt');
  });
});

describe('mounts[].type', () => {
  it.each([
    ['/proc', 'proc'],
    ['/dev', 'tmpfs'],
    ['/dev/pts', 'devpts'],
    ['/dev/shm', 'tmpfs'],
    ['/dev/mqueue', 'mqueue'],
    ['/sys', 'sysfs'],
  ])('%s is a %s', (point, type) => {
    const { stdout } = t.sh('cat /proc/self/mountinfo');
    expect(findMount(stdout, point)?.type).toBe(type);
  });
  it('devpts is an instance of its own', () => {
    const found = findMount(t.sh('cat /proc/self/mountinfo').stdout, '/dev/pts');
    expect(found?.options).toEqual(expect.arrayContaining(['nosuid', 'noexec']));
    expect(found?.superOptions).toEqual(
      expect.arrayContaining(['gid=5', 'mode=620', 'ptmxmode=666']),
    );
    expect(t.sh('ls /dev/pts').stdout).toBe('ptmx\n');
  });
  it('overlay: writes go to the upper directory, the lower one stays', () => {
    const lower = t.newDirectory();
    const upper = t.newDirectory();
    const work = t.newDirectory();
    writeFileSync(join(lower, 'file'), 'below\n');
    const result = t.sh('cat /mnt/file; echo above > /mnt/file; cat /mnt/file', (config) => {
      config.mounts.push({
        destination: '/mnt',
        type: 'overlay',
        source: 'overlay',
        options: [`lowerdir=${lower}`, `upperdir=${upper}`, `workdir=${work}`],
      });
    });
    expect(result).toEqual({ status: 0, stdout: 'below\nabove\n', stderr: '' });
    expect(readFileSync(join(lower, 'file'), 'utf8')).toBe('below\n');
    expect(readFileSync(join(upper, 'file'), 'utf8')).toBe('above\n');
  });
  it('cgroup: the hierarchies of the host, each showing the container its own cgroup', () => {
    const result = t.sh(
      'ls /sys/fs/cgroup; cat /sys/fs/cgroup/pids/pids.max; cat /proc/self/mountinfo',
      (config) => {
        config.linux.resources = { pids: { limit: 123 } };
        config.mounts.push({
          destination: '/sys/fs/cgroup',
          type: 'cgroup',
          source: 'cgroup',
          options: ['nosuid', 'noexec', 'nodev', 'relatime', 'ro'],
        });
      },
    );
    expect(result).toMatchObject({ status: 0, stderr: '' });
    const lines = result.stdout.split('\n');
    for (const one of ['memory', 'pids', 'cpu', 'devices', 'freezer']) expect(lines).toContain(one);
    expect(lines).toContain('123');
    expect(findMount(result.stdout, '/sys/fs/cgroup/pids')?.options).toContain('ro');
    // runc 1.1.5 leaves the tmpfs that holds them writable.
    if (isTsrun) expect(findMount(result.stdout, '/sys/fs/cgroup')?.options).toContain('ro');
  });
  it('refuses a file system the kernel does not have', () => {
    const result = t.run((config) => {
      config.mounts.push({ destination: '/mnt', type: 'nosuchfs', source: 'none' });
    });
    expect(result.status).toBe(1);
    expect(result.stderr.toLowerCase()).toContain('no such device');
  });
});

describe('bind mounts', () => {
  const bind = (source: string, ...options: string[]): Mount => ({
    destination: '/mnt',
    type: 'bind',
    source,
    options,
  });

  it.each<[string[], string[], string[]]>([
    [['bind'], ['rw'], ['ro']],
    [['bind', 'ro'], ['ro'], []],
    [['rbind', 'ro'], ['ro'], []],
    [['bind', 'nosuid', 'nodev', 'noexec'], ['nosuid', 'nodev', 'noexec', 'rw'], []],
    [['bind', 'noatime'], ['noatime'], []],
    [['bind', 'ro', 'rw'], ['rw'], ['ro']],
  ])('%j', (options, present, absent) => {
    const found = mounted(bind(t.newDirectory(), ...options));
    expect(found.options).toEqual(expect.arrayContaining(present));
    for (const option of absent) expect(found.options).not.toContain(option);
  });
  it("shows the source's files, and changes reach the source", () => {
    const source = t.newDirectory();
    writeFileSync(join(source, 'in'), 'from outside\n');
    const result = t.sh('cat /mnt/in; echo from inside > /mnt/out', (config) => {
      config.mounts.push(bind(source, 'bind'));
    });
    expect(result.stdout).toBe('from outside\n');
    expect(readFileSync(join(source, 'out'), 'utf8')).toBe('from inside\n');
  });
  it('of a single file, for which the destination is made as a file', () => {
    const source = join(t.newDirectory(), 'file');
    writeFileSync(source, 'one file\n');
    const rootfs = t.freshRootfs();
    const result = t.sh('cat /new/place/file', (config) => {
      config.root.path = rootfs;
      config.mounts.push({ ...bind(source, 'bind'), destination: '/new/place/file' });
    });
    expect(result).toEqual({ status: 0, stdout: 'one file\n', stderr: '' });
  });
  it('a relative source is one of the bundle', () => {
    const bundle = t.bundle((config) => {
      config.process.args = ['cat', '/mnt/file'];
      config.mounts.push(bind('beside', 'bind'));
    });
    mkdirSync(join(bundle, 'beside'));
    writeFileSync(join(bundle, 'beside/file'), 'relative\n');
    expect(t.call(['run', '--bundle', bundle, t.newId()]).stdout).toBe('relative\n');
  });
  it('the option makes it one, whatever the type says', () => {
    expect(mounted({ ...bind(t.newDirectory(), 'bind'), type: 'none' }).type).not.toBe('none');
  });
  it('bind leaves mounts below out, rbind brings them, ro stays with the first', () => {
    const source = t.newDirectory();
    mkdirSync(join(source, 'sub'));
    host('mount', '-t', 'tmpfs', 'tmpfs', join(source, 'sub'));
    onHost.push(join(source, 'sub'));
    writeFileSync(join(source, 'sub/file'), '');
    const look = (...options: string[]) =>
      t.sh('ls /mnt/sub; touch /mnt/x /mnt/sub/y 2>/dev/null; ls /mnt/sub', (config) => {
        config.mounts.push(bind(source, ...options));
      }).stdout;
    expect(look('bind')).toBe('y\n');
    expect(look('rbind', 'ro')).toBe('file\nfile\ny\n');
  });
  it.each([
    ['rro', 'ro'],
    ['rnosuid', 'nosuid'],
    ['rnodev', 'nodev'],
    ['rnoexec', 'noexec'],
    ['rnoatime', 'noatime'],
    ['rnodiratime', 'nodiratime'],
    ['rnosymfollow', 'nosymfollow'],
  ])('%s reaches the mounts below', (option, shown) => {
    const source = hostTmpfs();
    mkdirSync(join(source, 'sub'));
    host('mount', '-t', 'tmpfs', 'tmpfs', join(source, 'sub'));
    const { stdout, stderr } = t.sh('cat /proc/self/mountinfo', (config) => {
      config.mounts.push(bind(source, 'rbind', option));
    });
    expect(stderr).toBe('');
    expect(findMount(stdout, '/mnt')?.options).toContain(shown);
    expect(findMount(stdout, '/mnt/sub')?.options).toContain(shown);
  });
  it("keeps the source's flags when the options name none", () => {
    const found = mounted(bind(hostTmpfs('-o', 'nosuid,noexec'), 'bind'));
    expect(found.options).toEqual(expect.arrayContaining(['nosuid', 'noexec']));
  });
  // runc 1.1.5 takes an option that clears a flag for nothing; newer ones clear it.
  it.runIf(isTsrun)("clears the source's flags that the options clear", () => {
    const found = mounted(bind(hostTmpfs('-o', 'nosuid,noexec,ro'), 'bind', 'exec', 'rw'));
    expect(found.options).toContain('rw');
    expect(found.options).not.toContain('noexec');
  });
  it('refuses a source that is not there, by its name', () => {
    const result = t.run((config) => {
      config.mounts.push(bind('/no/such/source', 'bind'));
    });
    expect(result.status).toBe(1);
    expect(result.stderr).toContain('/no/such/source');
    expect(result.stderr).toContain('no such file or directory');
  });
});

describe('mount propagation', () => {
  it.each([
    ['private', []],
    ['rprivate', []],
    ['slave', [expect.stringMatching(/^master:\d+$/)]],
    ['rslave', [expect.stringMatching(/^master:\d+$/)]],
    ['shared', [expect.stringMatching(/^shared:\d+$/)]],
    ['rshared', [expect.stringMatching(/^shared:\d+$/)]],
    ['unbindable', ['unbindable']],
    ['runbindable', ['unbindable']],
  ])('%s', (option, expected) => {
    const source = hostTmpfs();
    host('mount', '--make-shared', source);
    const found = mounted(
      { destination: '/mnt', type: 'bind', source, options: ['rbind', option] },
      (config) => {
        config.linux.rootfsPropagation = option.includes('shared') ? 'shared' : 'slave';
      },
    );
    expect(found.propagation).toEqual(
      option.includes('shared') ? expect.arrayContaining(expected) : expected,
    );
  });
  it('rslave: what the host mounts later appears in the container, and not the other way', async () => {
    const source = hostTmpfs();
    host('mount', '--make-shared', source);
    mkdirSync(join(source, 'late'));
    const script =
      'echo ready; until [ -e /mnt/late/file ]; do sleep 0.05; done; echo seen; exec sleep 1000';
    const { id, output } = t.create((config) => {
      config.process.args = ['sh', '-c', script];
      config.mounts.push({
        destination: '/mnt',
        type: 'bind',
        source,
        options: ['rbind', 'rslave'],
      });
    });
    t.call(['start', id]);
    await until(() => output() === 'ready\n', 'the container');
    host('mount', '-t', 'tmpfs', 'tmpfs', join(source, 'late'));
    writeFileSync(join(source, 'late/file'), '');
    await until(() => output() === 'ready\nseen\n', 'the mount to arrive');
    t.call(['delete', '--force', id]);
  });
  const rootPropagation = (value: NonNullable<Config['linux']['rootfsPropagation']>) => {
    const { stdout, stderr } = t.sh('cat /proc/self/mountinfo', (config) => {
      config.linux.rootfsPropagation = value;
    });
    expect(stderr).toBe('');
    return findMount(stdout, '/')?.propagation;
  };
  it.each(['private', 'rprivate', 'slave', 'rslave'] as const)(
    'linux.rootfsPropagation %s',
    (value) => {
      expect(rootPropagation(value)).toEqual([]);
    },
  );
  // runc 1.1.5 takes these for its own preparations and leaves the new root private.
  it.runIf(isTsrun).each([
    ['shared', /^shared:\d+$/],
    ['rshared', /^shared:\d+$/],
    ['unbindable', /^unbindable$/],
  ] as const)('linux.rootfsPropagation %s', (value, expected) => {
    expect(rootPropagation(value)).toEqual([expect.stringMatching(expected)]);
  });
  it('nothing of what the container mounts is seen on the host', () => {
    const { id } = t.create((config) => {
      config.process.args = ['sleep', '1000'];
    });
    expect(readFileSync('/proc/self/mountinfo', 'utf8')).not.toContain(t.rootfs);
    t.call(['delete', '--force', id]);
  });
});

describe('mounts[].destination', () => {
  it('is made when it is missing', () => {
    const rootfs = t.freshRootfs();
    const { stdout } = t.sh('cat /proc/self/mountinfo', (config) => {
      config.root.path = rootfs;
      config.mounts.push({ ...tmpfs(), destination: '/made/for/this' });
    });
    expect(findMount(stdout, '/made/for/this')?.type).toBe('tmpfs');
  });
  it.each([
    ['an absolute symlink', (outside: string) => outside],
    ['a symlink that climbs out', (outside: string) => `../../../../../../../..${outside}`],
  ])('%s stays in the root file system', (_what, target) => {
    const rootfs = t.freshRootfs();
    const outside = t.newDirectory();
    symlinkSync(target(outside), join(rootfs, 'link'));
    const result = t.sh('cat /proc/self/mountinfo', (config) => {
      config.root.path = rootfs;
      config.mounts.push({ ...tmpfs(), destination: '/link/sub' });
    });
    expect(result).toMatchObject({ status: 0, stderr: '' });
    expect(readdirSync(outside)).toEqual([]);
    expect(findMount(result.stdout, `${outside}/sub`)?.type).toBe('tmpfs');
    expect(existsSync(join(rootfs, outside, 'sub'))).toBe(true);
  });
  it('a symlinked /proc is refused (CVE-2019-19921)', () => {
    const rootfs = t.freshRootfs();
    mkdirSync(join(rootfs, 'elsewhere'));
    host('rmdir', join(rootfs, 'proc'));
    symlinkSync('/elsewhere', join(rootfs, 'proc'));
    const result = t.run((config) => {
      config.root.path = rootfs;
    });
    expect(result.status).toBe(1);
    expect(result.stderr).toContain('/proc');
  });
  it.each(['/proc/sys', '/proc/1', '/proc/self/attr'])('refuses %s', (destination) => {
    const result = t.run((config) => {
      config.mounts.push({ destination, type: 'bind', source: t.directory, options: ['bind'] });
    });
    expect(result.status).toBe(1);
    expect(result.stderr).toContain(destination);
  });
  it('mounts are made in order: a later one covers an earlier one', () => {
    const { stdout } = t.sh('ls -a /mnt; ls /mnt/inner', (config) => {
      config.mounts.push(tmpfs('mode=755'), { ...tmpfs(), destination: '/mnt/inner' });
    });
    expect(stdout).toBe('.\n..\ninner\n');
  });
});

describe('tmpfs', () => {
  it("without mode= has its mount point's mode", () => {
    const rootfs = t.freshRootfs();
    chmodSync(join(rootfs, 'mnt'), 0o1751);
    const { stdout } = t.sh('stat -c %a /mnt', (config) => {
      config.root.path = rootfs;
      config.mounts.push(tmpfs());
    });
    expect(stdout).toBe('1751\n');
  });
  it('tmpcopyup brings the files of the mount point, ro comes last', () => {
    const rootfs = t.freshRootfs();
    mkdirSync(join(rootfs, 'mnt/deep'), { mode: 0o750 });
    writeFileSync(join(rootfs, 'mnt/deep/file'), 'copied\n', { mode: 0o640 });
    symlinkSync('deep/file', join(rootfs, 'mnt/link'));
    host('chown', '7:8', join(rootfs, 'mnt/deep/file'));
    const script = 'cat /mnt/link; stat -c "%a %u:%g" /mnt/deep/file /mnt/deep; touch /mnt/new';
    const result = t.sh(script, (config) => {
      config.root.path = rootfs;
      config.mounts.push(tmpfs('tmpcopyup', 'ro'));
      grant(config, 'CAP_DAC_OVERRIDE');
    });
    expect(result.stdout).toBe('copied\n640 7:8\n750 0:0\n');
    expect(result.stderr).toContain('Read-only file system');
    const writable = t.sh('echo changed > /mnt/deep/file; cat /mnt/deep/file', (config) => {
      config.root.path = rootfs;
      config.mounts.push(tmpfs('tmpcopyup'));
      grant(config, 'CAP_DAC_OVERRIDE');
    });
    expect(writable.stdout).toBe('changed\n');
    expect(readFileSync(join(rootfs, 'mnt/deep/file'), 'utf8')).toBe('copied\n');
  });
});

describe('root', () => {
  it('readonly: nothing in it can be written, what is mounted can', () => {
    const result = t.sh('touch /etc/new; touch /dev/shm/new && echo shm', (config) => {
      config.root.readonly = true;
    });
    expect(result.stdout).toBe('shm\n');
    expect(result.stderr).toContain('Read-only file system');
  });
  it('is all the process can see', () => {
    const { stdout } = t.sh(`ls / | tr '\\n' ' '; ls -d ${t.directory} 2>/dev/null`);
    expect(stdout).toBe(`${readdirSync(t.rootfs).sort().join(' ')} `);
  });
  it('a relative path is one of the bundle', () => {
    const bundle = t.bundle((config) => {
      config.root.path = 'mine';
      config.process.args = ['echo', 'ran'];
    });
    host('cp', '-a', t.rootfs, join(bundle, 'mine'));
    expect(t.call(['run', '--bundle', bundle, t.newId()]).stdout).toBe('ran\n');
  });
  it('--no-pivot runs it without pivot_root', () => {
    const edit = (config: Config) => {
      config.process.args = ['ls', '/bin/busybox'];
    };
    expect(t.run(edit, ['--no-pivot'])).toEqual({
      status: 0,
      stdout: '/bin/busybox\n',
      stderr: '',
    });
  });
  it('refuses a path that is not there', () => {
    const result = t.run((config) => {
      config.root.path = '/no/such/rootfs';
    });
    expect(result.status).toBe(1);
    expect(result.stderr).toContain('/no/such/rootfs');
  });
});

describe('linux.maskedPaths', () => {
  it('a file reads as empty, a directory is empty and read-only, what is missing is skipped', () => {
    const script = 'wc -c < /etc/passwd; ls -A /usr/bin/.. /home | tail -n 1; touch /home/x';
    const rootfs = t.freshRootfs();
    writeFileSync(join(rootfs, 'home/secret'), '');
    const result = t.sh(script, (config) => {
      config.root.path = rootfs;
      config.linux.maskedPaths = ['/etc/passwd', '/home', '/no/such/path'];
    });
    expect(result.stdout).toMatch(/^0\n/);
    expect(result.stdout).not.toContain('secret');
    expect(result.stderr).toContain('Read-only file system');
    expect(result.stderr).not.toContain('no/such');
  });
  it('covers what is in /proc', () => {
    const { stdout } = t.sh('wc -c < /proc/keys; ls -A /proc/acpi | wc -l', (config) => {
      config.linux.maskedPaths = ['/proc/keys', '/proc/acpi'];
    });
    expect(stdout).toBe('0\n0\n');
  });
  it('covers with what is no slave of the host, whose /dev is shared: CRIU would ask for its master', () => {
    const isShared = 'mount --make-rshared / && exec "$@"';
    const prefix = ['unshare', '--mount', 'sh', '-c', isShared, 'sh'];
    const bundle = t.bundle((config) => {
      config.process.args = ['cat', '/proc/self/mountinfo'];
      config.linux.maskedPaths = ['/proc/keys', '/proc/timer_list'];
    });
    const { stdout } = t.call(['run', '--bundle', bundle, t.newId()], { prefix });
    const covers = stdout.split('\n').filter((line) => / \/proc\/(keys|timer_list) /.test(line));
    expect(covers).toHaveLength(2);
    for (const line of covers) expect(line).not.toMatch(/ (master|shared):/);
  });
});

describe('linux.readonlyPaths', () => {
  it('cannot be written, and keep the flags of the mount they are in', () => {
    const result = t.sh(
      'cat /proc/self/mountinfo; echo x > /proc/sys/kernel/domainname',
      (config) => {
        config.linux.readonlyPaths = ['/proc/sys', '/no/such/path'];
        config.mounts = config.mounts.map((one) =>
          one.destination === '/proc' ? { ...one, options: ['nosuid', 'noexec', 'nodev'] } : one,
        );
      },
    );
    expect(result.stderr).toContain('Read-only file system');
    expect(findMount(result.stdout, '/proc/sys')?.options).toEqual(
      expect.arrayContaining(['ro', 'nosuid', 'nodev', 'noexec']),
    );
    expect(findMount(result.stdout, '/proc')?.options).toContain('rw');
  });
});
