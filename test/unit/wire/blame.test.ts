import { describe, expect, it } from 'vitest';
import { errnoNumber } from '../../../src/linux/constants/errno.ts';
import { type Op, step } from '../../../src/plan/step.ts';
import { blame } from '../../../src/wire/blame.ts';

const config = {
  process: { args: ['nosuch'], cwd: '/' },
  mounts: [{ destination: '/proc' }, { destination: '/data', source: '/srv/data' }],
  hooks: { poststop: [{ path: '/bin/hook' }] },
};

const fault = (origin: string, op: Op, errno: `E${string}`, detail = '') =>
  blame(
    { steps: [step('init', origin, op)] },
    { step: 0, errno: errnoNumber(errno), detail },
    config,
  );

describe('blame', () => {
  const openTree: Op = { call: 'open_tree', path: '/srv/data', flags: 1, out: 'm1' };

  it('names the property, what is special of it, the call, its object and the errno', () => {
    const error = fault('/mounts/1', openTree, 'ENOENT');
    expect(error.message).toBe(
      'mounts[1] ("/data"): open_tree "/srv/data": ENOENT: no such file or directory',
    );
    expect(error.facts).toMatchObject({ property: '/mounts/1', errno: 2, call: 'open_tree' });
    expect(error.code).toBe('mount-failed');
  });

  it.each([
    ['/mounts/1', openTree, 'mount-failed'],
    ['/linux/maskedPaths/3', { call: 'mask', root: 'root', path: '/x' }, 'mount-failed'],
    ['/linux/namespaces/0', { call: 'setns', fd: 'ns0', nstype: 0 }, 'namespace-failed'],
    ['/linux/resources/pids/limit', { call: 'write', path: '/x', data: '1' }, 'cgroup-failed'],
    ['/process/capabilities', { call: 'cap_ambient', set: 1n }, 'security-failed'],
    ['/process/oomScoreAdj', { call: 'write', path: '/x', data: '1' }, 'step-failed'],
  ] as const)('%s: %o is %s', (origin, op, code) => {
    expect(fault(origin, op as Op, 'EPERM').code).toBe(code);
  });

  it.each([
    ['ENOENT', 'exec-interpreter'],
    ['ENOEXEC', 'exec-format'],
    ['EACCES', 'exec-denied'],
  ] as const)('execve: %s is %s: the program itself was found before', (errno, code) => {
    const op: Op = { call: 'execve', args: ['/run.sh'], env: [] };
    expect(fault('/process/args', op, errno).code).toBe(code);
  });

  it('leaves the property out where none asked for the step', () => {
    expect(fault('', openTree, 'EPERM').message).toBe(
      'open_tree "/srv/data": EPERM: operation not permitted',
    );
  });

  it('names the source of a mount that cannot be attached, beside its destination', () => {
    const op: Op = { call: 'attach', from: 'mount', root: 'root', path: '/data', flags: 0 };
    expect(fault('/mounts/1', op, 'ENOTDIR', 'the source is none').message).toBe(
      'mounts[1] ("/data"): attach "/srv/data": ENOTDIR: not a directory (the source is none)',
    );
  });

  it('adds what the operation had to say', () => {
    const op: Op = {
      call: 'fsmount',
      fstype: 'tmpfs',
      options: ['size=x'],
      attributes: 0,
      out: 'm',
    };
    expect(fault('/mounts/1', op, 'EINVAL', "tmpfs: Bad value for 'size'").message).toBe(
      'mounts[1] ("/data"): fsmount "tmpfs": EINVAL: invalid argument (tmpfs: Bad value for \'size\')',
    );
  });

  it.each([
    ['nosuch', 'ENOENT', 'exec-missing', 'exec: "nosuch": executable file not found in $PATH'],
    [
      '/nosuch',
      'ENOENT',
      'exec-missing',
      'exec: "/nosuch": stat /nosuch: no such file or directory',
    ],
    ['/etc', 'EACCES', 'exec-denied', 'exec: "/etc": stat /etc: permission denied'],
  ] as const)(
    'words a program %s that fails with %s as engines match it',
    (file, errno, code, text) => {
      const error = fault('/process/args', { call: 'find_executable', file }, errno);
      expect(error.message).toBe(`process.args: ${text}`);
      expect(error.code).toBe(code);
    },
  );

  it('names the file of an execve that fails for its interpreter', () => {
    const op: Op = { call: 'execve', args: ['/run.sh'], env: [] };
    expect(fault('/process/args', op, 'ENOENT').message).toBe(
      'process.args: exec /run.sh: no such file or directory',
    );
  });

  it('says of a cgroup file that is not there which controller is missing', () => {
    const write = (path: string): Op => ({ call: 'write', path, data: '1' });
    const message = (path: string) => fault('', write(path), 'ENOENT').message;
    expect(message('/sys/fs/cgroup/a/web/memory.max')).toContain('controller memory');
    expect(message('/proc/self/x')).toBe('write "/proc/self/x": ENOENT: no such file or directory');
    expect(fault('', write('/sys/fs/cgroup/a/memory.max'), 'EBUSY').message).not.toContain(
      'controller',
    );
  });

  it('puts a security attribute in backquotes, which podman looks for', () => {
    const op: Op = { call: 'write_attr', proc: 'proc', name: 'exec', data: 'x' };
    expect(fault('/process/apparmorProfile', op, 'EINVAL', 'self/attr/exec').message).toContain(
      '`/proc/self/attr/exec`',
    );
  });

  it('says how a hook ended and what it printed', () => {
    const op: Op = {
      call: 'hook',
      path: '/bin/hook',
      args: [],
      env: [],
      inherit_env: 0,
      timeout_ms: 0,
      state_head: '',
      state_tail: '',
    };
    expect(fault('/hooks/poststop/0', op, 'EIO', 'exit status 1: no bridge').message).toBe(
      'hooks.poststop[0] ("/bin/hook"): exit status 1: no bridge',
    );
  });

  it('blames the executor where no step is to blame', () => {
    const error = blame(
      { steps: [] },
      { step: 7, errno: errnoNumber('EPROTO'), detail: 'bad slot' },
      {},
    );
    expect(error.code).toBe('internal');
    expect(error.message).toBe('executor: EPROTO: protocol error: bad slot');
  });
});
