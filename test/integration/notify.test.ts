/** linux.seccomp with SCMP_ACT_NOTIFY: an agent outside decides on system calls. */
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { PYTHON } from './attacks/victim.ts';
import type { Config } from './config.ts';
import { isTsrun, until, useContainers } from './runtime.ts';

const t = useContainers();

const stop: (() => void)[] = [];
afterAll(() => {
  for (const end of stop) end();
});

/** An agent that answers every call it is asked about with an errno. */
async function agent(errno: number) {
  const socket = join(t.newDirectory(), 'agent');
  const script = join(import.meta.dirname, 'agent.py');
  const child = spawn(PYTHON, [script, socket, `${errno}`], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  stop.push(() => child.kill('SIGKILL'));
  let output = '';
  child.stdout.on('data', (data: Buffer) => {
    output += data.toString();
  });
  await until(() => existsSync(socket), 'the socket');
  const messages = async (count: number) => {
    await until(() => output.split('\n').length > count, `${count} messages`);
    return output
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { pid: number; state: { pid: number } });
  };
  return { socket, messages };
}

/** Linux 5.19; Debian 12's runc does not know it. */
const KILLABLE: NonNullable<Config['linux']['seccomp']>['flags'] = [
  'SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV',
];

const notifying = (listenerPath: string, noNewPrivileges: boolean) => (config: Config) => {
  config.process.noNewPrivileges = noNewPrivileges;
  config.annotations = { color: 'green' };
  config.linux.seccomp = {
    defaultAction: 'SCMP_ACT_ALLOW',
    listenerPath,
    listenerMetadata: 'opaque',
    ...(isTsrun ? { flags: KILLABLE } : {}),
    syscalls: [{ names: ['mkdir', 'mkdirat'], action: 'SCMP_ACT_NOTIFY' }],
  };
};

describe.each([
  ['without no_new_privs', false],
  ['with no_new_privs', true],
])('linux.seccomp.listenerPath %s', (_, noNewPrivileges) => {
  it('gets the listener and the state; the agent decides', async () => {
    const ENOMEDIUM = 123;
    const { socket, messages } = await agent(ENOMEDIUM);
    const { id, bundle, result, output } = t.create((config) => {
      config.process.args = ['sh', '-c', 'mkdir /tmp/made 2>&1; sleep 30'];
      notifying(socket, noNewPrivileges)(config);
    });
    expect(result).toMatchObject({ status: 0, stderr: '' });
    expect(t.call(['start', id])).toMatchObject({ status: 0, stderr: '' });
    const { pid } = t.state(id);
    expect(await messages(1)).toMatchObject([
      {
        fds: ['seccompFd'],
        pid,
        metadata: 'opaque',
        state: { id, status: 'creating', pid, bundle, annotations: { color: 'green' } },
      },
    ]);
    await until(() => output().includes('No medium found'), 'the answer of the agent');
  });
  it('gets one for every process of exec', async () => {
    const { socket, messages } = await agent(0);
    const { id } = t.create((config) => {
      config.process.args = ['sleep', '30'];
      notifying(socket, noNewPrivileges)(config);
    });
    t.call(['start', id]);
    const { pid } = t.state(id);
    const made = t.call(['exec', id, 'sh', '-c', `mkdir /tmp/a${noNewPrivileges} && echo made`]);
    expect(made).toMatchObject({ status: 0, stdout: 'made\n' });
    const [, joined] = await messages(2);
    expect(joined).toMatchObject({ state: { id, status: 'running', pid } });
    expect(joined?.pid).not.toBe(pid);
  });
  it('is blamed when nobody listens there, and nothing is run', () => {
    const nowhere = join(t.directory, 'nowhere');
    const { status, stdout, stderr } = t.sh('echo ran', notifying(nowhere, noNewPrivileges));
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
    expect(stderr).toContain('linux.seccomp');
    expect(stderr).toContain('ENOENT');
  });
});

describe.runIf(isTsrun)('run --seccomp-report and --seccomp-learn', () => {
  it.each([
    ['without no_new_privs', false],
    ['with no_new_privs', true],
  ])(
    '%s have an agent of their own (explain/seccomp.test.ts has the rest)',
    (_, noNewPrivileges) => {
      const [report, learn] = ['report', 'learn'].map((name) => join(t.newDirectory(), name));
      const edit = (config: Config) => {
        config.process.args = ['sh', '-c', 'mkdir /tmp/a 2>/dev/null || echo denied; exit 3'];
        config.process.noNewPrivileges = noNewPrivileges;
        config.linux.seccomp = {
          defaultAction: 'SCMP_ACT_ALLOW',
          syscalls: [{ names: ['mkdir', 'mkdirat'], action: 'SCMP_ACT_ERRNO' }],
        };
      };
      const flags = ['--seccomp-report', report ?? '', '--seccomp-learn', learn ?? ''];
      expect(t.run(edit, flags)).toEqual({ status: 3, stdout: 'denied\n', stderr: '' });
      expect(JSON.parse(readFileSync(report ?? '', 'utf8'))).toMatchObject({
        denied: [{ syscall: 'mkdir', errno: 'EPERM', comm: 'mkdir', count: 1 }],
      });
      const learnt = (config: Config) => {
        edit(config);
        config.linux.seccomp = JSON.parse(readFileSync(learn ?? '', 'utf8'));
      };
      expect(t.run(learnt)).toEqual({ status: 3, stdout: 'denied\n', stderr: '' });
    },
  );
});
