/** linux.seccomp: the filter that runs, seen from the process it is on. */
import { describe, expect, it } from 'vitest';
import type { Config } from './config.ts';
import { fields, isTsrun, useContainers } from './runtime.ts';

type Seccomp = NonNullable<Config['linux']['seccomp']>;

const t = useContainers();

/** Everything is allowed but making directories, by any architecture's calls. */
const noMkdir = (action: Seccomp['defaultAction'], errnoRet?: number): Seccomp => ({
  defaultAction: 'SCMP_ACT_ALLOW',
  syscalls: [
    { names: ['mkdir', 'mkdirat'], action, ...(errnoRet === undefined ? {} : { errnoRet }) },
  ],
});

const sh = (script: string, seccomp: Seccomp, noNewPrivileges: boolean) =>
  t.sh(script, (config) => {
    config.linux.seccomp = seccomp;
    config.process.noNewPrivileges = noNewPrivileges;
  });

describe.each([
  ['without no_new_privs', false],
  ['with no_new_privs', true],
])('linux.seccomp %s', (_, noNewPrivileges) => {
  it('is one filter, and on the program', () => {
    const { stdout } = sh('cat /proc/self/status', noMkdir('SCMP_ACT_ERRNO'), noNewPrivileges);
    expect(fields(stdout)).toMatchObject({
      Seccomp: '2',
      Seccomp_filters: '1',
      NoNewPrivs: noNewPrivileges ? '1' : '0',
    });
  });
  it('refuses with EPERM, or with the errno asked for', () => {
    const mkdir = (errnoRet?: number) =>
      sh('mkdir /tmp/a; echo $?', noMkdir('SCMP_ACT_ERRNO', errnoRet), noNewPrivileges);
    expect(mkdir().stderr).toContain('Operation not permitted');
    expect(mkdir(28).stderr).toContain('No space left on device');
  });
  it('kills with SIGSYS', () => {
    const { stdout } = sh('mkdir /tmp/a; echo $?', noMkdir('SCMP_ACT_KILL'), noNewPrivileges);
    expect(stdout).toContain(String(128 + 31));
  });
  it('leaves alone what it allows', () => {
    const { stdout } = sh('echo ok', noMkdir('SCMP_ACT_KILL_PROCESS'), noNewPrivileges);
    expect(stdout).toBe('ok\n');
  });
});

/** Calls of sockets but accept4(2), in which init waits for `start`. */
const SOCKETS = ['socket', 'socketpair', 'connect', 'sendto', 'sendmsg', 'recvfrom', 'recvmsg'];

describe.each(['SCMP_ACT_ERRNO', 'SCMP_ACT_KILL_PROCESS'] as const)(
  'linux.seccomp without no_new_privs that answers sockets with %s',
  (action) => {
    const edit = (args: string[]) => (config: Config) => {
      config.process.args = args;
      config.process.noNewPrivileges = false;
      config.linux.seccomp = {
        defaultAction: 'SCMP_ACT_ALLOW',
        syscalls: [{ names: SOCKETS, action }],
      };
    };
    it('is no hindrance to create, start and exec', () => {
      const { id, result, output } = t.create(edit(['sh', '-c', 'echo ran; sleep 30']));
      expect(result).toMatchObject({ status: 0, stderr: '' });
      expect(t.call(['start', id])).toMatchObject({ status: 0, stderr: '' });
      expect(t.call(['exec', id, 'echo', 'joined'])).toMatchObject({ stdout: 'joined\n' });
      expect(output()).toBe('ran\n');
    });
    it('is no hindrance to the report of what fails behind it', () => {
      const { status, stderr } = t.run(edit(['no-such-program']));
      expect(status).toBe(1);
      expect(stderr).toContain('executable file not found in $PATH');
      const created = t.create(edit(['sleep', '30']));
      t.call(['start', created.id]);
      const exec = t.call(['exec', created.id, 'no-such-program']);
      expect(exec.status).not.toBe(0);
      expect(exec.stderr).toContain('executable file not found in $PATH');
    });
  },
);

// runc needs calls of its own between filter and execve.
it.runIf(isTsrun)(
  'with no_new_privs the profile need allow what the program itself calls, and execve',
  () => {
    const seccomp: Seccomp = {
      defaultAction: 'SCMP_ACT_ERRNO',
      syscalls: [
        {
          action: 'SCMP_ACT_ALLOW',
          // What a static busybox takes to run true.
          names: ['execve', 'arch_prctl', 'brk', 'set_tid_address', 'set_robust_list', 'rseq']
            .concat(['prlimit64', 'readlinkat', 'readlink', 'getrandom', 'mprotect', 'prctl'])
            .concat(['getuid', 'setuid', 'getgid', 'setgid', 'exit_group', 'ioctl']),
        },
      ],
    };
    const result = t.run((config) => {
      config.process.args = ['true'];
      config.process.noNewPrivileges = true;
      config.linux.seccomp = seccomp;
    });
    expect(result).toMatchObject({ status: 0, stderr: '' });
  },
);
