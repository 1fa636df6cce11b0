/** run --seccomp-report and --seccomp-learn: what a filter denied, and the least one that would do. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Config } from '../config.ts';
import { isTsrun, until, useContainers } from '../runtime.ts';

const t = useContainers();

type Profile = NonNullable<Config['linux']['seccomp']>;
type Action = Profile['defaultAction'];

interface Row {
  readonly syscall: string;
  readonly action: string;
  readonly errno?: string;
  readonly pid: number;
  readonly pidInside: number;
  readonly comm: string;
  readonly count: number;
}
interface Report {
  readonly filter: boolean;
  readonly denied: readonly Row[];
  readonly logged: readonly Row[];
}

const ENOMEDIUM = 123;

/** Nothing but mkdir is denied. */
const noMkdir = (action: Action = 'SCMP_ACT_ERRNO'): Profile => ({
  defaultAction: 'SCMP_ACT_ALLOW',
  syscalls: [
    {
      names: ['mkdir', 'mkdirat'],
      action,
      ...(action === 'SCMP_ACT_ERRNO' ? { errnoRet: ENOMEDIUM } : {}),
    },
  ],
});

const shell =
  (script: string, profile?: Profile, noNewPrivileges = true) =>
  (config: Config) => {
    config.process.args = ['sh', '-c', script];
    config.process.noNewPrivileges = noNewPrivileges;
    if (profile !== undefined) config.linux.seccomp = profile;
  };

const newFile = (name: string) => join(t.newDirectory(), name);
const reportIn = (file: string) => JSON.parse(readFileSync(file, 'utf8')) as Report;

/** The agents that serve a container of this test. */
const agentsOf = (id: string): number[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        const text = readFileSync(`/proc/${pid}/cmdline`, 'utf8');
        return text.includes('seccomp-agent\0') && text.includes(JSON.stringify(id));
      } catch {
        return false;
      }
    })
    .map(Number);

/** A container in the foreground that is denied mkdir, again and again, and says so once. */
async function denied(flags: readonly string[]) {
  const id = t.newId();
  const script = 'mkdir /tmp/a 2>&1; while :; do sleep 0.1; mkdir /tmp/a 2>/dev/null; done';
  const bundle = t.bundle(shell(script, noMkdir()));
  const { child, ended, stdout } = t.spawn(['run', ...flags, '--bundle', bundle, id]);
  await until(() => stdout().includes('No medium found'), 'the first denial');
  const [agent = 0] = agentsOf(id);
  return { id, child, ended, agent };
}

describe.runIf(isTsrun).each([
  ['without no_new_privs', false],
  ['with no_new_privs', true],
])('run --seccomp-report %s', (_, noNewPrivileges) => {
  it('tells which system calls were denied, to which process, and how often', () => {
    const file = newFile('report.json');
    const profile: Profile = {
      defaultAction: 'SCMP_ACT_ALLOW',
      syscalls: [
        ...(noMkdir().syscalls ?? []),
        { names: ['chmod', 'fchmodat'], action: 'SCMP_ACT_LOG' },
      ],
    };
    const script = 'mkdir -p /tmp/a /tmp/b; chmod 700 /tmp && echo changed; exit 7';
    const flags = ['--seccomp-report', file];
    const result = t.run(shell(script, profile, noNewPrivileges), flags);
    expect(result).toMatchObject({ status: 7, stdout: 'changed\n' });
    expect(result.stderr).toContain('No medium found');
    expect(reportIn(file)).toEqual({
      id: expect.any(String),
      filter: true,
      denied: [
        {
          syscall: 'mkdir',
          number: 83,
          architecture: 'SCMP_ARCH_X86_64',
          action: 'SCMP_ACT_ERRNO',
          errno: 'ENOMEDIUM',
          pid: expect.any(Number),
          pidInside: 2,
          comm: 'mkdir',
          count: 2,
        },
      ],
      logged: [
        expect.objectContaining({
          syscall: 'chmod',
          action: 'SCMP_ACT_LOG',
          comm: 'chmod',
          count: 1,
        }),
      ],
      omitted: 0,
    });
  });

  it('has the denial that execve died of', () => {
    const file = newFile('report.json');
    const noExec: Profile = {
      defaultAction: 'SCMP_ACT_ALLOW',
      syscalls: [{ names: ['execve', 'execveat'], action: 'SCMP_ACT_ERRNO' }],
    };
    const flags = ['--seccomp-report', file];
    const result = t.run(shell('echo ran', noExec, noNewPrivileges), flags);
    expect(result).toMatchObject({ status: 1, stdout: '' });
    expect(reportIn(file).denied).toMatchObject([{ syscall: 'execve', errno: 'EPERM', count: 1 }]);
  });
});

describe.runIf(isTsrun)('run --seccomp-report', () => {
  it.each(['SCMP_ACT_KILL_PROCESS', 'SCMP_ACT_KILL_THREAD', 'SCMP_ACT_TRAP'] as const)(
    '%s ends the process, and is told',
    (action) => {
      const file = newFile('report.json');
      const flags = ['--seccomp-report', file];
      const script = 'mkdir /tmp/a; echo "mkdir: $?"';
      const { status, stdout } = t.run(shell(script, noMkdir(action)), flags);
      expect({ status, stdout }).toEqual({ status: 0, stdout: 'mkdir: 137\n' });
      expect(reportIn(file).denied).toMatchObject([{ syscall: 'mkdir', action, count: 1 }]);
    },
  );

  it('asks nobody about what the profile allows', () => {
    const file = newFile('report.json');
    const script = 'grep Seccomp: /proc/self/status; mkdir /tmp/x && rmdir /tmp/x';
    const allowing: Profile = { ...noMkdir(), syscalls: [] };
    expect(t.run(shell(script, allowing), ['--seccomp-report', file])).toEqual({
      status: 0,
      stdout: 'Seccomp:\t2\n',
      stderr: '',
    });
    expect(reportIn(file)).toMatchObject({ filter: true, denied: [], logged: [] });
  });

  it('says that there is no filter', () => {
    const file = newFile('report.json');
    const result = t.run(shell('echo ran'), ['--seccomp-report', file]);
    expect(result).toMatchObject({ status: 0, stdout: 'ran\n' });
    expect(result.stderr).toContain('config.json has no linux.seccomp');
    expect(reportIn(file)).toMatchObject({ filter: false, denied: [] });
  });

  it('counts every call of processes that are many at a time', () => {
    const file = newFile('report.json');
    const script =
      'i=0; while [ $i -lt 100 ]; do mkdir /tmp/a /tmp/b 2>/dev/null & i=$((i+1)); done; wait; echo all';
    const result = t.run(shell(script, noMkdir()), ['--seccomp-report', file]);
    expect(result).toMatchObject({ status: 0, stdout: 'all\n' });
    const { denied: rows } = reportIn(file);
    expect(rows).toHaveLength(100);
    expect(rows.every(({ count }) => count === 2)).toBe(true);
  });

  it('is refused with --detach, with an agent of the config, and where the file cannot be written', () => {
    const file = newFile('report.json');
    for (const flag of ['--seccomp-report', '--seccomp-learn']) {
      const detached = t.run(shell('echo ran'), [flag, file, '--detach']);
      expect(detached).toMatchObject({ status: 1, stdout: expect.not.stringContaining('ran') });
      expect(detached.stderr).toContain(`${flag} takes a run in the foreground, not --detach`);
      const own: Profile = { ...noMkdir('SCMP_ACT_NOTIFY'), listenerPath: '/run/agent' };
      const notifying = t.run(shell('echo ran', own), [flag, file]);
      expect(notifying).toMatchObject({ status: 1, stdout: expect.not.stringContaining('ran') });
      expect(notifying.stderr).toContain(`${flag}: linux.seccomp has an agent of its own`);
      const nowhere = t.run(shell('echo ran', noMkdir()), [flag, '/no/such/file']);
      expect(nowhere).toMatchObject({ status: 1, stdout: '' });
      expect(nowhere.stderr).toContain('/no/such/file');
    }
    expect(existsSync(file)).toBe(false);
  });

  it('goes on when the supervisor is killed, and is written when the container ends', async () => {
    const file = newFile('report.json');
    const { id, child, ended, agent } = await denied(['--seccomp-report', file]);
    child.kill('SIGKILL');
    await ended;
    expect(t.state(id).status).toBe('running');
    expect(agentsOf(id)).toEqual([agent]);
    expect(t.call(['delete', '--force', id])).toMatchObject({ status: 0, stderr: '' });
    await until(() => agentsOf(id).length === 0, 'the agent to end');
    expect(reportIn(file).denied[0]).toMatchObject({ syscall: 'mkdir', pidInside: 2, count: 1 });
  });

  it('kills the container when its agent is killed', async () => {
    const { id, ended, agent } = await denied(['--seccomp-report', newFile('report.json')]);
    process.kill(agent, 'SIGKILL');
    const { status, stderr } = await ended;
    expect({ status, stderr }).toEqual({
      status: 137,
      stderr: 'tsrun: the seccomp agent has ended: the container is killed\n',
    });
    expect(existsSync(join(t.stateRoot, id))).toBe(false);
  });

  it('leaves ^C and other signals to the container', async () => {
    const file = newFile('report.json');
    const { child, ended, agent } = await denied(['--seccomp-report', file]);
    const session = readFileSync(`/proc/${agent}/stat`, 'utf8').split(') ')[1]?.split(' ')[3];
    expect(session, 'a session of its own').toBe(String(agent));
    child.kill('SIGKILL');
    await ended;
  });
});

describe.runIf(isTsrun).each([
  ['without no_new_privs', false],
  ['with no_new_privs', true],
])('run --seccomp-learn %s', (_, noNewPrivileges) => {
  const script = 'mkdir /tmp/a && ls -d /tmp/a; rmdir /tmp/a; exit 5';
  const edit = (text: string, profile?: Profile) => shell(text, profile, noNewPrivileges);

  it('writes a profile with which the container runs, and nothing else does', () => {
    const file = newFile('profile.json');
    const learning = t.run(edit(script), ['--seccomp-learn', file]);
    expect(learning).toEqual({ status: 5, stdout: '/tmp/a\n', stderr: '' });
    const profile = JSON.parse(readFileSync(file, 'utf8')) as Profile;
    const [rule] = profile.syscalls ?? [];
    expect(rule?.names).toEqual(expect.arrayContaining(['execve', 'exit_group', 'mkdir', 'rmdir']));
    expect(rule?.names).not.toContain('symlink');
    expect(t.run(edit(script, profile))).toEqual({ status: 5, stdout: '/tmp/a\n', stderr: '' });
    const other = t.run(edit('mkdir /tmp/a; ln -s a /tmp/b || echo denied; rmdir /tmp/a', profile));
    expect(other).toMatchObject({ status: 0, stdout: 'denied\n' });
    expect(other.stderr).toContain('Operation not permitted');
    expect(t.call(['check', '--no-host', t.bundle(edit(script, profile))]).status).toBe(0);
  });

  it('has what the runtime itself needs behind the filter, and not what it needs before', () => {
    const file = newFile('profile.json');
    t.run((config) => edit('', undefined)(config), ['--seccomp-learn', file]);
    const profile = JSON.parse(readFileSync(file, 'utf8')) as Profile;
    const names = profile.syscalls?.flatMap((rule) => rule.names) ?? [];
    // Without no_new_privs the filter comes first, and privileges are given up behind it.
    expect(names.includes('capset')).toBe(!noNewPrivileges);
    expect(names.includes('accept4')).toBe(!noNewPrivileges);
    expect(names).not.toContain('seccomp');
    expect(names).not.toContain('pivot_root');
  });

  it('does not learn what the profile there is denies, and reports it besides', () => {
    const [learn, report] = [newFile('profile.json'), newFile('report.json')];
    const flags = ['--seccomp-learn', learn, '--seccomp-report', report];
    const text = 'mkdir /tmp/a 2>/dev/null || echo denied';
    expect(t.run(edit(text, noMkdir()), flags)).toEqual({
      status: 0,
      stdout: 'denied\n',
      stderr: '',
    });
    const profile = JSON.parse(readFileSync(learn, 'utf8')) as Profile;
    expect(profile.syscalls?.flatMap(({ names }) => names)).not.toContain('mkdir');
    expect(reportIn(report).denied).toMatchObject([{ syscall: 'mkdir', count: 1 }]);
  });
});
