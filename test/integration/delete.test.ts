/** `delete --force` of what is in the way of it: commands that wait for ever, records that cannot be read. */
import { existsSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Config } from './config.ts';
import { cgroupsOf, isTsrun, leftovers, until, useContainers } from './runtime.ts';

const t = useContainers();

const asleep = (config: Config) => {
  config.process.args = ['sleep', '1000'];
};

/** It may still be to be reaped, by whoever has it for a child. */
const hasEnded = (pid: number) => !existsSync(`/proc/${pid}/root/bin`);

/** A hook that says it is there, and stays: with a child, for hooks are mostly shell scripts. */
const hangs = (kind: 'createRuntime' | 'poststart', file: string) => (config: Config) => {
  asleep(config);
  const env = config.process.env;
  const script = `sleep 1000 & echo >${file}; wait`;
  config.hooks = { [kind]: [{ path: '/bin/sh', args: ['sh', '-c', script], env }] };
};

// runc has no lock, and no record of a container before its hooks have run.
describe.runIf(isTsrun)('delete --force', () => {
  it('ends a create that waits for a hook, and the hook', async () => {
    const file = join(t.newDirectory(), 'here');
    const id = `${t.mark}-create`;
    const bundle = t.bundle(hangs('createRuntime', file));
    const create = t.spawn(['create', '--bundle', bundle, id]);
    await until(() => existsSync(file), 'the hook');
    const begin = performance.now();
    expect(t.call(['delete', '--force', id])).toMatchObject({ status: 0, stderr: '' });
    expect(performance.now() - begin).toBeLessThan(5000);
    expect((await create.ended).status).toBe(137);
    expect(existsSync(join(t.stateRoot, id))).toBe(false);
    await until(() => leftovers(id, file).length === 0, `no leftovers: ${leftovers(id, file)}`);
  });

  it.each([['start'], ['run', '--detach'], ['run']])(
    'ends a %s that waits for a poststart hook, and the hook',
    async (...verb) => {
      const file = join(t.newDirectory(), 'here');
      const id = t.newId('-hangs');
      const bundle = t.bundle(hangs('poststart', file));
      const args = verb[0] === 'start' ? [id] : ['--bundle', bundle, id];
      if (verb[0] === 'start') t.call(['create', '--bundle', bundle, id]);
      const waiting = t.spawn([...verb, ...args]);
      await until(() => existsSync(file), 'the hook');
      const { pid } = t.state(id);
      expect(t.call(['delete', '--force', id])).toMatchObject({ status: 0, stderr: '' });
      expect(hasEnded(pid)).toBe(true);
      expect((await waiting.ended).status).toBe(137);
      await until(() => leftovers(id, file).length === 0, `no leftovers: ${leftovers(id, file)}`);
    },
  );

  it('of a run whose poststart hooks are done lets it report how the container ended', async () => {
    const id = t.newId('-hooked');
    const bundle = t.bundle((config) => {
      asleep(config);
      config.hooks = { poststart: [{ path: '/bin/true' }] };
    });
    const run = t.spawn(['run', '--keep', '--bundle', bundle, id]);
    const program = () => readlinkSync(`/proc/${run.child.pid}/exe`);
    await until(() => program().startsWith('/memfd:'), 'the supervisor');
    expect(t.call(['delete', '--force', id])).toMatchObject({ status: 0, stderr: '' });
    await run.ended;
    expect(run.child).toMatchObject({ exitCode: 137, signalCode: null });
  });

  it('ends no command that is in time, but waits for it', async () => {
    const { id } = t.create((config) => {
      asleep(config);
      config.hooks = { poststop: [{ path: '/bin/true' }] };
    });
    const all = [1, 2, 3].map(() => t.spawn(['delete', '--force', id]).ended);
    expect((await Promise.all(all)).map(({ status }) => status)).toEqual([0, 0, 0]);
  });

  describe('of a container whose state.json cannot be read', () => {
    const breakState = (id: string) => writeFileSync(join(t.stateRoot, id, 'state.json'), '{"id":');

    it('ends its processes and removes its cgroups, which its config tells', () => {
      const { id } = t.create((config) => {
        asleep(config);
        config.linux.cgroupsPath = `/${t.mark}-unreadable`;
      });
      t.call(['start', id]);
      const { pid } = t.state(id);
      breakState(id);
      const refused = t.call(['delete', id]);
      expect(refused.status).toBe(1);
      expect(refused.stderr).toContain('state.json cannot be read: delete --force removes it');
      expect(readFileSync(`/proc/${pid}/comm`, 'utf8')).toBe('sleep\n');
      expect(t.call(['delete', '--force', id])).toMatchObject({ status: 0, stderr: '' });
      expect(hasEnded(pid)).toBe(true);
      expect(cgroupsOf(`${t.mark}-unreadable`)).toEqual([]);
    });

    it('leaves the cgroups that another container has by now', () => {
      const path = `/${t.mark}-taken`;
      const edit = (config: Config) => {
        asleep(config);
        config.linux.cgroupsPath = path;
      };
      const first = t.create(edit);
      t.call(['kill', first.id, 'KILL']);
      const second = t.create(edit);
      expect(second.result).toMatchObject({ status: 0, stderr: '' });
      breakState(first.id);
      expect(t.call(['delete', '--force', first.id])).toMatchObject({ status: 0 });
      expect(t.state(second.id).status).toBe('created');
    });
  });
});
