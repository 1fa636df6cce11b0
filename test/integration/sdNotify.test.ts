/** NOTIFY_SOCKET: a container says when it is ready, and whoever started the runtime is told. sd_notify(3). */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import {
  existsSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PYTHON } from './attacks/victim.ts';
import { addUserNamespace, type Config, removeNamespace } from './config.ts';
import {
  type CallOptions,
  findMount,
  isTsrun,
  type Spawned,
  until,
  useContainers,
} from './runtime.ts';

const t = useContainers();
const HERE = join(import.meta.dirname, 'notify');
let say = '';
const receivers: ChildProcess[] = [];

beforeAll(() => {
  say = join(t.directory, 'say');
  const made = spawnSync('musl-gcc', ['-static', '-Os', '-o', say, join(HERE, 'say.c')]);
  if (made.status !== 0) throw new Error(`say.c: ${made.stderr}`);
});
afterAll(() => {
  for (const one of receivers) one.kill('SIGKILL');
});

interface Message {
  readonly text: string;
  /** The sender's, as the kernel says. */
  readonly pid: number;
  readonly descriptors: number;
}

/** Who started the runtime, as systemd would; it takes `holdSeconds` over a message with a descriptor. */
async function receiver(address?: string, holdSeconds = 0) {
  const directory = t.newDirectory();
  const at = address ?? join(directory, 'host.sock');
  const file = join(directory, 'messages');
  const child = spawn(PYTHON, [join(HERE, 'receiver.py'), at, file, `${holdSeconds}`], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  receivers.push(child);
  await until(() => existsSync(file), 'a receiver');
  const messages = (): Message[] =>
    readFileSync(file, 'utf8')
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line) as Message);
  const heard = (text: string) =>
    until(() => messages().some((one) => one.text === text), JSON.stringify(text));
  return { env: { NOTIFY_SOCKET: at }, messages, heard };
}

/** A shell script in a container that has `say`. */
const container = (script: string, edit: (config: Config) => void = () => {}) => {
  const bundle = t.bundle((config) => {
    config.process.args = ['sh', '-c', script];
    config.mounts.push({
      destination: '/bin/say',
      type: 'bind',
      source: say,
      options: ['bind', 'ro'],
    });
    edit(config);
  });
  return { id: t.newId(), bundle };
};

const starting = (verb: readonly string[], script: string, edit?: (config: Config) => void) => {
  const { id, bundle } = container(script, edit);
  return { id, args: [...verb, '--bundle', bundle, id] };
};

const run = (script: string, options: CallOptions, edit?: (config: Config) => void) =>
  t.call(starting(['run'], script, edit).args, options);

/** runc 1.1.5 knows no BARRIER. */
const withoutBarrier = (messages: readonly Message[]) =>
  messages.map(({ text }) => text).filter((text) => text !== 'BARRIER=1');

/** Those who read the messages for a runtime that waits. */
const readersOf = ({ child }: Spawned): number[] =>
  readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8')
    .split(' ')
    .filter((pid) => pid !== '' && isReader(pid))
    .map(Number);
/** Of a process that may end, or close what it was given, while it is looked at. */
function isReader(pid: string): boolean {
  try {
    return readlinkSync(`/proc/${pid}/fd/0`).startsWith('socket:');
  } catch {
    return false;
  }
}
async function readerOf(running: Spawned): Promise<number> {
  let found: number | undefined;
  await until(() => {
    [found] = readersOf(running);
    return found !== undefined;
  }, 'a reader');
  if (found === undefined) throw new Error('no reader');
  return found;
}
const descriptorsOf = (pid: string | number): string[] =>
  readdirSync(`/proc/${pid}/fd`).map((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`));

describe('NOTIFY_SOCKET in the container', () => {
  it('is a socket of its own, in a mount that is read-only, nosuid, nodev and noexec', async () => {
    const { env } = await receiver();
    const { stdout, status } = run(
      'echo $NOTIFY_SOCKET; [ -S $NOTIFY_SOCKET ] && say READY=1; cat /proc/self/mountinfo',
      { env },
    );
    expect(status).toBe(0);
    expect(stdout).toMatch(/^\/run\/notify\/notify\.sock\n/);
    const options = findMount(stdout, '/run/notify')?.options;
    expect(options).toEqual(expect.arrayContaining(['ro', 'nosuid', 'nodev', 'noexec']));
  });
  it('takes the place of the one in process.env', async () => {
    const { env } = await receiver();
    const { stdout } = run('env; say READY=1', { env }, (config) => {
      config.process.env.push('NOTIFY_SOCKET=/elsewhere');
    });
    expect(stdout).toContain('NOTIFY_SOCKET=/run/notify/notify.sock\n');
  });
  it('is not there when nobody asked, nor when the variable is empty', () => {
    for (const NOTIFY_SOCKET of [undefined, '']) {
      const script = 'env | grep NOTIFY; [ -e /run/notify/notify.sock ] || echo none';
      expect(run(script, { env: { NOTIFY_SOCKET } })).toMatchObject({ stdout: 'none\n' });
    }
  });
  it('is not given to a process that joins', async () => {
    const { env } = await receiver();
    const { id, args } = starting(['run', '--detach'], 'say READY=1; exec sleep 30');
    expect(t.call(args, { env })).toMatchObject({ status: 0 });
    expect(t.call(['exec', id, 'env'], { env }).stdout).not.toContain('NOTIFY_SOCKET');
  });
});

describe('READY=1 of the container', () => {
  it('is passed on by run, which says that it is the main process itself', async () => {
    const { env, messages, heard } = await receiver();
    const script = 'say READY=1; while [ ! -e /dev/end ]; do sleep 0.1; done; exit 3';
    const { id, args } = starting(['run'], script);
    const running = t.spawn(args, { env });
    const main = `MAINPID=${running.child.pid}\n`;
    await heard(main);
    expect(withoutBarrier(messages())).toEqual(['READY=1\n', main]);
    expect(new Set(messages().map(({ pid }) => pid))).toEqual(new Set([running.child.pid]));
    t.call(['exec', id, 'touch', '/dev/end']);
    expect(await running.ended).toMatchObject({ status: 3, stderr: '' });
  });
  it('lets run --detach return, which says that init is the main process', async () => {
    const { env, messages } = await receiver();
    const { id, args } = starting(['run', '--detach'], 'sleep 0.3; say READY=1; exec sleep 30');
    const running = t.spawn(args, { env });
    expect(await running.ended).toMatchObject({ status: 0, stderr: '' });
    const main = `MAINPID=${t.state(id).pid}\n`;
    expect(withoutBarrier(messages())).toEqual(['READY=1\n', main]);
    expect(messages()[0]?.pid).toBe(running.child.pid);
  });
  it('lets start return likewise; create is silent', async () => {
    const { env, messages } = await receiver();
    const { id, args } = starting(['create'], 'sleep 0.3; say READY=1; exec sleep 30');
    expect(t.call(args, { env })).toMatchObject({ status: 0, stderr: '' });
    expect(messages()).toEqual([]);
    expect(t.call(['start', id], { env })).toMatchObject({ status: 0, stderr: '' });
    expect(withoutBarrier(messages())).toEqual(['READY=1\n', `MAINPID=${t.state(id).pid}\n`]);
  });
  it.each([
    ['run', []],
    ['run --detach', ['--detach']],
  ])('is passed on by %s also when the container ends at once', async (_, flags) => {
    const { env, heard } = await receiver();
    const { args } = starting(['run', ...flags], 'exec say READY=1');
    expect(t.call(args, { env })).toMatchObject({ status: 0, stderr: '' });
    await heard('READY=1\n');
  });
  it('is passed on to an abstract address', async () => {
    const { env, heard } = await receiver(`@${t.mark}`);
    expect(run('exec say READY=1', { env })).toMatchObject({ status: 0, stderr: '' });
    await heard('READY=1\n');
  });
  it('may come from a user that is not root', async () => {
    const { env, heard } = await receiver();
    const edit = (config: Config) => {
      config.process.user = { uid: 1000, gid: 1000 };
    };
    expect(run('exec say READY=1', { env }, edit)).toMatchObject({ status: 0, stderr: '' });
    await heard('READY=1\n');
  });
  it('may come from a user namespace', async () => {
    const { env, heard } = await receiver();
    const result = run('exec say READY=1', { env }, addUserNamespace);
    expect(result).toMatchObject({ status: 0, stderr: '' });
    await heard('READY=1\n');
  });
  it.runIf(isTsrun)('may come from a container without a mount namespace', async () => {
    const { env, heard } = await receiver();
    const result = run('exec say READY=1', { env }, (config) => {
      removeNamespace(config, 'mount');
      config.root.path = t.freshRootfs();
    });
    expect(result).toMatchObject({ status: 0 });
    await heard('READY=1\n');
  });
  // runc 1.1.5 takes a message that begins with READY= alone, and waits for ever for another.
  it.runIf(isTsrun)('may stand on any line of a message', async () => {
    const { env, heard } = await receiver();
    const { args } = starting(
      ['run', '--detach'],
      String.raw`say 'STATUS=up\nREADY=1'; exec sleep 30`,
    );
    expect(t.call(args, { env })).toMatchObject({ status: 0, stderr: '' });
    await heard('READY=1\n');
  });
});

describe('what else the container says', () => {
  it('is told to nobody', async () => {
    const { env, messages } = await receiver();
    const script =
      'say STATUS=up MAINPID=1 WATCHDOG=1 STOPPING=1 fds FDSTORE=1 BARRIER=1 READY=1 STATUS=after';
    const running = t.spawn(starting(['run'], script).args, { env });
    expect(await running.ended).toMatchObject({ status: 0 });
    expect(withoutBarrier(messages())).toEqual(['READY=1\n', `MAINPID=${running.child.pid}\n`]);
  });
  it('after READY=1 keeps it waiting for nobody in the foreground', async () => {
    const { env } = await receiver();
    const result = run('exec say READY=1 fds flood=2000', { env });
    expect(result).toMatchObject({ status: 0, stderr: '' });
  });
  it.runIf(isTsrun)('no other word is taken for READY=1', async () => {
    const { env, messages } = await receiver();
    const script = String.raw`say READY=0 READY=10 'READY=1 ' ' READY=1' XREADY=1 '\n' READY 'READY=\n1'`;
    expect(run(script, { env })).toMatchObject({ status: 0, stderr: '' });
    expect(messages()).toEqual([]);
  });
});

// runc 1.1.5 neither sees that the container has ended nor passes on signals before it is ready.
describe.runIf(isTsrun)('a container that is never ready', () => {
  it.each([
    ['run', [], 7],
    ['run --detach', ['--detach'], 0],
  ])('ends %s when it ends', async (_, flags, status) => {
    const { env, messages } = await receiver();
    const { args } = starting(['run', ...flags], 'sleep 0.2; exit 7');
    expect(t.call(args, { env })).toMatchObject({ status, stderr: '' });
    expect(messages()).toEqual([]);
  });
  it('ends start when it ends', async () => {
    const { env, messages } = await receiver();
    const { id, args } = starting(['create'], 'sleep 0.2; exit 7');
    t.call(args, { env });
    expect(t.call(['start', id], { env })).toMatchObject({ status: 0, stderr: '' });
    expect(messages()).toEqual([]);
  });
  it('is sent signals, while it floods and has the reader close what takes a minute', async () => {
    const { env } = await receiver();
    const script = 'trap "exit 9" TERM; say linger; say fds flood=1000000 & echo up; wait';
    const running = t.spawn(starting(['run'], script).args, { env });
    await until(() => running.stdout() === 'up\n', 'the script');
    const begin = Date.now();
    running.child.kill('SIGTERM');
    expect(await running.ended).toMatchObject({ status: 9 });
    expect(Date.now() - begin).toBeLessThan(20_000);
  });
  it('costs little: it is heard a thousand times a second at most, and its descriptors nowhere', async () => {
    const { env } = await receiver();
    const running = t.spawn(starting(['run'], 'say fds flood=500; say flood=100000').args, { env });
    await until(() => running.stdout() !== '', 'the first 500 messages');
    // A dozen wait in the queue.
    expect(Number(running.stdout())).toBeGreaterThan(450);
    const reader = await readerOf(running);
    expect(descriptorsOf(reader)).toHaveLength(2);
    expect(descriptorsOf(running.child.pid ?? 0).filter((path) => path === '/dev/null')).toEqual([
      '/dev/null', // its standard input
    ]);
  });
});

describe.runIf(isTsrun)('kill -9', () => {
  it('of who reads the messages: the container waits for nobody, and run goes on', async () => {
    const { env, messages } = await receiver();
    const script = 'say flood=100000 2>&1; echo over; exit 4';
    const running = t.spawn(starting(['run'], script).args, { env });
    process.kill(await readerOf(running), 'SIGKILL');
    const { status, stdout } = await running.ended;
    expect(stdout).toMatch(/^say: .*\nover\n$/);
    expect(status).toBe(4);
    expect(messages()).toEqual([]);
  });
  it('of start: the container runs on, its reader ends, and delete leaves nothing', async () => {
    const { env } = await receiver();
    const script = 'say flood=100000 2>&1; echo over; exec sleep 30';
    const { id, args } = starting(['create'], script);
    t.call(args, { env });
    const running = t.spawn(['start', id], { env });
    const reader = await readerOf(running);
    running.child.kill('SIGKILL');
    await running.ended;
    await until(() => !existsSync(`/proc/${reader}`), 'the reader to end');
    await t.waitFor(id, 'running');
    expect(t.call(['delete', '--force', id])).toMatchObject({ status: 0, stderr: '' });
    expect(existsSync(join(t.stateRoot, id))).toBe(false);
  });
});

// runc 1.1.5 knows no BARRIER, newer ones do.
describe.runIf(isTsrun)('BARRIER=1', () => {
  it('comes last, with one descriptor, which --detach waits to be closed', async () => {
    const { env, messages } = await receiver(undefined, 1);
    const { args } = starting(['run', '--detach'], 'say READY=1; exec sleep 30');
    const begin = Date.now();
    expect(t.call(args, { env })).toMatchObject({ status: 0 });
    expect(Date.now() - begin).toBeGreaterThan(950);
    expect(messages().map(({ descriptors }) => descriptors)).toEqual([0, 0, 1]);
    expect(messages().at(-1)?.text).toBe('BARRIER=1');
  });
  it('run does not wait: it stays', async () => {
    const { env, messages } = await receiver(undefined, 30);
    expect(run('exec say READY=1', { env })).toMatchObject({ status: 0 });
    await until(() => messages().length === 3, 'BARRIER=1');
  });
});

describe('an address at which nobody is', () => {
  const env = { NOTIFY_SOCKET: '/nonexistent/socket' };
  it('does not keep a container from being run', () => {
    expect(run('echo ran', { env })).toMatchObject({ status: 0, stdout: 'ran\n' });
  });
  it.runIf(isTsrun)('fails start, and nothing is started', () => {
    const { id, args } = starting(['create'], 'true');
    expect(t.call(args, { env })).toMatchObject({ status: 0 });
    const { status, stderr } = t.call(['start', id], { env });
    expect(status).toBe(1);
    expect(stderr).toMatch(/connect .*\/nonexistent\/socket.*ENOENT/);
    expect(t.state(id).status).toBe('created');
  });
});

describe('create and start that do not agree', () => {
  it('a container that was created without NOTIFY_SOCKET is not started with it', async () => {
    const { env } = await receiver();
    const { id, args } = starting(['create'], 'true');
    t.call(args);
    expect(t.call(['start', id], { env }).status).toBe(1);
    expect(t.state(id).status).toBe('created');
  });
  it('one that was created with it is started without, and its word goes nowhere', async () => {
    const { env, messages } = await receiver();
    const { id, args } = starting(['create'], 'say READY=1; exec sleep 30');
    t.call(args, { env });
    expect(t.call(['start', id])).toMatchObject({ status: 0, stderr: '' });
    expect(messages()).toEqual([]);
  });
});

it.runIf(isTsrun)('what fails for it is blamed on NOTIFY_SOCKET', async () => {
  const { env } = await receiver();
  const { stderr, status } = run('true', { env }, (config) => {
    config.root.path = t.freshRootfs();
    rmSync(join(config.root.path, 'run'), { recursive: true });
    writeFileSync(join(config.root.path, 'run'), '');
  });
  expect(status).toBe(1);
  expect(stderr).toMatch(/^tsrun: run "[^"]*": NOTIFY_SOCKET: attach: ENOTDIR/);
});
