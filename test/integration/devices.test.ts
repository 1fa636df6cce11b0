/** The default devices of the specification and linux.devices. */
import { describe, expect, it } from 'vitest';
import { addUserNamespace, grant } from './config.ts';
import { useContainers } from './runtime.ts';

const t = useContainers();

describe('default devices', () => {
  it.each([
    ['null', '1:3'],
    ['zero', '1:5'],
    ['full', '1:7'],
    ['random', '1:8'],
    ['urandom', '1:9'],
    ['tty', '5:0'],
  ])('/dev/%s is character device %s, for everyone', (name, numbers) => {
    expect(t.sh(`stat -c '%F %t:%T %a %u:%g' /dev/${name}`).stdout).toBe(
      `character special file ${numbers} 666 0:0\n`,
    );
  });
  it.each([
    ['/dev/fd', '/proc/self/fd'],
    ['/dev/stdin', '/proc/self/fd/0'],
    ['/dev/stdout', '/proc/self/fd/1'],
    ['/dev/stderr', '/proc/self/fd/2'],
    ['/dev/ptmx', 'pts/ptmx'],
  ])('%s is a symlink to %s', (path, target) => {
    expect(t.sh(`readlink ${path}`).stdout).toBe(`${target}\n`);
  });
  it('work', () => {
    const script =
      'echo gone > /dev/null; head -c 3 /dev/zero | wc -c; head -c 9 /dev/urandom | wc -c';
    expect(t.sh(script)).toEqual({ status: 0, stdout: '3\n9\n', stderr: '' });
  });
  it('are there in a user namespace, where mknod is not allowed', () => {
    const script = 'stat -c %t:%T /dev/null /dev/urandom; echo gone > /dev/null';
    const { stdout, stderr } = t.sh(script, addUserNamespace);
    expect({ stdout, stderr }).toEqual({
      stdout: '1:3\n1:9\n',
      stderr: '',
    });
  });
});

describe('linux.devices', () => {
  it('makes character and block devices and fifos with mode and owner', () => {
    const script = "stat -c '%n %F %t:%T %a %u:%g' /dev/c /dev/b /dev/p /dev/deep/u";
    const { stdout, stderr } = t.sh(script, (config) => {
      config.linux.devices = [
        { path: '/dev/c', type: 'c', major: 10, minor: 229, fileMode: 0o640, uid: 3, gid: 4 },
        { path: '/dev/b', type: 'b', major: 8, minor: 0, fileMode: 0o600 },
        { path: '/dev/p', type: 'p', fileMode: 0o622, uid: 5 },
        { path: '/dev/deep/u', type: 'u', major: 1, minor: 3, fileMode: 0o666 },
      ];
    });
    expect(stderr).toBe('');
    expect(stdout.split('\n')).toEqual([
      '/dev/c character special file a:e5 640 3:4',
      '/dev/b block special file 8:0 600 0:0',
      '/dev/p fifo 0:0 622 5:0',
      '/dev/deep/u character special file 1:3 666 0:0',
      '',
    ]);
  });
  it('the mode is the one asked for, whatever the umask of the caller', () => {
    const before = process.umask(0o077);
    try {
      const { stdout } = t.sh('stat -c %a /dev/c', (config) => {
        config.linux.devices = [{ path: '/dev/c', type: 'c', major: 1, minor: 3, fileMode: 0o646 }];
      });
      expect(stdout).toBe('646\n');
    } finally {
      process.umask(before);
    }
  });
  it("binds the host's device in a user namespace", () => {
    const { stdout, stderr } = t.sh('stat -c %t:%T /dev/again', (config) => {
      addUserNamespace(config);
      config.linux.devices = [{ path: '/dev/null', type: 'c', major: 1, minor: 3 }];
      config.linux.devices.push({ path: '/dev/again', type: 'c', major: 1, minor: 3 });
    });
    if (stderr === '') expect(stdout).toBe('1:3\n');
    else expect(stderr).toContain('/dev/again');
  });
  it.each([
    ['no type', { path: '/dev/x', major: 1, minor: 3 }],
    ['a type there is not', { path: '/dev/x', type: 'x', major: 1, minor: 3 }],
  ])('refuses %s', (_what, device) => {
    const result = t.run((config) => {
      config.linux.devices = [device as never];
    });
    expect(result.status).toBe(1);
    expect(result.stderr).not.toBe('');
  });
});

describe('linux.resources.devices', () => {
  const allowed = (
    script: string,
    devices: {
      allow: boolean;
      type?: 'b' | 'c';
      major?: number;
      minor?: number;
      access?: string;
    }[],
  ) =>
    t.sh(script, (config) => {
      grant(config, 'CAP_MKNOD');
      config.linux.resources = { devices };
    });
  const open = 'mknod /dev/x c 10 229 && head -c 0 /dev/x; echo $?';

  it('denies what is not allowed, and nothing of the defaults', () => {
    const result = allowed(`${open}; head -c 1 /dev/urandom | wc -c`, [
      { allow: false, access: 'rwm' },
    ]);
    expect(result.stdout).toBe('1\n1\n');
    expect(result.stderr).toContain('Operation not permitted');
  });
  it('allows making devices, but not opening them, with access m', () => {
    const result = allowed('mknod /dev/x b 7 77 && echo made; head -c 1 /dev/x', [
      { allow: false, access: 'rwm' },
      { allow: true, type: 'b', major: 7, access: 'm' },
    ]);
    expect(result.stdout).toBe('made\n');
    expect(result.stderr).toContain('Operation not permitted');
  });
  it('allows what is listed, with a wildcard where a number is missing', () => {
    const result = allowed('mknod /dev/x c 10 229 && echo made; head -c 0 /dev/x', [
      { allow: false, access: 'rwm' },
      { allow: true, type: 'c', major: 10, access: 'r' },
    ]);
    expect(result.stdout).toBe('made\n');
    // A kernel without FUSE has no such device, which is another error.
    expect(result.stderr).not.toContain('Operation not permitted');
  });
});
