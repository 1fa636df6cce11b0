import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { setEngine } from '../../../src/engine/current.ts';
import { nodeEngine } from '../../../src/engine/node.ts';
import { memoryFile, sealedProgram } from '../../../src/linux/descriptors.ts';
import { close, closing, open, readAll, writeExisting } from '../../../src/linux/files.ts';
import { isAlive, signalProcess, waitUntilEnded } from '../../../src/linux/pidfd.ts';
import { getpid, kill, readProcess, spawn, waitFor } from '../../../src/linux/processes.ts';
import { packetPair, receive, send } from '../../../src/linux/sockets.ts';

setEngine(nodeEngine());

const sh = (script: string, keep: readonly number[] = []) =>
  spawn({ path: '/bin/sh', args: ['sh', '-c', script], env: ['NAME=value'], keep });

/** A process that sleeps, its identity, and its end. */
function withSleeper(use: (sleeper: { pid: number; startTime: number }) => void): void {
  const pid = spawn({ path: '/bin/sleep', args: ['sleep', '100'], env: [], keep: [] });
  try {
    use({ pid, startTime: readProcess(pid)?.startTime ?? 0 });
  } finally {
    kill(pid, 9);
    waitFor(pid);
  }
}

describe('spawn', () => {
  it('ends with the exit status, or the signal', () => {
    expect(waitFor(sh('exit 7'))).toEqual({ status: 7 });
    expect(waitFor(sh('kill -9 $$'))).toEqual({ signal: 9 });
  });
  it('gives the environment and the descriptors it was told, and no others', () => {
    const given = memoryFile('given', new Uint8Array(0));
    const other = open('/dev/null', 0);
    const leaked = `$(test -e /proc/self/fd/${other} && echo leaked)`;
    waitFor(sh(`echo "$NAME ${leaked}" >/proc/self/fd/${given}`, [given]));
    expect(readFileSync(`/proc/self/fd/${given}`, 'utf8')).toBe('value \n');
    for (const fd of [given, other]) close(fd);
  });
  it('says what cannot be executed', () => {
    const none = { path: '/no/such/program', args: [], env: [], keep: [] };
    expect(() => spawn(none)).toThrow(
      expect.objectContaining({ call: 'posix_spawn', errno: 2, detail: '/no/such/program' }),
    );
  });
  it('runs a sealed copy, which nobody can write to any more', () => {
    const program = sealedProgram('a-copy', readFileSync('/bin/true'));
    const path = `/proc/self/fd/${program}`;
    expect(waitFor(spawn({ path, args: ['true'], env: [], keep: [] }))).toEqual({ status: 0 });
    expect(() => writeExisting(path, 'x')).toThrow(expect.objectContaining({ errno: 1 }));
    close(program);
  });
});

describe('waitFor', () => {
  it('is undefined for what is no child', () => {
    expect(waitFor(getpid())).toBeUndefined();
  });
});

describe('readProcess', () => {
  it('tells name, state and start of this process', () => {
    const facts = readProcess(getpid());
    expect(facts?.state).toMatch(/^[RSD]$/);
    expect(facts?.comm).toBe(readFileSync('/proc/self/comm', 'utf8').trim());
    const ticks = readFileSync('/proc/self/stat', 'utf8').split(') ')[1]?.split(' ')[19];
    expect(facts?.startTime).toBe(Number(ticks));
  });
  it('is undefined when there is no such process', () => {
    expect(readProcess(2 ** 22 + 1)).toBeUndefined();
  });
});

describe('a process named by pid and start', () => {
  it('is signalled, waited for, and then not alive although nobody has reaped it', () => {
    withSleeper((sleeper) => {
      expect(isAlive(sleeper)).toBe(true);
      expect(waitUntilEnded(sleeper, 0)).toBe(false);
      expect(signalProcess(sleeper, 15)).toBe(true);
      expect(waitUntilEnded(sleeper, 5000)).toBe(true);
      expect(isAlive(sleeper)).toBe(false);
    });
  });
  it('is not the one that has the number now', () => {
    withSleeper((sleeper) => {
      const earlier = { ...sleeper, startTime: sleeper.startTime - 1 };
      expect(isAlive(earlier)).toBe(false);
      expect(signalProcess(earlier, 9)).toBe(false);
      expect(waitUntilEnded(earlier, 5000)).toBe(true);
      expect(isAlive(sleeper)).toBe(true);
    });
  });
});

describe('messages', () => {
  it('carry descriptors, which are close-on-exec where they arrive', () => {
    const [a, b] = packetPair();
    const file = memoryFile('carried', new TextEncoder().encode('content'));
    send(a, new TextEncoder().encode('hello'), [file]);
    const { data, fds } = receive(b, 100);
    expect(new TextDecoder().decode(data)).toBe('hello');
    expect(fds).toHaveLength(1);
    expect(readFileSync(`/proc/self/fdinfo/${fds[0]}`, 'utf8')).toMatch(/flags:\s+0?2\d{6}$/m);
    expect(closing(fds[0] ?? -1, readAll)).toHaveLength(7);
    close(a);
    expect(receive(b, 100)).toEqual({ data: new Uint8Array(0), fds: [] });
    for (const fd of [b, file]) close(fd);
  });
  it('to a closed peer are EPIPE, and no signal', () => {
    const [a, b] = packetPair();
    close(b);
    expect(() => send(a, new Uint8Array(1))).toThrow(expect.objectContaining({ errno: 32 }));
    close(a);
  });
});
