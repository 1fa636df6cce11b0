/** --trace: what was performed, when, how long it took, and what hooks said. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Config } from '../config.ts';
import { isTsrun, useContainers } from '../runtime.ts';

const t = useContainers();

interface Line {
  readonly step: number;
  readonly actor: string;
  readonly origin: string;
  readonly call: string;
  readonly start: number;
  readonly took: number;
  readonly error?: string;
  readonly output?: string;
}

const read = (file: string): Line[] =>
  readFileSync(file, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Line);

const hook = (script: string) => ({ path: '/bin/sh', args: ['sh', '-c', script] });
const withHooks = (config: Config) => {
  config.hooks = {
    createRuntime: [hook('sleep 0.05; echo from runtime')],
    createContainer: [hook('echo from inside >&2')],
    startContainer: [hook('echo at start')],
    poststart: [hook('echo at last')],
  };
};

describe.runIf(isTsrun)('--trace', () => {
  it('of create and start has every step of the plan that can be, in order, with its time', () => {
    const [created, started] = [join(t.newDirectory(), 'a'), join(t.newDirectory(), 'b')];
    const { id, bundle } = t.create(withHooks, ['--trace', created]);
    expect(t.call(['start', '--trace', started, id])).toMatchObject({ status: 0, stderr: '' });
    const plan = JSON.parse(t.call(['plan', '--format', 'json', bundle]).stdout).steps as {
      actor: string;
      origin: string;
      call: string;
      ignore?: unknown;
    }[];
    const lines = [
      ...read(created).filter(({ call }) => !call.startsWith('accept(')),
      ...read(started),
    ];
    const performed = new Map(lines.map((line) => [line.step, line]));
    const missing = plan.filter(
      ({ ignore }, index) => ignore === undefined && !performed.has(index),
    );
    // A step that lacks the slot of an ignored one is skipped; all others are there.
    expect(missing.length).toBeLessThan(plan.length / 20);
    for (const line of lines.filter(({ step }) => step < plan.length)) {
      expect(line).toMatchObject({
        actor: plan[line.step]?.actor,
        origin: plan[line.step]?.origin,
      });
      expect(line.took).toBeGreaterThanOrEqual(0);
      expect(line.took).toBeLessThan(10_000_000);
    }
    const starts = read(created).map(({ start }) => start);
    expect(starts).toEqual([...starts].sort((a, b) => a - b));
    const output = (kind: string) =>
      lines.find(({ origin }) => origin.startsWith(`/hooks/${kind}/`));
    expect(output('createRuntime')?.output).toMatch(
      /^exit status 0, stdout: from runtime, stderr: , took \d+ ms$/,
    );
    expect(output('createRuntime')?.took).toBeGreaterThan(50_000);
    expect(output('createContainer')?.output).toContain('stderr: from inside');
    expect(output('startContainer')?.output).toContain('stdout: at start');
    expect(output('poststart')?.output).toContain('stdout: at last');
    const drawn = t.call(['plan', '--timing', created]);
    expect(drawn.stdout).toMatch(/runtime hook\(path="\/bin\/sh".*from runtime/);
    expect(drawn.stdout).toMatch(/by property:\n +\d+\.\d µs {2}hooks\.createRuntime/);
  });

  it('of a run that fails ends with the step that failed', () => {
    const file = join(t.newDirectory(), 'trace');
    const { status } = t.run(
      (config) => {
        config.mounts.push({ destination: '/mnt', source: '/no/such', options: ['bind'] });
      },
      ['--trace', file],
    );
    expect(status).toBe(1);
    const last = read(file).at(-1);
    expect(last).toMatchObject({ origin: '/mounts/6', error: 'ENOENT' });
  });

  it('of run in the foreground goes on to execve, and the status is the program’s', () => {
    const file = join(t.newDirectory(), 'trace');
    const { status } = t.run(
      (config) => {
        config.process.args = ['sh', '-c', 'exit 7'];
      },
      ['--trace', file],
    );
    expect(status).toBe(7);
    expect(read(file).at(-1)?.call).toMatch(/^execve\(/);
  });

  it('start says that create was not traced', () => {
    const { id } = t.create(() => {});
    const { status, stderr } = t.call(['start', '--trace', join(t.newDirectory(), 'x'), id]);
    expect(status).toBe(1);
    expect(stderr).toContain('created with --trace');
  });
});

describe.runIf(isTsrun)('a hook that fails', () => {
  it('is named with its command, time, exit status and output', () => {
    const { status, stderr } = t.run((config) => {
      config.hooks = { createRuntime: [hook('exit 0'), hook('echo no bridge >&2; exit 3')] };
    });
    expect(status).toBe(1);
    expect(stderr).toMatch(
      /hooks\.createRuntime\[1\] \("\/bin\/sh"\): exit status 3, stdout: , stderr: no bridge, took \d+ ms \(command: \/bin\/sh -c echo no bridge >&2; exit 3\)/,
    );
  });
});
