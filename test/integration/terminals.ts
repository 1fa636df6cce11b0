/** Terminals for tests, through terminal.py. */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type Containers, until } from './runtime.ts';

const SCRIPT = join(import.meta.dirname, 'terminal.py');
// Debian's own: a version manager in front of it costs half a second a call.
const PYTHON = existsSync('/usr/bin/python3') ? '/usr/bin/python3' : 'python3';

/** Listens on a socket, and collects what the descriptor that arrives has to say. */
export async function receiver(t: Containers, input = '') {
  const socket = join(t.newDirectory(), 'socket');
  const child = spawn(PYTHON, [SCRIPT, 'receive', socket, input], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout.on('data', (data: Buffer) => {
    output += data.toString();
  });
  const ended = new Promise<string>((done) => child.on('close', () => done(output)));
  await until(() => existsSync(socket), 'the socket');
  return { socket, ended };
}

/**
 * Runs a command on a terminal of 33 rows and 99 columns, which becomes `resizedRows` high and is typed
 * `input` on when the command has written `ready`.
 */
export function onNewTerminal(command: readonly string[], input = '', resizedRows = 33) {
  const args = [SCRIPT, 'run', '33', '99', `${resizedRows}`, input, ...command];
  const done = spawnSync(PYTHON, args, { encoding: 'utf8', timeout: 30_000 });
  return { status: done.status, output: done.stdout.replaceAll('\r\n', '\n') };
}
