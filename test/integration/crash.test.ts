/** tsrun killed with SIGKILL at any moment: what it leaves, `delete --force` removes. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { addUserNamespace, type Config } from './config.ts';
import { isTsrun, leftovers, until, useContainers } from './runtime.ts';

const t = useContainers();
/** runc leaves cgroups of a container whose state was not written yet; fewer rounds show the rest. */
const ROUNDS = isTsrun ? 200 : 20;

const busy = (config: Config) => {
  config.process.args = ['sleep', '1000'];
  config.linux.resources = { memory: { limit: 67108864 }, pids: { limit: 20 } };
  config.hooks = { createRuntime: [{ path: '/bin/true' }] };
};

/** How long an undisturbed create takes, in milliseconds: the span in which the kill must fall. */
async function timeCreate(bundle: string): Promise<number> {
  const id = t.newId();
  const start = performance.now();
  const result = await t.spawn(['create', '--bundle', bundle, id]).ended;
  const took = performance.now() - start;
  expect(result).toMatchObject({ status: 0 });
  expect(t.call(['delete', '--force', id]).status).toBe(0);
  return took;
}

describe.runIf(isTsrun)('create killed with SIGKILL', () => {
  it(`at a random moment, ${ROUNDS} times: delete --force leaves nothing`, {
    timeout: 240_000,
  }, async () => {
    const bundle = t.bundle(busy);
    let span = await timeCreate(bundle);
    let killed = 0;
    for (let round = 0; killed < ROUNDS && round < 3 * ROUNDS; round++) {
      const id = `${t.mark}-crash${round}`;
      const create = t.spawn(['create', '--bundle', bundle, id]);
      await sleep(Math.random() * span);
      create.child.kill('SIGKILL');
      const inTime = (await create.ended).status === 137;
      if (inTime) killed++;
      // The machine may get faster or slower meanwhile: the span follows it.
      span *= inTime ? 1.02 : 0.9;
      const removed = t.call(['delete', '--force', id]);
      expect(removed, `round ${round}`).toMatchObject({ status: 0, stderr: '' });
      expect(existsSync(join(t.stateRoot, id)), `round ${round}: state`).toBe(false);
    }
    await until(
      () => leftovers(t.mark, t.directory).length === 0,
      `nothing to be left: ${leftovers(t.mark, t.directory)}`,
    );
    expect(killed).toBe(ROUNDS);
  });

  it('leaves the id free for another create', async () => {
    const bundle = t.bundle((config) => {
      busy(config);
      addUserNamespace(config);
      config.process.args = ['true'];
    });
    const span = await timeCreate(bundle);
    for (let round = 0; round < 10; round++) {
      const id = t.newId();
      const create = t.spawn(['create', '--bundle', bundle, id]);
      await sleep(Math.random() * span);
      create.child.kill('SIGKILL');
      await create.ended;
      expect(t.call(['delete', '--force', id])).toMatchObject({ status: 0 });
      expect(t.call(['run', '--bundle', bundle, id])).toMatchObject({ status: 0, stderr: '' });
    }
  });

  it('one unreadable state directory does not break list', async () => {
    const bundle = t.bundle(busy);
    const span = await timeCreate(bundle);
    const id = t.newId();
    const create = t.spawn(['create', '--bundle', bundle, id]);
    await sleep(span / 2);
    create.child.kill('SIGKILL');
    await create.ended;
    const whole = t.create(busy);
    const list = t.call(['list', '--quiet']);
    expect(list.status).toBe(0);
    expect(list.stdout.split('\n')).toContain(whole.id);
  });
});

describe('run killed with SIGKILL', () => {
  it('delete --force ends the container it left', async () => {
    const id = t.newId();
    const running = t.spawn(['run', '--bundle', t.bundle(busy), id]);
    await until(() => t.call(['state', id]).stdout.includes('"running"'), 'the container to run');
    running.child.kill('SIGKILL');
    await running.ended;
    expect(t.call(['delete', '--force', id])).toMatchObject({ status: 0 });
    expect(existsSync(join(t.stateRoot, id))).toBe(false);
  });
});

describe('creates of one id at the same time', () => {
  it('one of them gets it', async () => {
    const bundle = t.bundle(busy);
    const id = t.newId();
    const all = [1, 2, 3, 4].map(() => t.spawn(['create', '--bundle', bundle, id]).ended);
    const statuses = (await Promise.all(all)).map((result) => result.status);
    expect(statuses.sort()).toEqual([0, 1, 1, 1]);
    expect(t.state(id).status).toBe('created');
  });
});
