/** exec with a terminal, and foreground processes whose standard streams are odd. */
import { describe, expect, it } from 'vitest';
import type { Config } from './config.ts';
import { isTsrun, RUNTIME, until, useContainers } from './runtime.ts';
import { onNewTerminal, receiver } from './terminals.ts';

const t = useContainers();

/** The id of a container that runs and does nothing. */
function start(edit: (config: Config) => void = () => {}): string {
  const id = t.newId();
  const bundle = t.bundle((config) => {
    config.process.args = ['sleep', '1000'];
    edit(config);
  });
  expect(t.call(['run', '--detach', '--bundle', bundle, id])).toMatchObject({ status: 0 });
  return id;
}

const execCommand = (...args: readonly string[]) => [
  RUNTIME,
  '--root',
  t.stateRoot,
  'exec',
  ...args,
];

const onTty = (script: string, input?: string, rows?: number) =>
  onNewTerminal(execCommand('--tty', start(), 'sh', '-c', script), input, rows);

describe('exec --tty in the foreground', () => {
  it("relays both ways on a terminal of the container's, and exits as the process does", () => {
    const { status, output } = onTty(
      'tty; echo ready; read line; echo got $line; exit 5',
      'words\\n',
    );
    expect(output).toContain('/dev/pts/0\nready\n');
    expect(output).toContain('got words\n');
    expect(status).toBe(5);
  });
  it('has the size of the terminal it is in from the beginning, and follows it', () => {
    const { output } = onTty('stty size; echo ready; read line; stty size', '\\n', 44);
    // runc sets it when the process may be running already.
    if (isTsrun) expect(output).toMatch(/^33 99$/m);
    expect(output).toMatch(/^44 99$/m);
  });
  it('hands on control characters: ^C reaches the process, not the runtime', () => {
    const script = 'trap "echo interrupted; exit 9" INT; echo ready; while :; do sleep 0.1; done';
    const { status, output } = onTty(script, '\\x03');
    expect(output).toContain('interrupted\n');
    expect(status).toBe(9);
  });
  it("is not the container's /dev/console", () => {
    const id = start();
    const before = t.call(['exec', id, 'ls', '-l', '/dev']).stdout;
    const { status } = onNewTerminal(execCommand('-t', id, 'true'));
    expect(status).toBe(0);
    expect(t.call(['exec', id, 'ls', '-l', '/dev']).stdout).toBe(before);
  });
});

describe('exec --detach', () => {
  it('hands the master of a terminal over --console-socket', async () => {
    const id = start();
    const { socket, ended } = await receiver(t, 'echo typed; exit\\n');
    const args = ['exec', '--detach', '--tty', '--console-socket', socket, id, 'sh'];
    expect(t.call(args)).toMatchObject({ status: 0, stderr: '' });
    expect(await ended).toMatch(/^received .*\n[\s\S]*\ntyped/);
  });
  it('needs --console-socket for a terminal, and a terminal for it', () => {
    const id = start();
    const without = t.call(['exec', '--detach', '--tty', id, 'true']);
    expect(without.status).toBe(255);
    expect(without.stderr).toContain('detach without setting console socket');
    const useless = t.call(['exec', '--detach', '--console-socket', '/no/such', id, 'true']);
    expect(useless.status).toBe(255);
    expect(useless.stderr).toContain('cannot use console socket');
  });
  // runc has it since 1.2.
  it.runIf(isTsrun)("sends the process's pidfd to --pidfd-socket", async () => {
    const id = start();
    const { socket, ended } = await receiver(t);
    const args = ['exec', '--detach', '--pidfd-socket', socket, id, 'sleep', '5'];
    expect(t.call(args)).toMatchObject({ status: 0, stderr: '' });
    const output = await ended;
    expect(output).toContain('setns');
    expect(output).toMatch(/^Pid:\t[1-9]\d*$/m);
    expect(output).not.toMatch(new RegExp(`^Pid:\\t${t.state(id).pid}$`, 'm'));
  });
});

// runc has pipes of its own in the foreground.
describe.runIf(isTsrun)('a standard stream that is closed', () => {
  const closed = (command: readonly string[], redirection: string) =>
    t.call([], { prefix: ['sh', '-c', `exec "$@" ${redirection}`, 'sh', ...command, '#'] });
  it.each([
    ['standard input', '<&-'],
    ['standard error', '2>&-'],
    ['both', '<&- 2>&-'],
  ])(
    "%s is the container's /dev/null, never a descriptor of the runtime's",
    (_what, redirection) => {
      const script = 'for n in 0 1 2 3; do readlink /proc/self/fd/$n || echo none; done';
      const command = execCommand(start(), 'sh', '-c', script);
      const { stdout } = closed(command, redirection);
      const [input, output, error, other] = stdout.split('\n');
      if (redirection.includes('<&-')) expect(input).toBe('/dev/null');
      if (redirection.includes('2>&-')) expect(error).toBe('/dev/null');
      expect(output).not.toBe('none');
      expect(other).toBe('none');
    },
  );
});

describe('signals to the runtime in the foreground', () => {
  it.each(['SIGHUP', 'SIGUSR1', 'SIGTERM', 'SIGINT'] as const)(
    '%s reaches the process of run',
    async (signal) => {
      const id = t.newId();
      const bundle = t.bundle((config) => {
        const name = signal.slice(3);
        const script = `trap "echo got ${name}; exit 3" ${name}; echo ready; while :; do sleep 0.1; done`;
        config.process.args = ['sh', '-c', script];
      });
      const { child, ended, stdout } = t.spawn(['run', '--bundle', bundle, id]);
      await until(() => stdout().includes('ready'), 'it to be ready');
      child.kill(signal);
      expect(await ended).toMatchObject({ status: 3, stdout: `ready\ngot ${signal.slice(3)}\n` });
    },
  );
  it('a process that a signal ends is 128 and its number', async () => {
    const { child, ended, stdout } = t.spawn([
      'exec',
      start(),
      'sh',
      '-c',
      'echo ready; exec sleep 1000',
    ]);
    await until(() => stdout().includes('ready'), 'it to be ready');
    child.kill('SIGTERM');
    expect((await ended).status).toBe(128 + 15);
  });
});
