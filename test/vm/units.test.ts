/** Containers as services of systemd: units of Type=notify, and those that a socket unit starts. */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { RUNTIME, useContainers } from '../integration/runtime.ts';

const t = useContainers();
/** Compiled by bundle.mjs of test/integration/notify/say.c. */
const SAY = join(import.meta.dirname, 'say');

/** Runs a command that must succeed; gives its standard output, trimmed. */
function ok(...command: readonly string[]): string {
  const [program = '', ...args] = command;
  const { status, stdout, stderr } = spawnSync(program, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${command.join(' ')}: ${status}: ${stdout}${stderr}`);
  return stdout.trim();
}

const units: string[] = [];
afterEach(() => {
  // A transient unit that has been stopped is not there any more.
  for (const unit of units.splice(0)) {
    // With runc 1.1.5 no signal but this gets to a container that is not ready.
    spawnSync('systemctl', ['kill', '--signal=KILL', `${unit}.service`]);
    spawnSync('systemctl', ['stop', `${unit}.socket`, `${unit}.service`]);
  }
});

/** Everything is some ten times slower in the machine, and more when the host is busy. */
const PATIENCE_MS = 50_000;

async function until(holds: () => boolean, what: string): Promise<void> {
  const end = Date.now() + PATIENCE_MS;
  while (!holds()) {
    if (Date.now() > end) throw new Error(`waited in vain for ${what}`);
    await new Promise((done) => setTimeout(done, 100));
  }
}

const show = (unit: string): Readonly<Record<string, string>> =>
  Object.fromEntries(
    ok('systemctl', 'show', '-p', 'ActiveState,SubState,MainPID,Result', unit)
      .split('\n')
      .map((line) => line.split('=') as [string, string]),
  );

/** Starts a unit that runs a script in a container; /shared is a directory of both. */
function startUnit(script: string, flags: readonly string[], properties: readonly string[]) {
  const shared = t.newDirectory();
  const bundle = t.bundle((config) => {
    config.process.args = ['sh', '-c', script];
    const bind = (source: string, destination: string) =>
      config.mounts.push({ destination, type: 'bind', source, options: ['bind'] });
    bind(SAY, '/bin/say');
    bind(shared, '/shared');
  });
  const id = t.newId();
  const unit = `tsrun-${id}`;
  units.push(unit);
  const command = [RUNTIME, '--root', t.stateRoot, 'run', ...flags, '--bundle', bundle, id];
  ok('systemd-run', '--no-block', `--unit=${unit}`, ...properties, ...command);
  return { id, unit, shared };
}

describe('a unit of Type=notify', () => {
  const script =
    'trap "exit 0" TERM; : > /shared/up; until [ -e /shared/go ]; do sleep 0.1; done; say READY=1; sleep 1000 & wait';
  const asked = ['--service-type=notify', '--property=TimeoutStartSec=180'];
  it.each([
    ['run', []],
    ['run --detach', ['--detach']],
  ])('of %s is active when its container says READY=1, and not before', async (_, flags) => {
    const { id, unit, shared } = startUnit(script, flags, asked);
    await until(() => existsSync(join(shared, 'up')), 'the container to run');
    expect(show(unit)).toMatchObject({ ActiveState: 'activating', SubState: 'start' });
    writeFileSync(join(shared, 'go'), '');
    await until(() => show(unit)['ActiveState'] === 'active', 'the unit to be active');
    const main = Number(show(unit)['MainPID']);
    const { pid } = t.state(id);
    const parent = readFileSync(`/proc/${pid}/stat`, 'utf8').split(' ')[3];
    // In the foreground the one that waits for init and passes signals on.
    expect(main).toBe(flags.length > 0 ? pid : Number(parent));
    ok('systemctl', 'stop', unit);
    expect(show(unit)['Result']).toBe('success');
    await until(() => !existsSync(`/proc/${pid}`), 'the container to end');
  });
});

describe('a unit that a socket starts', () => {
  it('has its container listen on descriptor 3, LISTEN_PID being its init, and names as they are', async () => {
    const path = join(t.newDirectory(), 'listening');
    const script =
      'echo $LISTEN_FDS $LISTEN_PID $$ $LISTEN_FDNAMES $(readlink /proc/$$/fd/3) > /shared/seen; trap "exit 0" TERM; sleep 1000 & wait';
    const { unit, shared } = startUnit(
      script,
      [],
      [`--socket-property=ListenStream=${path}`, '--socket-property=FileDescriptorName=front'],
    );
    await until(() => ok('systemctl', 'is-active', `${unit}.socket`) === 'active', 'the socket');
    const client = connect(path);
    client.on('error', () => {});
    const seen = join(shared, 'seen');
    await until(() => existsSync(seen) && statSync(seen).size > 0, 'the container');
    client.destroy();
    expect(readFileSync(seen, 'utf8')).toMatch(/^1 1 1 front socket:\[\d+\]\n$/);
  });
});
