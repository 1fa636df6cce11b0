/** The verbs of the runtime specification and runc's exit statuses and words for their errors. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { cgroupsOf, isTsrun, until, useContainers } from './runtime.ts';

const t = useContainers();
const sleeper = (config: { process: { args: string[] } }) => {
  config.process.args = ['sleep', '1000'];
};

describe('run', () => {
  it('prints what the process prints and exits 0', () => {
    const result = t.sh('echo out; echo err >&2');
    expect(result).toEqual({ status: 0, stdout: 'out\n', stderr: 'err\n' });
  });
  it("exits with the process's status", () => {
    expect(t.sh('exit 42').status).toBe(42);
  });
  it('exits with 128+N when the process was ended by signal N', () => {
    const killed = (config: { linux: { namespaces: { type: string }[] } }) => {
      // As PID 1 of a namespace the process could not signal itself.
      config.linux.namespaces = config.linux.namespaces.filter((one) => one.type !== 'pid');
    };
    expect(t.sh('kill -TERM $$', killed).status).toBe(143);
  });
  it('hands on standard input', () => {
    expect(t.sh('cat', undefined, { input: 'to be read' }).stdout).toBe('to be read');
  });
  it('leaves no state behind', () => {
    const id = t.newId();
    expect(t.call(['run', '--bundle', t.bundle(), id]).status).toBe(0);
    expect(existsSync(join(t.stateRoot, id))).toBe(false);
    expect(cgroupsOf(id)).toEqual([]);
  });
  it('keeps the stopped container with --keep', () => {
    const id = t.newId();
    expect(t.call(['run', '--keep', '--bundle', t.bundle(), id]).status).toBe(0);
    expect(t.state(id)).toMatchObject({ status: 'stopped', pid: 0 });
    t.delete(id);
  });
  it('returns at once with --detach, and the container runs on', () => {
    const id = t.newId();
    expect(t.call(['run', '--detach', '--bundle', t.bundle(sleeper), id]).status).toBe(0);
    expect(t.state(id).status).toBe('running');
  });
  it('takes the bundle from the working directory', () => {
    expect(t.call(['run', t.newId()], { cwd: t.bundle() }).status).toBe(0);
  });
  it('forwards signals to the process', async () => {
    const id = t.newId();
    const script = 'trap "echo got it; exit 7" USR1; echo ready; while :; do sleep 0.1; done';
    const bundle = t.bundle((config) => {
      config.process.args = ['sh', '-c', script];
    });
    const running = t.spawn(['run', '--bundle', bundle, id]);
    await until(() => running.stdout().includes('ready'), 'the trap to be set');
    running.child.kill('SIGUSR1');
    expect(await running.ended).toEqual({ status: 7, stdout: 'ready\ngot it\n', stderr: '' });
  });
  it('reports a program that is not there and leaves nothing', () => {
    const id = t.newId();
    const bundle = t.bundle((config) => {
      config.process.args = ['no-such-program'];
    });
    const result = t.call(['run', '--bundle', bundle, id]);
    expect(result.status).toBe(1);
    expect(result.stderr).toContain('executable file not found in $PATH');
    expect(existsSync(join(t.stateRoot, id))).toBe(false);
    expect(cgroupsOf(id)).toEqual([]);
  });
  it('reports a missing absolute program as the file system does', () => {
    const result = t.run((config) => {
      config.process.args = ['/no/such/program'];
    });
    expect(result.status).toBe(1);
    expect(result.stderr.toLowerCase()).toContain('no such file or directory');
  });
  it('reports a program that may not be executed', () => {
    const result = t.run((config) => {
      config.process.args = ['/etc/passwd'];
    });
    expect(result.status).toBe(1);
    expect(result.stderr.toLowerCase()).toContain('permission denied');
  });
});

describe('create, start, delete', () => {
  it('goes through created, running and stopped', async () => {
    const created = t.create((config) => {
      config.process.args = ['sh', '-c', 'echo started; exec sleep 1000'];
    });
    expect(created.result).toMatchObject({ status: 0, stderr: '' });
    const { id } = created;
    expect(t.state(id)).toMatchObject({ id, status: 'created', bundle: created.bundle });
    expect(created.output()).toBe('');

    expect(t.call(['start', id])).toMatchObject({ status: 0, stdout: '', stderr: '' });
    expect(t.state(id).status).toBe('running');
    await until(() => created.output() === 'started\n', 'the process to write');

    expect(t.call(['kill', id, 'KILL']).status).toBe(0);
    await t.waitFor(id, 'stopped');
    expect(t.call(['delete', id])).toMatchObject({ status: 0, stdout: '', stderr: '' });
    expect(existsSync(join(t.stateRoot, id))).toBe(false);
    expect(cgroupsOf(id)).toEqual([]);
  });
  it('start refuses a container that runs, and one that has stopped', async () => {
    const { id } = t.create(sleeper);
    expect(t.call(['start', id]).status).toBe(0);
    const again = t.call(['start', id]);
    expect(again.status).toBe(1);
    expect(again.stderr).toContain('cannot start an already running container');
    t.call(['kill', id, 'KILL']);
    await t.waitFor(id, 'stopped');
    const late = t.call(['start', id]);
    expect(late.status).toBe(1);
    expect(late.stderr).toContain('cannot start a container that has stopped');
  });
  it('delete refuses a running container', () => {
    const { id } = t.create(sleeper);
    t.call(['start', id]);
    const result = t.call(['delete', id]);
    expect(result.status).toBe(1);
    expect(result.stderr).toContain(`cannot delete container ${id} that is not stopped: running`);
    expect(t.state(id).status).toBe('running');
  });
  it('delete ends a created container that never ran', () => {
    const created = t.create(sleeper);
    const { pid } = t.state(created.id);
    expect(t.call(['delete', created.id]).status).toBe(0);
    expect(existsSync(`/proc/${pid}/root/bin`)).toBe(false);
  });
  it('delete --force ends a running container', () => {
    const { id } = t.create(sleeper);
    t.call(['start', id]);
    const { pid } = t.state(id);
    expect(t.call(['delete', '--force', id])).toMatchObject({ status: 0 });
    expect(existsSync(`/proc/${pid}/root/bin`)).toBe(false);
    expect(t.call(['state', id]).status).toBe(1);
  });
  it('refuses an id that is taken', () => {
    const { id } = t.create(sleeper);
    const again = t.call(['create', '--bundle', t.bundle(), id]);
    expect(again.status).toBe(1);
    expect(again.stderr).toContain('container with given ID already exists');
    expect(t.state(id).status).toBe('created');
  });
  it.each(['', '.', '..', 'a/b', '../up', 'a b', 'ä'])('refuses %j as an id', (id) => {
    const result = t.call(['create', '--bundle', t.bundle(), id]);
    expect(result.status).toBe(1);
    expect(result.stderr).toMatch(/invalid container ID format|id cannot be empty/i);
  });
  it('takes letters, digits, _, +, - and . in an id', () => {
    const id = t.newId('_aZ9+-.x');
    expect(t.call(['run', '--bundle', t.bundle(), id]).status).toBe(0);
  });
  it('names a bundle without config.json', () => {
    const result = t.call(['create', '--bundle', t.newDirectory(), t.newId()]);
    expect(result.status).toBe(1);
    expect(result.stderr).toContain('JSON specification file config.json not found');
  });
  it('says when an interpreter is missing at start, not before', () => {
    const rootfs = t.freshRootfs();
    writeFileSync(join(rootfs, 'bin/orphan'), '#!/no/interpreter\n', { mode: 0o755 });
    const { id, result } = t.create((config) => {
      config.root.path = rootfs;
      config.process.args = ['/bin/orphan'];
    });
    expect(result.status).toBe(0);
    if (!isTsrun) return; // runc's start succeeds; its error is on the container's standard error
    const start = t.call(['start', id]);
    expect(start.status).toBe(1);
    expect(start.stderr.toLowerCase()).toContain('no such file or directory');
  });
});

describe('unknown containers', () => {
  it.each([['state'], ['start'], ['kill'], ['delete']])('%s says that there is none', (verb) => {
    const result = t.call([verb, `${t.mark}-none`]);
    expect(result.status).toBe(1);
    expect(result.stderr).toContain('container does not exist');
  });
  it('delete --force is content when there is none', () => {
    expect(t.call(['delete', '--force', `${t.mark}-none`]).status).toBe(0);
  });
});

describe('kill', () => {
  it.each([
    ['TERM', 15],
    ['SIGTERM', 15],
    ['sigusr1', 10],
    ['hup', 1],
    ['12', 12],
  ])('sends %s', async (name, number) => {
    const traps = 'for s in 1 10 12 15; do trap "echo $s; exit" $s; done';
    const { id, output } = t.create((config) => {
      config.process.args = ['sh', '-c', `${traps}; echo ready; while :; do sleep 0.05; done`];
    });
    t.call(['start', id]);
    await until(() => output().includes('ready'), 'the traps to be set');
    expect(t.call(['kill', id, name])).toMatchObject({ status: 0, stderr: '' });
    await t.waitFor(id, 'stopped');
    expect(output()).toBe(`ready\n${number}\n`);
  });
  it('sends SIGTERM when none is named', async () => {
    const { id, output } = t.create((config) => {
      const script = 'trap "echo term; exit" TERM; echo ready; while :; do sleep 0.05; done';
      config.process.args = ['sh', '-c', script];
    });
    t.call(['start', id]);
    await until(() => output().includes('ready'), 'the trap to be set');
    t.call(['kill', id]);
    await t.waitFor(id, 'stopped');
    expect(output()).toBe('ready\nterm\n');
  });
  it('ends a created container', async () => {
    const { id } = t.create(sleeper);
    expect(t.call(['kill', id, 'KILL']).status).toBe(0);
    await t.waitFor(id, 'stopped');
  });
  it('refuses a stopped container, unless --all is given', async () => {
    const { id } = t.create((config) => {
      config.process.args = ['true'];
    });
    t.call(['start', id]);
    await t.waitFor(id, 'stopped');
    const result = t.call(['kill', id]);
    expect(result.status).toBe(1);
    expect(result.stderr).toContain('container not running');
    expect(t.call(['kill', '--all', id, '9']).status).toBe(0);
  });
  it('--all reaches processes that outlived the first one, without a pid namespace', async () => {
    const { id } = t.create((config) => {
      config.process.args = ['sh', '-c', 'sleep 1000 & exec sleep 1001'];
      config.linux.namespaces = config.linux.namespaces.filter((one) => one.type !== 'pid');
    });
    t.call(['start', id]);
    const processes = () =>
      cgroupsOf(id).flatMap((path) =>
        readFileSync(join(path, 'cgroup.procs'), 'utf8').split('\n').filter(Boolean),
      );
    await until(() => new Set(processes()).size === 2, 'both processes');
    expect(t.call(['kill', '--all', id, 'KILL']).status).toBe(0);
    await until(() => processes().length === 0, 'both processes to end');
  });
  it('SIGKILL is no failure where it ends init with the others, in a shared pid namespace', async () => {
    for (let tries = 0; tries < 8; tries++) {
      const { id } = t.create((config) => {
        config.process.args = ['sh', '-c', 'sleep 1000 & exec sleep 1001'];
        config.linux.namespaces = config.linux.namespaces.filter((one) => one.type !== 'pid');
      });
      t.call(['start', id]);
      expect(t.call(['kill', id, 'KILL'])).toMatchObject({ status: 0, stderr: '' });
      await t.waitFor(id, 'stopped');
      t.delete(id);
    }
  });
  it('--all signals each process once', async () => {
    const { id, output } = t.create((config) => {
      const count =
        'n=0; trap "n=\\$((n+1))" USR1; echo ready; while :; do sleep 0.05; echo $n; done';
      config.process.args = ['sh', '-c', count];
    });
    t.call(['start', id]);
    await until(() => output().includes('ready'), 'the trap');
    expect(t.call(['kill', '--all', id, 'USR1']).status).toBe(0);
    const lines = output().split('\n').length;
    await until(() => output().split('\n').length > lines + 5, 'more of the count');
    expect(output().split('\n').at(-2)).toBe('1');
  });
  it.each(['NOSUCH', '999', '-1'])('refuses %j as a signal', (signal) => {
    const { id } = t.create(sleeper);
    const result = t.call(['kill', id, signal]);
    expect(result.status).toBe(1);
    expect(t.state(id).status).toBe('created');
  });
});

describe('state', () => {
  it('tells id, bundle, version, pid, creation and annotations', () => {
    const { id, bundle } = t.create((config) => {
      sleeper(config);
      config.annotations = { 'org.example.key': 'value', 'org.example.empty': '' };
    });
    const state: unknown = JSON.parse(t.call(['state', id]).stdout);
    expect(state).toMatchObject({
      id,
      bundle,
      status: 'created',
      rootfs: t.rootfs,
      pid: expect.any(Number),
      annotations: { 'org.example.key': 'value', 'org.example.empty': '' },
      created: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z$/),
      ociVersion: expect.stringMatching(/^1\.\d+\.\d+/),
    });
  });
  it('leaves annotations out when there are none', () => {
    const { id } = t.create(sleeper);
    expect(t.state(id)).not.toHaveProperty('annotations');
  });
  it("knows a stopped container's bundle still, with pid 0", async () => {
    const { id, bundle } = t.create((config) => {
      config.process.args = ['true'];
    });
    t.call(['start', id]);
    await t.waitFor(id, 'stopped');
    expect(t.state(id)).toMatchObject({ id, bundle, pid: 0 });
  });
});

describe('list', () => {
  it('shows ids, pids, states, bundles and owners', () => {
    const { id, bundle } = t.create(sleeper);
    const { pid } = t.state(id);
    const table = t.call(['list']).stdout.split('\n');
    expect(table[0]).toMatch(/^ID +PID +STATUS +BUNDLE +CREATED +OWNER$/);
    const row = table.find((line) => line.startsWith(id));
    expect(row?.split(/ {2,}/)).toMatchObject([
      id,
      `${pid}`,
      'created',
      bundle,
      expect.any(String),
      'root',
    ]);
    expect(JSON.parse(t.call(['list', '--format', 'json']).stdout)).toMatchObject([
      { id, pid, bundle, status: 'created', owner: 'root' },
    ]);
    expect(t.call(['list', '--quiet']).stdout).toBe(`${id}\n`);
    expect(t.call(['list', '-q']).stdout).toBe(`${id}\n`);
  });
  it('is null in JSON when there are no containers', () => {
    expect(t.call(['list', '-f', 'json']).stdout.trim()).toBe('null');
  });
  it('refuses a format it does not know', () => {
    expect(t.call(['list', '--format', 'xml']).status).toBe(1);
  });
});

describe('--pid-file', () => {
  it('holds the pid as the host sees it, without a newline, when create returns', () => {
    const pidFile = join(t.newDirectory(), 'pid');
    const { id } = t.create(sleeper, ['--pid-file', pidFile]);
    expect(readFileSync(pidFile, 'utf8')).toBe(`${t.state(id).pid}`);
  });
  it('is relative to the working directory, not to the bundle', () => {
    const { id } = t.create(sleeper, ['--pid-file', 'relative.pid']);
    expect(readFileSync(join(t.directory, 'relative.pid'), 'utf8')).toBe(`${t.state(id).pid}`);
  });
});

describe('arguments', () => {
  it.each([
    [['create']],
    [['start']],
    [['state']],
    [['kill']],
    [['delete']],
    [['create', 'one', 'two']],
    [['no-such-verb']],
    [['run', '--no-such-option', 'id']],
  ])('%j fails with a message', (args) => {
    const result = t.call(args);
    expect(result.status).not.toBe(0);
    expect(result.stderr + result.stdout).not.toBe('');
  });
  it('options stand in front of the id or are written as runc writes them', () => {
    const bundle = t.bundle();
    expect(t.call(['run', `--bundle=${bundle}`, t.newId()]).status).toBe(0);
    expect(t.call(['run', '-b', bundle, t.newId()]).status).toBe(0);
    expect(t.call(['run', '-bundle', bundle, t.newId()]).status).toBe(0);
    expect(t.call(['run', '--no-pivot=false', '-b', bundle, t.newId()]).status).toBe(0);
  });
});

describe('--log', () => {
  it('json holds the error as engines read it: level, msg, time', () => {
    const log = join(t.newDirectory(), 'log.json');
    const bundle = t.bundle((config) => {
      config.process.args = ['no-such-program'];
    });
    const options = ['--log', log, '--log-format', 'json'];
    const result = t.call([...options, 'run', '--bundle', bundle, t.newId()]);
    expect(result.status).toBe(1);
    const lines = readFileSync(log, 'utf8').trim().split('\n');
    const last: unknown = JSON.parse(lines.at(-1) ?? '');
    expect(last).toMatchObject({
      level: 'error',
      msg: expect.stringContaining('executable file not found in $PATH'),
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(Z|[+-]\d\d:\d\d)$/),
    });
    expect(result.stderr).toContain('executable file not found in $PATH');
  });
  it('is appended to', () => {
    const log = join(t.newDirectory(), 'log');
    writeFileSync(log, 'before\n');
    t.call(['--log', log, 'state', `${t.mark}-none`]);
    expect(readFileSync(log, 'utf8')).toMatch(/^before\n.*level=error msg=.*does not exist/);
  });
});

describe('--version', () => {
  it('says name, version and the specification it follows, a line each', () => {
    const result = t.call(['--version']);
    expect(result.status).toBe(0);
    expect(result.stdout).toMatch(/^\w+ version \S+\n(commit: .*\n)?spec: 1\.\d+\.\d+.*\n/);
  });
});

describe('spec', () => {
  it('writes a config.json that runs, and never over one', () => {
    const bundle = t.newDirectory();
    expect(t.call(['spec', '--bundle', bundle]).status).toBe(0);
    const file = join(bundle, 'config.json');
    const config = JSON.parse(readFileSync(file, 'utf8')) as {
      process: { terminal: boolean; args: string[] };
      root: { path: string };
    };
    expect(config.process.args).toEqual(['sh']);
    config.process.terminal = false;
    config.process.args = ['echo', 'made by spec'];
    config.root.path = t.rootfs;
    writeFileSync(file, JSON.stringify(config));
    const result = t.call(['run', '--bundle', bundle, t.newId()]);
    expect(result).toEqual({ status: 0, stdout: 'made by spec\n', stderr: '' });
    const again = t.call(['spec', '--bundle', bundle]);
    expect(again.status).toBe(1);
    expect(again.stderr).toContain('File config.json exists. Remove it first');
  });
});
