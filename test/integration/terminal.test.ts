/** process.terminal: consoles handed over a socket, the foreground relay, and --pidfd-socket. */
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Config, grant } from './config.ts';
import { isTsrun, RUNTIME, useContainers } from './runtime.ts';
import { onNewTerminal, receiver } from './terminals.ts';

const t = useContainers();

const onTerminal =
  (script: string, more: (config: Config) => void = () => {}) =>
  (config: Config) => {
    config.process.terminal = true;
    config.process.args = ['sh', '-c', script];
    more(config);
  };

/** Runs the container in the foreground of a terminal of 33 rows and 99 columns. */
function relayed(edit: (config: Config) => void, input: string, resizedRows = 33) {
  const command = [RUNTIME, '--root', t.stateRoot, 'run', '--bundle', t.bundle(edit), t.newId()];
  return onNewTerminal(command, input, resizedRows);
}

describe('process.terminal', () => {
  it('create hands the master over --console-socket', async () => {
    const { socket, ended } = await receiver(t, 'echo typed; exit\\n');
    const { id, result } = t.create(onTerminal('tty; exec sh'), ['--console-socket', socket]);
    expect(result).toMatchObject({ status: 0, stderr: '' });
    expect(t.call(['start', id])).toMatchObject({ status: 0 });
    const output = (await ended).replaceAll('\r\n', '\n');
    expect(output).toMatch(/^received \S*\/ptmx /);
    expect(output).toContain('/dev/pts/0\n');
    expect(output).toContain('\ntyped\n');
  });
  it('is the controlling terminal, all three streams, and /dev/console', async () => {
    const { socket, ended } = await receiver(t);
    const script =
      'for fd in 0 1 2; do readlink /proc/self/fd/$fd; done; ls -l /dev/console; echo to-console > /dev/console; ' +
      "cut -d ' ' -f 6-8 /proc/1/stat; stat -c '%u %a' /dev/pts/0; echo tty > /dev/tty";
    const args = ['--detach', '--console-socket', socket];
    expect(t.run(onTerminal(script), args)).toMatchObject({ status: 0 });
    const output = (await ended).replaceAll('\r\n', '\n');
    expect(output).toContain('/dev/pts/0\n/dev/pts/0\n/dev/pts/0\n');
    expect(output).toMatch(/crw.*136, +0 .*\/dev\/console/);
    expect(output).toContain('to-console\n');
    expect(output).toMatch(/^1 34816 /m); // session 1, terminal 136:0
    expect(output).toMatch(/^tty$/m);
  });
  it("is owned by the process's user", async () => {
    const { socket, ended } = await receiver(t);
    const edit = onTerminal("stat -c 'owner %u' /dev/pts/0", (config) => {
      config.process.user = { uid: 1000, gid: 1000 };
    });
    t.run(edit, ['--detach', '--console-socket', socket]);
    expect(await ended).toContain('owner 1000');
  });
  it('process.consoleSize is its size', async () => {
    const { socket, ended } = await receiver(t);
    const edit = onTerminal('stty size', (config) => {
      config.process.consoleSize = { height: 41, width: 142 };
    });
    t.run(edit, ['--detach', '--console-socket', socket]);
    expect(await ended).toContain('41 142');
  });
  it('create needs --console-socket', () => {
    const result = t.create(onTerminal('true')).result;
    expect(result.status).toBe(1);
    expect(result.stderr).toContain(
      'cannot allocate tty if runc will detach without setting console socket'.replace(
        'runc',
        isTsrun ? 'tsrun' : 'runc',
      ),
    );
  });
  it('--console-socket needs a terminal', async () => {
    const result = t.create(
      (config) => {
        config.process.args = ['true'];
      },
      ['--console-socket', '/no/such/socket'],
    ).result;
    expect(result.status).toBe(1);
    expect(result.stderr).toMatch(/cannot use console socket/);
  });
});

describe('run in the foreground of a terminal', () => {
  it("relays both ways and exits with the process's status", () => {
    const { status, output } = relayed(
      onTerminal('tty; echo ready; read line; echo got $line; exit 5'),
      'words\\n',
    );
    expect(output).toContain('/dev/pts/0\nready\n');
    expect(output).toContain('got words\n');
    expect(status).toBe(5);
  });
  it('has the size of the terminal it is in, and follows it', () => {
    const script = 'stty size; echo ready; read line; stty size';
    const { output } = relayed(onTerminal(script), '\\n', 44);
    expect(output).toMatch(/^33 99$/m);
    expect(output).toMatch(/^44 99$/m);
  });
  it('hands on control characters: ^C reaches the process, not the runtime', () => {
    const script = 'trap "echo interrupted; exit 9" INT; echo ready; while :; do sleep 0.1; done';
    const { status, output } = relayed(onTerminal(script), '\\x03');
    expect(output).toContain('interrupted\n');
    expect(status).toBe(9);
  });
  it('leaves the terminal as it was', () => {
    const bundle = t.bundle(onTerminal('true'));
    const run = `${RUNTIME} --root ${t.stateRoot} run --bundle ${bundle} ${t.newId()}`;
    const shell = ['sh', '-c', `stty -a > "$0.1"; ${run}; stty -a > "$0.2"; cmp "$0.1" "$0.2"`];
    const file = join(t.newDirectory(), 'stty');
    expect(onNewTerminal([...shell, file])).toMatchObject({ status: 0 });
  });
});

describe('--pidfd-socket', () => {
  // runc has it since 1.2.
  it.runIf(isTsrun)("receives a pidfd of the container's init", async () => {
    const { socket, ended } = await receiver(t);
    const { id, result } = t.create(
      (config) => {
        config.process.args = ['true'];
        grant(config);
      },
      ['--pidfd-socket', socket],
    );
    expect(result).toMatchObject({ status: 0, stderr: '' });
    const output = await ended;
    expect(output).toMatch(new RegExp(`^Pid:\\t${t.state(id).pid}$`, 'm'));
    expect(output).toContain('standard');
  });
});
