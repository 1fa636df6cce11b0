/** inspect: what the kernel says of a container, beside what the config asked for. */
import { readFileSync, readlinkSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { Inspection } from '../../../src/explain/inspect.ts';
import { isTsrun, useContainers } from '../runtime.ts';

const t = useContainers();
const inspect = (id: string) =>
  JSON.parse(t.call(['inspect', '--format', 'json', id]).stdout) as Inspection;

describe.runIf(isTsrun)('inspect', () => {
  it('prints no control character of a container', () => {
    const { id } = t.create((config) => {
      config.process.args = ['sh', '-c', 'sleep 1000; :', '\u001b]0;owned\u0007'];
    });
    t.call(['start', id]);
    const { stdout } = t.call(['inspect', id]);
    expect(stdout).toContain('sh -c sleep 1000; : \\x1b]0;owned\\x07\n');
    expect(stdout).not.toContain('\u001b');
    expect(inspect(id).process.command).toBe('sh -c sleep 1000; : \u001b]0;owned\u0007');
  });
  it('of a container that is ending tells all or that it does not run', () => {
    for (const delay of [0, 1, 2, 3, 4, 5]) {
      const { id } = t.create((config) => {
        config.process.args = [
          'sh',
          '-c',
          `i=0; while [ $i -lt ${1000 * delay} ]; do i=$((i+1)); done`,
        ];
      });
      t.call(['start', id]);
      for (let ended = false; !ended; ) {
        const { status, stdout, stderr } = t.call(['inspect', '--format', 'json', id]);
        ended = status !== 0;
        if (ended) expect(stderr).toContain('container not running');
        else expect((JSON.parse(stdout) as Inspection).namespaces.length).toBeGreaterThan(5);
      }
    }
  });
  it('tells namespaces with inode and owner, ids, privileges, limits and mounts with their property', () => {
    const { id } = t.create((config) => {
      config.process.args = ['sleep', '1000'];
      config.linux.resources = { pids: { limit: 50 }, memory: { limit: 100_000_000 } };
      config.linux.maskedPaths = ['/proc/keys'];
      config.linux.namespaces = config.linux.namespaces.filter(({ type }) => type !== 'ipc');
      config.mounts = config.mounts.filter(({ type }) => type !== 'mqueue');
    });
    t.call(['start', id]);
    const found = inspect(id);
    const { pid } = t.state(id);
    expect(found).toMatchObject({ id, status: 'running' });
    expect(found.process).toMatchObject({
      pid,
      pidInside: 1,
      command: 'sleep 1000',
      noNewPrivileges: true,
      seccomp: 'off',
    });
    expect(found.process.capabilities['effective']).toEqual([
      'CAP_KILL',
      'CAP_NET_BIND_SERVICE',
      'CAP_AUDIT_WRITE',
    ]);
    expect(found.process.uidMap).toEqual(['0 0 4294967295']);
    const namespace = (type: string) => found.namespaces.find((one) => one.type === type);
    expect(namespace('pid')).toMatchObject({ flag: 'CLONE_NEWPID', shared: 'own' });
    expect(`pid:[${namespace('pid')?.inode}]`).toBe(readlinkSync(`/proc/${pid}/ns/pid`));
    expect(namespace('ipc')).toMatchObject({ shared: 'host' });
    const values = found.cgroups.flatMap((cgroup) => cgroup.values);
    expect(values).toContainEqual({ name: 'processes', used: '1', limit: '50' });
    expect(values.find(({ name }) => name === 'memory, bytes')).toMatchObject({
      limit: '99999744',
    });
    const mount = (path: string) => found.mounts.find((one) => one.path === path);
    expect(mount('/proc')).toMatchObject({ type: 'proc', origin: '/mounts/0' });
    expect(mount('/proc/keys')).toMatchObject({ origin: '/linux/maskedPaths/0' });
    expect(found.mounts).toHaveLength(
      readFileSync(`/proc/${pid}/mountinfo`, 'utf8').trim().split('\n').length,
    );
  });

  it('names the containers a namespace is shared with', () => {
    const sleeping = t.create((config) => {
      config.process.args = ['sleep', '1000'];
    });
    const path = `/proc/${t.state(sleeping.id).pid}/ns/net`;
    const joined = t.create((config) => {
      config.linux.namespaces = config.linux.namespaces.map((one) =>
        one.type === 'network' ? { ...one, path } : one,
      );
    });
    const network = inspect(joined.id).namespaces.find(({ type }) => type === 'network');
    expect(network?.shared).toEqual([sleeping.id]);
    expect(t.call(['inspect', joined.id]).stdout).toMatch(`shared with ${sleeping.id}`);
  });

  it('refuses a container that has ended, in the words of the other verbs', async () => {
    const { id } = t.create(() => {});
    t.call(['start', id]);
    await t.waitFor(id, 'stopped');
    expect(t.call(['inspect', id]).stderr).toContain('container not running');
  });
});
