/**
 * Every descriptor that is open in a container's init while it waits for `start`, and in what `exec` runs when
 * nothing but its execve is left: native/README.md "Descriptors" says what each is for.
 */
import { spawn } from 'node:child_process';
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { PYTHON } from './attacks/victim.ts';
import { addUserNamespace } from './config.ts';
import { type Edit, isTsrun, until, useContainers } from './runtime.ts';

const t = useContainers();

const CLOSE_ON_EXEC = 0o2000000;
/** execve(2). */
const EXECVE = process.arch === 'arm64' ? 221 : 59;

/** `3 socket close-on-exec`: what is open in a process; standard streams by their numbers. */
const descriptorsOf = (pid: number): readonly string[] =>
  readdirSync(`/proc/${pid}/fd`)
    .map(Number)
    .sort((a, b) => a - b)
    .map((fd) => {
      if (fd <= 2) return `${fd}`;
      const target = readlinkSync(`/proc/${pid}/fd/${fd}`).replace(/:.*/, '');
      const info = readFileSync(`/proc/${pid}/fdinfo/${fd}`, 'utf8');
      const flags = Number.parseInt(/^flags:\t(\d+)$/m.exec(info)?.[1] ?? '', 8);
      return `${target}${flags & CLOSE_ON_EXEC ? ' close-on-exec' : ''}`;
    });

/** What a careless caller left open. */
function withLeaks<T>(use: (descriptors: readonly number[]) => T): T {
  const descriptors = ['/', '/proc', '/sys/fs/cgroup', '/etc/passwd'].map((path) =>
    openSync(path, 'r'),
  );
  try {
    return use(descriptors);
  } finally {
    for (const fd of descriptors) closeSync(fd);
  }
}

const STANDARD = ['0', '1', '2'];
const START = 'socket close-on-exec';

const everything: Edit = (config) => {
  const source = t.newDirectory();
  addUserNamespace(config);
  // The container's root could not make them in a root that is the host's.
  for (const name of ['bound', 'mapped', 'tmpfs']) {
    mkdirSync(join(t.rootfs, name), { recursive: true });
  }
  config.mounts.push(
    { destination: '/bound', type: 'bind', source, options: ['rbind', 'ro'] },
    { destination: '/mapped', type: 'bind', source, options: ['bind', 'idmap'] },
    { destination: '/tmpfs', type: 'tmpfs', source: 'tmpfs', options: ['tmpcopyup', 'ro'] },
  );
  config.linux.maskedPaths = ['/proc/keys', '/proc/acpi', '/etc/passwd'];
  config.linux.readonlyPaths = ['/proc/sys', '/bin'];
  config.linux.seccomp = { defaultAction: 'SCMP_ACT_ALLOW', syscalls: [] };
  config.process.noNewPrivileges = false;
  config.hooks = {
    createRuntime: [{ path: '/bin/true' }],
    createContainer: [{ path: '/bin/true' }],
    startContainer: [{ path: '/bin/true' }],
  };
};

describe.runIf(isTsrun)('descriptors of init that waits for start', () => {
  const waiting = (edit: Edit, args: readonly string[] = []) =>
    withLeaks((descriptors) => {
      const { id, result } = t.create(edit, args, { descriptors });
      expect(result).toMatchObject({ status: 0, stderr: '' });
      return descriptorsOf(t.state(id).pid);
    });

  it('are the standard streams and the socket it waits on', () => {
    expect(waiting(() => {})).toEqual([...STANDARD, START]);
  });
  it('are no more whatever it took to make the container', () => {
    expect(waiting(everything)).toEqual([...STANDARD, START]);
  });
  it('are no more without namespaces of mounts and processes', () => {
    const edit: Edit = (config) => {
      config.linux.namespaces = [];
      config.mounts = [];
      delete config.hostname;
    };
    expect(waiting(edit)).toEqual([...STANDARD, START]);
  });
  it('are besides those of --preserve-fds', () => {
    expect(waiting(everything, ['--preserve-fds', '2'])).toEqual([
      ...STANDARD,
      '/',
      '/proc',
      START,
    ]);
  });
});

describe.runIf(isTsrun)('descriptors of what exec runs', () => {
  const stop: (() => void)[] = [];
  afterAll(() => {
    for (const end of stop) end();
  });

  it('are, behind everything but its execve, the standard streams and the line to tsrun', async () => {
    const socket = join(t.newDirectory(), 'agent');
    const script = join(import.meta.dirname, 'agent.py');
    // The container's own execve passes, the one of exec is held for us to look.
    const agent = spawn(PYTHON, [script, socket, '0', '1'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    stop.push(() => agent.kill('SIGKILL'));
    let said = '';
    agent.stdout.on('data', (data: Buffer) => {
      said += data.toString();
    });
    await until(() => existsSync(socket), 'the agent');
    const { id } = t.create((config) => {
      everything(config);
      config.process.args = ['sleep', '60'];
      config.linux.seccomp = {
        defaultAction: 'SCMP_ACT_ALLOW',
        listenerPath: socket,
        syscalls: [{ names: ['execve'], action: 'SCMP_ACT_NOTIFY' }],
      };
      // Hooks in the container would be held too.
      delete config.hooks;
    });
    expect(t.call(['start', id])).toMatchObject({ status: 0, stderr: '' });
    const joined = withLeaks((descriptors) => t.spawn(['exec', id, 'true'], { descriptors }));
    const messages = () => said.trim().split('\n');
    await until(() => messages().length === 2, 'the filter of exec');
    const { pid } = JSON.parse(messages()[1] ?? '') as { pid: number };
    const inExecve = () => readFileSync(`/proc/${pid}/syscall`, 'utf8').startsWith(`${EXECVE} `);
    await until(inExecve, 'its execve');
    expect(descriptorsOf(pid)).toEqual([...STANDARD, START]);
    // The agent is gone: ENOSYS.
    agent.kill('SIGKILL');
    expect((await joined.ended).status).not.toBe(0);
  });
});
