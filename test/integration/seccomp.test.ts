/** linux.seccomp: the filter that runs, seen from the process it is on. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Config } from './config.ts';
import { fields, isTsrun, TOP, useContainers } from './runtime.ts';

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

/** What a static busybox takes to run true. */
const OF_THE_PROGRAM = ['arch_prctl', 'brk', 'set_tid_address', 'set_robust_list', 'rseq'].concat(
  ['prlimit64', 'readlinkat', 'readlink', 'getrandom', 'mprotect', 'prctl', 'ioctl', 'mmap'],
  ['getuid', 'setuid', 'getgid', 'setgid', 'exit_group', 'exit', 'newfstatat', 'uname', 'munmap'],
);

/** native/README.md, "Calls behind a seccomp filter". */
const EARLY = [
  'chdir',
  'prctl',
  'capset',
  'setgroups',
  'setgid',
  'setuid',
  'fstat',
  'fchown',
].concat(['getcwd', 'openat', 'read', 'close', 'faccessat2', 'write', 'accept4', 'execve']);

/** Every call that docker's default profile knows, without those allowed, ends who makes it. */
function deadly(...allowed: readonly string[][]): Seccomp {
  const { linux } = JSON.parse(
    readFileSync(join(TOP, 'test/fixtures/real-configs/docker-default.json'), 'utf8'),
  ) as { linux: { seccomp: { syscalls: { names: string[] }[] } } };
  const known = new Set(linux.seccomp.syscalls.flatMap(({ names }) => names));
  const names = [...known, 'setresuid', 'setresgid'].filter((one) => !allowed.flat().includes(one));
  return {
    defaultAction: 'SCMP_ACT_ALLOW',
    syscalls: [{ names, action: 'SCMP_ACT_KILL_PROCESS' }],
  };
}

// Debian 12's runc takes none.
describe.runIf(isTsrun)('linux.seccomp.flags', () => {
  const SPECULATION = 'grep Speculation_Store_Bypass /proc/self/status';
  const under = (flags?: Seccomp['flags']) =>
    sh(
      `${SPECULATION}; mkdir /tmp/a || echo refused`,
      {
        ...noMkdir('SCMP_ACT_ERRNO'),
        ...(flags === undefined ? {} : { flags }),
      },
      true,
    );

  it.each([['LOG'], ['SPEC_ALLOW'], ['TSYNC', 'LOG', 'SPEC_ALLOW']] as const)(
    'are carried out: %s',
    (...names) => {
      const flags = names.map((name) => `SECCOMP_FILTER_FLAG_${name}` as const);
      expect(under(flags)).toMatchObject({ status: 0, stdout: expect.stringContaining('refused') });
    },
  );
  it('of a listener are named where there is none, and the rest is done', () => {
    const { status, stdout, stderr } = under(['SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV']);
    expect({ status, isRefused: stdout.includes('refused') }).toEqual({
      status: 0,
      isRefused: true,
    });
    expect(stderr).toContain('linux.seccomp.flags[0]');
  });
});

// runc needs calls of its own between filter and execve.
describe.runIf(isTsrun)('linux.seccomp need allow, beside what the program itself calls,', () => {
  const run = (seccomp: Seccomp, edit: (config: Config) => void) =>
    t.run((config) => {
      config.process.args = ['true'];
      config.linux.seccomp = seccomp;
      edit(config);
    });

  it('execve alone with no_new_privs', () => {
    const result = run(deadly(OF_THE_PROGRAM, ['execve']), (config) => {
      config.process.noNewPrivileges = true;
    });
    expect(result).toMatchObject({ status: 0, stderr: '' });
    const none = run(deadly(OF_THE_PROGRAM), (config) => {
      config.process.noNewPrivileges = true;
    });
    expect(none.status).not.toBe(0);
  });
  it.each([0, 1000])('without it what native/README.md lists (user %i)', (uid) => {
    const edit = (config: Config) => {
      config.process.noNewPrivileges = false;
      config.process.user = { uid, gid: uid, additionalGids: [7] };
    };
    expect(run(deadly(OF_THE_PROGRAM, EARLY), edit)).toMatchObject({ status: 0, stderr: '' });
  });
  it('without it access where faccessat2 is refused', () => {
    const seccomp = deadly(OF_THE_PROGRAM, EARLY, ['access']);
    const result = run(seccomp, (config) => {
      config.process.noNewPrivileges = false;
      seccomp.syscalls?.push({ names: ['faccessat2'], action: 'SCMP_ACT_ERRNO' });
    });
    expect(result).toMatchObject({ status: 0, stderr: '' });
  });
});
