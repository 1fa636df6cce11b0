/** The client against a bus that answers by a script, in a thread of its own: waiting is synchronous. */
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { setEngine } from '../../../src/engine/current.ts';
import { nodeEngine } from '../../../src/engine/node.ts';
import { type Call, DbusConnection } from '../../../src/linux/dbus.ts';
import {
  ERROR,
  encodeMessage,
  METHOD_RETURN,
  type Message,
  SIGNAL,
} from '../../../src/linux/dbusMessage.ts';
import { close, type Fd } from '../../../src/linux/files.ts';
import { connectUnix } from '../../../src/linux/sockets.ts';
import { monotonicMs } from '../../../src/linux/time.ts';

setEngine(nodeEngine());

/** What the bus says: to the authentication, then to each message it gets. */
interface Script {
  readonly greeting: string;
  readonly answers: readonly Uint8Array[];
  /** Says the last answer again and again, without being asked. */
  readonly babbles?: boolean;
  /** Hangs up behind the last answer. */
  readonly leaves?: boolean;
}

const BUS = `
const { createServer } = require('node:net');
const { parentPort, workerData } = require('node:worker_threads');
const { path, greeting, answers, babbles, leaves } = workerData;
createServer((socket) => {
  socket.on('error', () => {});
  let next = 0;
  let isGreeted = false;
  const answer = () => {
    if (next < answers.length) socket.write(answers[next++]);
    if (leaves && next === answers.length) socket.end();
  };
  socket.on('data', (data) => {
    if (isGreeted) return answer();
    if (greeting !== '' && data.includes('AUTH')) socket.write(greeting);
    if (!data.includes('BEGIN')) return;
    isGreeted = true;
    if (data.indexOf('BEGIN') + 7 < data.length) answer();
    if (!babbles) return;
    const babble = () => { while (socket.write(answers.at(-1))); socket.once('drain', babble); };
    setTimeout(babble, 50);
  });
}).listen(path, () => parentPort.postMessage('ready'));
`;

let directory = '';
let bus: Worker | undefined;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'tsrun-dbus-'));
});
afterEach(async () => {
  await bus?.terminate();
  bus = undefined;
  rmSync(directory, { recursive: true });
});

/** The socket of a bus that keeps to the script. */
async function start(script: Script): Promise<string> {
  const path = join(directory, 'bus');
  const worker = new Worker(BUS, { eval: true, workerData: { path, ...script } });
  bus = worker;
  await new Promise((done, failed) => worker.once('message', done).once('error', failed));
  return path;
}

const NAME = ':1.7';
const message = (facts: Partial<Message>): Uint8Array =>
  encodeMessage({
    type: METHOD_RETURN,
    serial: 9,
    sender: NAME,
    signature: '',
    body: [],
    ...facts,
  });
const hello = message({ replySerial: 1, signature: 's', body: [':1.99'] });
const signal = (sender: string, name: string, text = 'text') =>
  message({
    ...{ type: SIGNAL, sender, path: '/a', interface: 'a.b', member: name },
    ...{ signature: 's', body: [text] },
  });
const CALL: Call = { destination: 'a.b', path: '/a', interface: 'a.b', member: 'Ask', result: 'o' };
const OK = 'OK 0123456789abcdef\r\n';

/** Calls once, with that long to wait. */
function call(path: string, patienceMs = 2000) {
  const deadline = monotonicMs() + patienceMs;
  const connection = new DbusConnection(path, 0, 'bus', deadline);
  try {
    return connection.call(CALL, deadline);
  } finally {
    connection.close();
  }
}

const thrownBy = (attempt: () => unknown): string => {
  try {
    attempt();
  } catch (thrown) {
    return String(thrown);
  }
  return 'nothing';
};

describe('a call on the bus', () => {
  it('gets its result, and who gave it', async () => {
    const result = message({ replySerial: 2, signature: 'o', body: ['/job/1'] });
    const path = await start({ greeting: OK, answers: [hello, result] });
    expect(call(path)).toEqual({ body: ['/job/1'], sender: NAME });
  });
  it('passes over what belongs to another call, and messages of unknown types', async () => {
    const other = message({ replySerial: 77, signature: 'o', body: ['/no'] });
    const odd = message({ type: 9, replySerial: 2 });
    const result = message({ replySerial: 2, signature: 'o', body: ['/yes'] });
    const answer = Buffer.concat([other, odd, result]);
    const path = await start({ greeting: OK, answers: [hello, answer] });
    expect(call(path).body).toEqual(['/yes']);
  });
  it('throws what the other side answers instead, with its name', async () => {
    const refusal = message({
      type: ERROR,
      replySerial: 2,
      errorName: 'a.b.No',
      signature: 's',
      body: ['because'],
    });
    const path = await start({ greeting: OK, answers: [hello, refusal] });
    expect(() => call(path)).toThrow(expect.objectContaining({ errorName: 'a.b.No' }));
  });
  it('refuses a result of another type', async () => {
    const result = message({ replySerial: 2, signature: 's', body: ['/job/1'] });
    const path = await start({ greeting: OK, answers: [hello, result] });
    expect(thrownBy(() => call(path))).toContain('EBADMSG');
  });
  it.each<[string, Uint8Array]>([
    ['no message', new Uint8Array(64).fill(0x61)],
    ['a message of 176 MiB', message({}).with(7, 11)],
    ['a message of another version', message({ replySerial: 2 }).with(3, 2)],
    [
      'bytes behind the body',
      Buffer.concat([message({ replySerial: 2 }).with(4, 8), Buffer.alloc(8)]),
    ],
  ])('refuses %s', async (_what, bytes) => {
    const path = await start({ greeting: OK, answers: [hello, bytes] });
    expect(thrownBy(() => call(path))).toContain('EBADMSG');
  });
  it('gets a result in the other byte order', async () => {
    const text = (value: string) => [...Buffer.from(value), 0];
    const fields = [
      ...[5, 1, ...text('u'), 0, 0, 0, 2], // reply to serial 2
      ...[8, 1, ...text('g'), 1, ...text('o'), 0], // signature, padded to 8
      ...[7, 1, ...text('s'), 0, 0, 0, 4, ...text(NAME)], // sender
    ];
    const body = [0, 0, 0, 6, ...text('/job/1')];
    const length = [0, 0, 0, body.length, 0, 0, 0, 9, 0, 0, 0, fields.length];
    const head = [...Buffer.from('B'), METHOD_RETURN, 0, 1, ...length, ...fields];
    const padding = Array.from({ length: (8 - (head.length % 8)) % 8 }, () => 0);
    const path = await start({
      greeting: OK,
      answers: [hello, Uint8Array.from([...head, ...padding, ...body])],
    });
    expect(call(path)).toEqual({ body: ['/job/1'], sender: NAME });
  });
  it('passes over a message of 3 MiB, which anyone may send', async () => {
    const facts = { type: SIGNAL, path: '/a', interface: 'a.b', member: 'Large' };
    const empty = Buffer.from(message({ ...facts, signature: 's', body: [''] }));
    const text = Buffer.alloc(3 << 20, 'x');
    empty.writeUInt32LE(text.length + 5, 4);
    empty.writeUInt32LE(text.length, empty.length - 5);
    const large = Buffer.concat([empty.subarray(0, -1), text, Buffer.alloc(1)]);
    const result = message({ replySerial: 2, signature: 'o', body: ['/job/1'] });
    const path = await start({ greeting: OK, answers: [hello, Buffer.concat([large, result])] });
    expect(call(path, 10_000).body).toEqual(['/job/1']);
  });
  it.each<[string, Script]>([
    ['behind its greeting', { greeting: OK, answers: [], leaves: true }],
    ['before it answers', { greeting: OK, answers: [hello], leaves: true }],
    [
      'in the middle of its answer',
      {
        greeting: OK,
        answers: [
          hello,
          message({ replySerial: 2, signature: 'o', body: ['/job/1'] }).subarray(0, 40),
        ],
        leaves: true,
      },
    ],
  ])('ends with EPIPE when the bus hangs up %s', async (_what, script) => {
    const path = await start(script);
    expect(thrownBy(() => call(path))).toMatch(/EPIPE|ECONNRESET/);
  });
  it('is refused when the bus does not know who asks', async () => {
    const path = await start({ greeting: 'REJECTED EXTERNAL\r\n', answers: [] });
    expect(thrownBy(() => call(path))).toMatch(/REJECTED.*EACCES/);
  });
  it('refuses a greeting that does not end', async () => {
    const path = await start({ greeting: 'O'.repeat(100_000), answers: [] });
    expect(thrownBy(() => call(path))).toContain('EBADMSG');
  });
});

describe('a signal', () => {
  /** What the first `Done` says, which comes between these and the result of a call. */
  const firstOf = async (signals: readonly Uint8Array[]) => {
    const result = message({ replySerial: 3, signature: 'o', body: ['/job/1'] });
    const matched = message({ replySerial: 2 });
    const answers = [hello, matched, Buffer.concat([...signals, result])];
    const path = await start({ greeting: OK, answers });
    const deadline = monotonicMs() + 2000;
    const connection = new DbusConnection(path, 0, 'bus', deadline);
    const about = { sender: 'a.b', path: '/a', interface: 'a.b' };
    connection.expect({ ...about, member: 'Done' }, deadline);
    const { sender } = connection.call(CALL, deadline);
    const { body } = connection.nextSignal(sender, deadline);
    connection.close();
    return body;
  };

  it('counts only when it is from who was asked: on a bus anyone may send one', async () => {
    const both = [signal(':1.666', 'Done', 'forged'), signal(NAME, 'Done', 'real')];
    expect(await firstOf(both)).toEqual(['real']);
  });
  it('is passed over, its body unread, when it is another than was asked for', async () => {
    // Its one string ends behind the message.
    const other = signal(NAME, 'Noise', 'other');
    other[other.length - 10] = 99;
    expect(await firstOf([other, signal(NAME, 'Done', 'real')])).toEqual(['real']);
  });
});

describe('a deadline', () => {
  const timed = (attempt: () => unknown) => {
    const before = monotonicMs();
    return { thrown: thrownBy(attempt), ms: monotonicMs() - before };
  };
  const inTime = { thrown: expect.stringContaining('ETIMEDOUT'), ms: expect.any(Number) };

  it.each<[string, Script]>([
    ['a bus that says nothing', { greeting: '', answers: [] }],
    ['one that greets and then is silent', { greeting: OK, answers: [] }],
    ['one that never answers the call', { greeting: OK, answers: [hello] }],
    [
      'one that talks without a pause, of other things',
      { greeting: OK, answers: [hello, signal(NAME, 'Noise')], babbles: true },
    ],
  ])('ends the waiting for %s', async (_what, script) => {
    const path = await start(script);
    const { thrown, ms } = timed(() => call(path, 300));
    expect({ thrown, ms }).toEqual(inTime);
    expect(ms).toBeGreaterThanOrEqual(299);
    expect(ms).toBeLessThan(2000);
  });

  it('ends the waiting for one that accepts nobody', async () => {
    const path = join(directory, 'full');
    const server = createServer();
    await new Promise<void>((done) => server.listen({ path, backlog: 1 }, done));
    const held: Fd[] = [];
    const fill = () => {
      for (let i = 0; i < 5; i += 1) held.push(connectUnix(path, 100));
    };
    expect(thrownBy(fill)).toContain('EAGAIN');
    const { thrown, ms } = timed(() => call(path, 300));
    for (const fd of held) close(fd);
    server.close();
    expect({ thrown, ms }).toEqual(inTime);
    expect(ms).toBeLessThan(2000);
  });
});
