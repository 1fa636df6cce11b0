/**
 * Images and configs made to hurt: strange files at mount destinations, roots that are no ordinary directory,
 * working directories and environments that lead elsewhere. A container is made inside its root, or refused
 * with the property named; never does the runtime wait, or touch the host.
 */
import { spawnSync } from 'node:child_process';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Config } from '../config.ts';
import { isTsrun, useContainers } from '../runtime.ts';
import { makeVictim, plant, type Victim } from './victim.ts';

const t = useContainers();

/** What is refused, and by which words, is tsrun's: Debian's runc is older than several of the attacks. */
const suite = describe.runIf(isTsrun);

let rootfs: string;
let victim: Victim;

beforeEach(() => {
  rootfs = t.freshRootfs();
  victim = makeVictim(t);
});
afterEach(() => victim.expectUntouched());

const run = (script: string, edit: (config: Config) => void = () => {}) =>
  t.sh(script, (config) => {
    config.root.path = rootfs;
    edit(config);
  });

const refused = (result: ReturnType<typeof run>, property: string) => {
  const { status, stdout, stderr } = result;
  expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
  expect(stderr).toContain(property);
};

const BIND = 'import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])';

suite('a mount destination', () => {
  const mountAt = (destination: string) => (config: Config) => {
    config.mounts.push({ destination, type: 'tmpfs', source: 'tmpfs' });
  };

  it.each(['/', '/.', '/..', '/../..', '/proc/..', '//'])(
    'that is the root itself is refused, for nothing of it would be seen: %s',
    (destination) => refused(run('echo ran', mountAt(destination)), 'mounts['),
  );
  it.each(['/../../../made', '/made/../made', '/./made//'])('stays inside: %s', (destination) => {
    expect(run('touch /made/x', mountAt(destination))).toMatchObject({ status: 0 });
    expect(readdirSync(join(rootfs, 'made'))).toEqual([]);
  });
  it('behind more symlinks than the kernel follows is refused', () => {
    for (let i = 0; i < 64; i += 1) symlinkSync(`link${i + 1}`, join(rootfs, `link${i}`));
    symlinkSync(victim.directory, join(rootfs, 'link64'));
    refused(run('echo ran', mountAt('/link0')), 'mounts[');
    refused(run('echo ran', mountAt('/link0/deeper')), 'mounts[');
  });
  it('behind a symlink to itself is refused', () => {
    symlinkSync('loop', join(rootfs, 'loop'));
    refused(run('echo ran', mountAt('/loop')), 'mounts[');
    refused(run('echo ran', mountAt('/loop/below')), 'mounts[');
  });
  it('whose symlink is as long as a path can be is made inside, or refused', () => {
    symlinkSync(`${'../'.repeat(1300)}${victim.directory.slice(1)}`, join(rootfs, 'long'));
    run('touch /long/x', mountAt('/long/below'));
  });
  it.each(['mkfifo', 'socket'])('that is a %s is mounted over, and not opened', (kind) => {
    const place = join(rootfs, 'strange');
    if (kind === 'mkfifo') spawnSync('mkfifo', [place]);
    else {
      spawnSync('/usr/bin/python3', ['-c', BIND, place]);
    }
    const source = join(t.newDirectory(), 'file');
    writeFileSync(source, 'of the volume');
    const { status, stdout } = run('cat /strange', (config) => {
      config.mounts.push({ destination: '/strange', type: 'bind', source, options: ['bind'] });
    });
    expect({ status, stdout }).toEqual({ status: 0, stdout: 'of the volume' });
  });
  it('of a directory that is a file, and the other way round, is refused', () => {
    writeFileSync(join(rootfs, 'file'), '');
    mkdirSync(join(rootfs, 'directory'));
    const source = join(t.newDirectory(), 'file');
    writeFileSync(source, '');
    refused(run('echo ran', mountAt('/file')), 'mounts[');
    const socket = join(t.newDirectory(), 'socket');
    spawnSync('/usr/bin/python3', ['-c', BIND, socket]);
    for (const [from, destination, isDirectory] of [
      [source, '/directory', false],
      [socket, '/directory', false],
      [t.newDirectory(), '/file', true],
    ] as const) {
      const bind = { destination, type: 'bind', source: from, options: ['bind'] };
      const result = run('echo ran', (config) => void config.mounts.push(bind));
      refused(result, 'mounts[');
      for (const word of [destination, from, 'not a directory']) {
        expect(result.stderr).toContain(word);
      }
      const said = isDirectory ? 'source is a directory' : 'destination is a directory';
      expect(result.stderr).toContain(said);
    }
  });
  it('at every usual place may be a symlink to the host: nothing of it is used', () => {
    for (const path of ['proc', 'sys', 'dev', 'etc/hosts', 'tmp', 'run']) {
      const fresh = t.freshRootfs();
      plant(fresh, path, '../../../../../../../../../..');
      const { stdout } = run('ls /etc/debian_version 2>/dev/null; true', (config) => {
        config.root.path = fresh;
        config.mounts.push({
          destination: `/${path}/sub`,
          type: 'tmpfs',
          source: 'tmpfs',
        });
      });
      expect({ path, stdout }).toEqual({ path, stdout: '' });
    }
  });
});

suite('root.path', () => {
  it('that is a file or missing is refused', () => {
    for (const name of ['file', 'missing']) {
      const path = join(t.newDirectory(), name);
      if (name === 'file') writeFileSync(path, '');
      const result = run('echo ran', (config) => {
        config.root.path = path;
      });
      refused(result, 'root.path');
    }
  });
  it('that is the host’s own root directory is refused, and nothing is made in it', () => {
    const bundle = t.newDirectory();
    symlinkSync('/', join(bundle, 'link'));
    const place = `/${t.mark}-made`;
    for (const path of ['/', '/../', join(bundle, 'link'), '/proc/self/root'])
      for (const namespaces of [undefined, []]) {
        const result = run('echo ran', (config) => {
          config.root.path = path;
          config.mounts.push({ destination: place, type: 'tmpfs', source: 'tmpfs' });
          if (namespaces === undefined) return;
          delete config.hostname;
          config.linux.namespaces = namespaces;
        });
        refused(result, 'root.path');
        expect(result.stderr).toContain('root directory');
        expect(existsSync(place)).toBe(false);
      }
  });
  it('that is empty has no program to run', () => {
    const { status, stdout } = run('echo ran', (config) => {
      config.root.path = t.newDirectory();
    });
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
  });

  /** A private mount namespace in which the root is a mount with these options. */
  const mounted = (options: string) => ({
    prefix: [
      ...['unshare', '-m', '--propagation', 'private', 'sh', '-c'],
      `mount --bind ${rootfs} ${rootfs} && mount -o remount,bind,${options} ${rootfs} && exec "$@"`,
      'sh',
    ],
  });
  const onMount = (options: string, script: string, edit: (config: Config) => void = () => {}) =>
    t.sh(
      script,
      (config) => {
        config.root.path = rootfs;
        edit(config);
      },
      mounted(options),
    );

  it('on a mount without exec runs nothing, and stays so', () => {
    const { status, stdout } = onMount('noexec', 'echo ran');
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
  });
  it('on a read-only mount stays read-only, and makes no mount point', () => {
    const { stdout } = onMount('ro', 'touch /x 2>/dev/null || echo refused');
    expect(stdout).toBe('refused\n');
    const missing = onMount('ro', 'echo ran', (config) => {
      config.mounts.push({ destination: '/missing', type: 'tmpfs', source: 'tmpfs' });
    });
    refused(missing, 'mounts[');
  });
  it('on a mount without set-user-ID keeps it so', () => {
    const { stdout } = onMount('nosuid', 'grep " / / \\| / " /proc/self/mountinfo | head -1');
    expect(stdout).toContain('nosuid');
  });
});

suite('process.cwd', () => {
  const inDirectory = (cwd: string, edit: (config: Config) => void = () => {}) =>
    run('pwd; ls', (config) => {
      config.process.cwd = cwd;
      edit(config);
    });

  it('that is masked is the empty directory that covers it', () => {
    mkdirSync(join(rootfs, 'masked'));
    writeFileSync(join(rootfs, 'masked/secret'), 'secret');
    const { status, stdout } = inDirectory('/masked', (config) => {
      config.linux.maskedPaths = ['/masked'];
    });
    expect({ status, stdout }).toEqual({ status: 0, stdout: '/masked\n' });
  });
  it('below a masked one cannot be entered', () => {
    mkdirSync(join(rootfs, 'masked/below'), { recursive: true });
    const { status, stdout } = inDirectory('/masked/below', (config) => {
      config.linux.maskedPaths = ['/masked'];
    });
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
  });
  it.each(['/proc/1/root', '/proc/self/root', '/proc/1/cwd'])('%s is inside', (cwd) => {
    const { stdout } = run('[ . -ef / ] && echo inside; ls -d etc/debian_version', (config) => {
      config.process.cwd = cwd;
    });
    expect(stdout === '' || stdout === 'inside\n').toBe(true);
  });
  it('that is a FIFO or a file is refused, and not waited for', () => {
    spawnSync('mkfifo', [join(rootfs, 'fifo')]);
    writeFileSync(join(rootfs, 'file'), '');
    for (const cwd of ['/fifo', '/file', '/file/below']) refused(inDirectory(cwd), 'process.cwd');
  });
});

suite('process.env', () => {
  it('may hold newlines and what looks like other variables', () => {
    const { status, stdout } = run('printf %s "$A"; env | grep -c ^B=', (config) => {
      config.process.env.push('A=one\nB=two');
    });
    // The line is there, the variable is not.
    expect({ status, stdout }).toEqual({ status: 0, stdout: 'one\nB=two1\n' });
  });
  it.each(['A=\0B', 'A\0=B'])('may not hold NUL: %j', (entry) => {
    refused(
      run('echo ran', (config) => void config.process.env.push(entry)),
      'process.env',
    );
  });
});

suite('process.args and names', () => {
  it.each([
    ['process.args', (config: Config) => void config.process.args.push('a\0b')],
    ['hostname', (config: Config) => void Object.assign(config, { hostname: 'a\0b' })],
    ['process.cwd', (config: Config) => void Object.assign(config.process, { cwd: '/a\0b' })],
    ['mounts', (config: Config) => void config.mounts.push({ destination: '/a\0b' })],
    ['root.path', (config: Config) => void Object.assign(config.root, { path: '/a\0b' })],
    [
      'maskedPaths',
      (config: Config) => void Object.assign(config.linux, { maskedPaths: ['/a\0'] }),
    ],
    [
      'sysctl',
      (config: Config) => void Object.assign(config.linux, { sysctl: { 'net.a': 'b\0' } }),
    ],
  ])('with NUL are refused, not cut: %s', (property, edit) => {
    refused(run('echo ran', edit), property);
  });
});

suite('exec --user (CVE-2026-30892)', () => {
  const started = () => {
    const { id } = t.create((config) => {
      config.process.args = ['sleep', '60'];
    });
    t.call(['start', id]);
    return id;
  };
  it('is the number that was said, never root for another', () => {
    const id = started();
    const ids = (user: string) =>
      t.call(['exec', '--user', user, id, 'sh', '-c', 'echo $(id -u) $(id -g)']).stdout.trim();
    expect(['1', '1:2', '0:1', '1000', '4294967294', '0'].map(ids)).toEqual([
      '1 0',
      '1 2',
      '0 1',
      '1000 0',
      '4294967294 0',
      '0 0',
    ]);
  });
  it.each([':', '1:', ':1', '1:2:3', '-1', '+1', '1x', 'root', '0x1', ' 1', '1 ', '4294967295'])(
    'is refused when it is no number: %j',
    (user) => {
      // runc takes some of these for 0 or wraps them.
      if (!isTsrun) return;
      const { status, stdout } = t.call(['exec', '--user', user, started(), 'echo', 'ran']);
      expect({ status, stdout }).toEqual({ status: 255, stdout: '' });
    },
  );
});

suite('--pid-file', () => {
  it('is not written through a symlink that another user has planted for it', () => {
    const directory = t.newDirectory();
    symlinkSync(victim.file, join(directory, '.web.pid'));
    symlinkSync(victim.file, join(directory, 'web.pid'));
    const path = join(directory, 'web.pid');
    const { result } = t.create(() => {}, ['--pid-file', path]);
    expect(result).toMatchObject({ status: 0, stderr: '' });
    expect(lstatSync(path).isFile()).toBe(true);
  });
});

suite('run --overlay', () => {
  it('of a container that nests directories deeper than a path is long leaves nothing', () => {
    const nest = `cd /tmp; while mkdir -p ${'n'.repeat(200)}/a/b && cd ${'n'.repeat(200)}/a/b; do :; done
      ln -s ${victim.directory} link; mkfifo fifo; echo deep > file; pwd | wc -c`;
    const result = t.run(
      (config) => {
        config.root.path = rootfs;
        config.process.args = ['sh', '-c', nest];
      },
      ['--overlay='],
    );
    expect(result.status).toBe(0);
    expect(Number(result.stdout)).toBeGreaterThan(3800);
    expect(readdirSync(t.stateRoot).filter((name) => name !== '@seccomp')).toEqual([]);
  });
});

it.runIf(isTsrun)('leaves no trace of refused containers', () => {
  refused(
    run('echo ran', (config) => {
      config.mounts.push({ destination: '/', type: 'tmpfs', source: 'tmpfs' });
    }),
    'mounts[',
  );
  expect(readdirSync(t.stateRoot).filter((name) => name !== '@seccomp')).toEqual([]);
  rmSync(rootfs, { recursive: true });
});
