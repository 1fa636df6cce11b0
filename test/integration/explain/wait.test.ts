/** How a container ended, told after the fact and without a process that waits for it. */
import { readFileSync } from 'node:fs';
import { release } from 'node:os';
import { describe, expect, it } from 'vitest';
import type { Config } from '../config.ts';
import { isTsrun, useContainers } from '../runtime.ts';

const t = useContainers();

const [major = 0, minor = 0] = release().split('.').map(Number);
const keepsStatus = major > 6 || (major === 6 && minor >= 15);

const script = (text: string) => (config: Config) => {
  config.process.args = ['sh', '-c', text];
};
const ended = (id: string) => {
  const { stdout } = t.call(['wait', '--format', 'json', id]);
  return JSON.parse(stdout) as Record<string, unknown>;
};
const state = (id: string) => t.state(id) as unknown as Record<string, unknown>;

/** Created by a shell that then waits for init as conmon does, and reaps it. */
function reaped(edit: (config: Config) => void, flags: readonly string[]): string {
  const id = t.newId();
  const bundle = t.bundle(edit);
  const reaper = ['python3', '-c', REAPER];
  const created = t.call(['create', ...flags, '--bundle', bundle, id], { prefix: reaper });
  expect(created.status, created.stderr).toBe(0);
  return id;
}

/** Becomes a subreaper, creates and starts the container, and waits until nothing is left to reap. */
const REAPER = `
import ctypes, os, subprocess, sys
ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)
args = sys.argv[1:]
create = subprocess.run(args)
if create.returncode: sys.exit(create.returncode)
subprocess.run([*args[:args.index('create')], 'start', args[-1]], check=True)
try:
    while True: os.wait()
except ChildProcessError: pass
`;

describe.runIf(isTsrun && keepsStatus)('create --keep-status', () => {
  it.each([
    ['exit 0', { exitStatus: 0 }],
    ['exit 7', { exitStatus: 7 }],
    ['kill -KILL $$', { exitSignal: 'SIGKILL', oomKilled: false }],
  ])(
    '%s is known after the container was reaped and no process of tsrun is left',
    (text, expected) => {
      const edit = (config: Config) => {
        script(text)(config);
        // PID 1 of a namespace of its own cannot be killed by itself.
        config.linux.namespaces = config.linux.namespaces.filter(({ type }) => type !== 'pid');
      };
      const id = reaped(edit, ['--keep-status']);
      expect(state(id)).toMatchObject({ status: 'stopped', ...expected });
      expect(ended(id)).toEqual(expected);
      expect(t.call(['delete', id])).toMatchObject({ status: 0, stderr: '' });
      expect(readFileSync('/proc/mounts', 'utf8')).not.toContain(`${id}/init.pidfd`);
    },
  );

  it('without it, the ending of a container that was reaped is not known, and said so', () => {
    const id = reaped(script('exit 3'), []);
    expect(state(id)).not.toHaveProperty('exitStatus');
    const { status, stderr } = t.call(['wait', id]);
    expect(status).toBe(1);
    expect(stderr).toContain('how the container ended is not known');
  });
});

/** Whoever is PID 1 here may reap an init before it is asked about; where it can be, its status is kept. */
const kept = keepsStatus ? ['--keep-status'] : [];

describe.runIf(isTsrun)('wait', () => {
  it('waits for a container that runs, and prints its status', () => {
    const { id } = t.create(script('sleep 0.3; exit 5'), kept);
    t.call(['start', id]);
    expect(t.call(['wait', id])).toEqual({ status: 0, stdout: '5\n', stderr: '' });
    expect(state(id)['status']).toBe('stopped');
  });

  it('tells a signal as 128 and its number', () => {
    const { id } = t.create(script('sleep 1000'), kept);
    t.call(['start', id]);
    t.call(['kill', id, 'KILL']);
    expect(t.call(['wait', id]).stdout).toBe('137\n');
    if (keepsStatus) expect(ended(id)).toEqual({ exitSignal: 'SIGKILL', oomKilled: false });
  });

  it('tells that the kernel has killed for memory', () => {
    const { id } = t.create((config) => {
      config.process.args = ['tail', '/dev/zero'];
      config.linux.resources = { memory: { limit: 8_000_000, swap: 8_000_000 } };
    }, kept);
    t.call(['start', id]);
    expect(ended(id)).toEqual({ exitSignal: 'SIGKILL', oomKilled: true });
    if (keepsStatus) {
      expect(state(id)).toMatchObject({ exitSignal: 'SIGKILL', oomKilled: true });
    }
  });

  it('of run --keep in the foreground is what run ended with', () => {
    const id = t.newId();
    const run = t.call([
      'run',
      '--keep',
      '--keep-status',
      '--bundle',
      t.bundle(script('exit 9')),
      id,
    ]);
    expect(run.status).toBe(9);
    if (keepsStatus) expect(t.call(['wait', id]).stdout).toBe('9\n');
  });

  it('refuses a container that does not exist', () => {
    expect(t.call(['wait', `${t.mark}-none`]).stderr).toContain('container does not exist');
  });
});
