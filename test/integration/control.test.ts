/** pause, resume and ps: what stops, what goes on, who is listed. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { addNamespace, type Config } from './config.ts';
import { cgroupsOf, until, useContainers } from './runtime.ts';

const t = useContainers();

const script = (text: string) => (config: Config) => {
  config.process.args = ['sh', '-c', text];
};

/** A started container whose process runs a shell script. */
function start(text: string, edit: (config: Config) => void = () => {}) {
  const created = t.create((config) => {
    script(text)(config);
    edit(config);
  });
  expect(t.call(['start', created.id])).toMatchObject({ status: 0, stderr: '' });
  return created;
}

const COUNTING = 'i=0; while true; do i=$((i+1)); echo $i; sleep 0.01; done';

describe('pause and resume', () => {
  it('stop every process of the container, and let them go on', async () => {
    const { id, output } = start(`(${COUNTING}) & wait`);
    await until(() => output() !== '', 'output');
    expect(t.call(['pause', id])).toEqual({ status: 0, stdout: '', stderr: '' });
    expect(t.state(id).status).toBe('paused');
    const before = output();
    await new Promise((done) => setTimeout(done, 100));
    expect(output()).toBe(before);
    expect(t.call(['resume', id])).toEqual({ status: 0, stdout: '', stderr: '' });
    expect(t.state(id).status).toBe('running');
    await until(() => output().length > before.length, 'more output');
  });
  it('pause a container that was created and not started', () => {
    const { id } = t.create(script('true'));
    expect(t.call(['pause', id])).toMatchObject({ status: 0, stderr: '' });
    expect(t.state(id).status).toBe('paused');
    expect(t.call(['resume', id])).toMatchObject({ status: 0, stderr: '' });
    expect(t.state(id).status).toBe('created');
  });
  it('refuse what is not running, or not paused', async () => {
    const { id } = start('sleep 1000');
    const resumed = t.call(['resume', id]);
    expect(resumed.status).toBe(1);
    expect(resumed.stderr).toContain('container not paused');
    t.call(['pause', id]);
    const again = t.call(['pause', id]);
    expect(again.status).toBe(1);
    expect(again.stderr).toContain('container not running');
    t.call(['kill', id, 'KILL']);
    await t.waitFor(id, 'stopped');
    const late = t.call(['pause', id]);
    expect(late.status).toBe(1);
    expect(late.stderr).toContain('container not running');
  });
  it('refuse a container that does not exist', () => {
    const { status, stderr } = t.call(['pause', `${t.mark}-none`]);
    expect(status).toBe(1);
    expect(stderr).toContain('container does not exist');
  });
  it('a paused container is thawed by SIGKILL, which ends it', async () => {
    const { id } = start('sleep 1000');
    t.call(['pause', id]);
    expect(t.call(['kill', id, 'KILL'])).toMatchObject({ status: 0 });
    await t.waitFor(id, 'stopped');
  });
  it('a paused container is deleted by force', () => {
    const { id } = start('sleep 1000 & sleep 1000');
    t.call(['pause', id]);
    expect(t.call(['delete', '--force', id])).toMatchObject({ status: 0, stderr: '' });
    expect(cgroupsOf(id)).toEqual([]);
  });
});

describe('ps', () => {
  const namesOf = (pids: readonly number[]) =>
    pids.map((pid) => readFileSync(`/proc/${pid}/comm`, 'utf8').trim()).sort();

  it('lists every process of the container as JSON', async () => {
    const { id } = start('sleep 1000 & exec sleep 1001');
    const list = () => JSON.parse(t.call(['ps', '--format', 'json', id]).stdout) as number[];
    await until(() => namesOf(list()).join() === 'sleep,sleep', 'both processes');
    expect(list()).toContain(t.state(id).pid);
    expect(t.call(['ps', '-f', 'json', id]).stdout).toMatch(/^\[\d+,\d+\]\n$/);
  });
  it('prints the lines of ps(1) with the options given', async () => {
    const { id } = start('exec sleep 1000');
    const { pid } = t.state(id);
    await until(() => namesOf([pid]).join() === 'sleep', 'the process');
    const full = t.call(['ps', id]).stdout;
    expect(full).toMatch(/^UID +PID +PPID/);
    expect(full.trimEnd().split('\n')).toHaveLength(2);
    const { stdout } = t.call(['ps', '--format', 'table', id, '-e', '-o', 'pid,comm']);
    expect(stdout.split('\n').map((line) => line.trim().split(/\s+/))).toEqual([
      ['PID', 'COMMAND'],
      [`${pid}`, 'sleep'],
      [''],
    ]);
  });
  it('counts those in cgroups that the container made', async () => {
    const { id, output } = start(
      'mkdir /sys/fs/cgroup/pids/sub /sys/fs/cgroup/sub 2>/dev/null; sleep 1000 & ' +
        'for d in /sys/fs/cgroup/*/sub /sys/fs/cgroup/sub; do echo $! > $d/cgroup.procs; done ' +
        '2>/dev/null; echo moved; wait',
      (config) => {
        addNamespace(config, 'cgroup');
        config.mounts.push({
          destination: '/sys/fs/cgroup',
          type: 'cgroup',
          source: 'cgroup',
          options: ['rw'],
        });
      },
    );
    await until(() => output().includes('moved'), 'the move');
    const list = () => JSON.parse(t.call(['ps', '--format', 'json', id]).stdout) as number[];
    await until(() => namesOf(list()).join() === 'sh,sleep', 'both processes');
  });
  it('prints null for a container that has stopped', async () => {
    const { id } = start('true');
    await t.waitFor(id, 'stopped');
    expect(t.call(['ps', '--format', 'json', id])).toMatchObject({ status: 0, stdout: 'null\n' });
  });
  it('refuses another format', () => {
    const { id } = t.create(script('true'));
    expect(t.call(['ps', '--format', 'xml', id]).status).toBe(1);
  });
});
