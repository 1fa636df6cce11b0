/**
 * tsrun, its executor, its supervisor, killed with SIGKILL at any moment: what they leave, `delete --force`
 * removes. And many at once, on one container or on many. (faults.test.ts kills at every system call.)
 */
import { existsSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { addUserNamespace, type Config } from './config.ts';
import { makeInjector } from './faults/injector.ts';
import { isOnNode, isTsrun, leftovers, until, useContainers } from './runtime.ts';
import { isSoak, times } from './soak.ts';

const t = useContainers();
const EIO = 5;
/** Kills of all five verbs: a hundred shares. */
const KILLS = times(200, 2000);

const busy = (config: Config) => {
  config.process.args = ['sleep', '1000'];
  config.linux.resources = { memory: { limit: 67108864 }, pids: { limit: 20 } };
  config.hooks = { createRuntime: [{ path: '/bin/true' }] };
};
const short = (config: Config) => {
  busy(config);
  // Long enough for the supervisor to be the one.
  config.process.args = isSoak ? ['sleep', '0.1'] : ['true'];
};

const must = (...args: string[]) => expect(t.call(args)).toMatchObject({ status: 0 });
const runDetached = (bundle: string) => (id: string) =>
  must('run', '--detach', '--bundle', bundle, id);

/** A verb: its arguments, and what there must be before it. */
interface Killed {
  readonly verb: string;
  readonly config: (config: Config) => void;
  readonly args: (id: string, bundle: string) => readonly string[];
  readonly prepare?: (bundle: string) => (id: string) => void;
  /** A process of it that is no child of the command's: the container's init. */
  readonly beside?: (id: string) => number;
  /** Of 100 kills. */
  readonly share: number;
}

const KILLED: readonly Killed[] = [
  {
    verb: 'create',
    config: busy,
    args: (id, bundle) => ['create', '--bundle', bundle, id],
    share: 40,
  },
  {
    verb: 'start',
    config: busy,
    args: (id) => ['start', id],
    prepare: (bundle) => (id) => must('create', '--bundle', bundle, id),
    beside: (id) => t.state(id).pid,
    share: 20,
  },
  // A process that exec has left is for the host's init to reap, which may take its time (a second, in some
  // containers); the container's pid namespace ends no earlier.
  {
    verb: 'exec',
    config: busy,
    args: (id) => ['exec', id, 'true'],
    prepare: runDetached,
    share: 4,
  },
  { verb: 'run', config: short, args: (id, bundle) => ['run', '--bundle', bundle, id], share: 20 },
  {
    verb: 'delete',
    config: busy,
    args: (id) => ['delete', '--force', id],
    prepare: runDetached,
    share: 16,
  },
];

/** A process and all it has started, as far as they are still its descendants. */
function familyOf(pid: number): readonly number[] {
  try {
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8');
    return [pid, ...children.split(' ').filter(Boolean).map(Number).flatMap(familyOf)];
  } catch {
    return [];
  }
}

const hasEnded = (pid: number): boolean =>
  /\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));

type Role = 'tsrun' | 'supervisor' | 'executor' | 'init' | 'other';

/** Kills it, and says who it was; undefined when it had ended before. */
function kill(pid: number, isCommand: boolean): Role | undefined {
  try {
    if (hasEnded(pid)) return undefined;
    const role = roleOf(pid, isCommand);
    process.kill(pid, 'SIGKILL');
    return role;
  } catch {
    return undefined;
  }
}

function roleOf(pid: number, isCommand: boolean): Role {
  const isExecutor = readlinkSync(`/proc/${pid}/exe`).startsWith('/memfd:');
  if (isCommand) return isExecutor ? 'supervisor' : 'tsrun';
  // In the container's pid namespace it has a second number.
  if (/^NSpid:\t\d+\t/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))) return 'init';
  return isExecutor ? 'executor' : 'other';
}

/** Whole milliseconds, which timers count in, are too coarse for what takes five. */
function spin(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}

/** How long an undisturbed verb takes, in milliseconds: the span in which the kill must fall. */
async function timeOf(
  prepare: (id: string) => void,
  args: (id: string) => readonly string[],
): Promise<number> {
  const id = t.newId();
  prepare(id);
  const start = performance.now();
  const result = await t.spawn(args(id)).ended;
  const took = performance.now() - start;
  expect(result).toMatchObject({ status: 0 });
  must('delete', '--force', id);
  return took;
}

/** Runs the verb with one of its processes killed in its span; undefined when it came too late. */
async function killOnce(
  args: readonly string[],
  span: number,
  beside: readonly number[],
): Promise<Role | undefined> {
  const { child, ended } = t.spawn(args);
  const command = child.pid ?? -1;
  spin(Math.random() * span);
  let family = familyOf(command);
  // Itself as often as all others together, which are short-lived: the next of them is waited for.
  const isOther = Math.random() < 0.5;
  if (isOther && family.length === 1 && beside.length === 0) {
    while (family.length === 1 && !hasEnded(command)) family = familyOf(command);
    spin(Math.random() * 2);
    family = familyOf(command);
  }
  const others = [...family.slice(1), ...beside];
  const victim =
    isOther && others.length > 0 ? others[Math.floor(Math.random() * others.length)] : family[0];
  const role = victim === undefined ? undefined : kill(victim, victim === command);
  await ended;
  return role;
}

describe.runIf(isTsrun).each(KILLED)('$verb with one of its processes killed', (killed) => {
  const kills = (KILLS * killed.share) / 100;
  it(`at a random moment, ${kills} times: delete --force leaves nothing`, {
    timeout: 600_000,
  }, async () => {
    const bundle = t.bundle(killed.config);
    const prepare = killed.prepare?.(bundle) ?? (() => {});
    let span = await timeOf(prepare, (id) => killed.args(id, bundle));
    let count = 0;
    const roles = new Map<Role, number>();
    for (let round = 0; count < kills && round < 5 * kills; round++) {
      const id = `${t.mark}-${killed.verb}${round}`;
      prepare(id);
      const beside = killed.beside === undefined ? [] : [killed.beside(id)];
      const role = await killOnce(killed.args(id, bundle), span, beside);
      if (role !== undefined) {
        count++;
        roles.set(role, (roles.get(role) ?? 0) + 1);
      }
      // The machine may get faster or slower meanwhile: the span follows it.
      span *= role === undefined ? 0.9 : 1.02;
      const removed = t.call(['delete', '--force', id]);
      expect(removed, `round ${round}`).toMatchObject({ status: 0, stderr: '' });
      expect(existsSync(join(t.stateRoot, id)), `round ${round}: state`).toBe(false);
    }
    await until(
      () => leftovers(t.mark, t.directory).length === 0,
      `nothing to be left: ${leftovers(t.mark, t.directory)}`,
    );
    if (isSoak) console.log(`kills: ${killed.verb}:`, Object.fromEntries(roles));
    expect(count).toBe(kills);
  });
});

describe.runIf(isTsrun)('a create that was killed', () => {
  const timeCreate = (bundle: string) =>
    timeOf(
      () => {},
      (id) => ['create', '--bundle', bundle, id],
    );
  const killCreate = async (bundle: string, id: string, span: number) => {
    const create = t.spawn(['create', '--bundle', bundle, id]);
    spin(span);
    create.child.kill('SIGKILL');
    await create.ended;
  };
  it('leaves the id free for another create', async () => {
    const bundle = t.bundle((config) => {
      busy(config);
      addUserNamespace(config);
      config.process.args = ['true'];
    });
    const span = await timeCreate(bundle);
    for (let round = 0; round < 10; round++) {
      const id = t.newId();
      await killCreate(bundle, id, Math.random() * span);
      expect(t.call(['delete', '--force', id])).toMatchObject({ status: 0 });
      expect(t.call(['run', '--bundle', bundle, id])).toMatchObject({ status: 0, stderr: '' });
    }
  });

  it('one unreadable state directory does not break list', async () => {
    const bundle = t.bundle(busy);
    const span = await timeCreate(bundle);
    const id = t.newId();
    await killCreate(bundle, id, span / 2);
    const whole = t.create(busy);
    const list = t.call(['list', '--quiet']);
    expect(list.status).toBe(0);
    expect(list.stdout.split('\n')).toContain(whole.id);
  });
});

describe.runIf(isTsrun)('run whose init is killed while it waits to be started', () => {
  it('says so and ends, and leaves nothing', () => {
    const injector = makeInjector(t);
    // A terminal's size is set before there is a program: run has init wait for that.
    const terminal = t.bundle((config) => {
      short(config);
      config.process.terminal = true;
    });
    const args = (id: string) => ['run', '--bundle', terminal, id];
    const waiting = injector.record(args(t.newId())).find(({ name }) => name === 'accept4');
    if (waiting === undefined) throw new Error('no init has waited');
    const id = t.newId();
    const { result, hangs, hit } = injector.fail(args(id), { at: waiting, by: 'kill' });
    expect({ hangs, name: hit?.name }).toEqual({ hangs: false, name: 'accept4' });
    expect(result.status).not.toBe(0);
    expect(result.stderr).toMatch(/^tsrun: run [^\n]+\n$/);
    expect(existsSync(join(t.stateRoot, id))).toBe(false);
  });
});

// A call is found again by its number, and Node makes more or fewer of its own each time.
describe.runIf(isTsrun && !isOnNode)('a supervisor whose waitpid fails', () => {
  it('looks again, and ends with the status of its process', () => {
    const injector = makeInjector(t);
    const id = t.newId();
    runDetached(t.bundle(busy))(id);
    const args = ['exec', id, 'sh', '-c', 'sleep 0.05'];
    const waits = injector
      .record(args)
      .filter(
        ({ name, process, program }) =>
          name === 'wait4' && process === 0 && program.startsWith('memfd:'),
      );
    expect(waits.length).toBeGreaterThan(0);
    for (const at of waits) {
      const { result, hangs } = injector.fail(args, { at, by: EIO });
      expect({ at, hangs, result }).toMatchObject({ hangs: false, result: { status: 0 } });
    }
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

// runc removes the cgroups of the one that got it.
describe.runIf(isTsrun)('creates of one id at the same time', () => {
  const rounds = times(5, 500);
  it(`one of them gets it, ${rounds} times`, { timeout: 600_000 }, async () => {
    const bundle = t.bundle(busy);
    for (let round = 0; round < rounds; round++) {
      const id = t.newId();
      const all = [1, 2, 3, 4].map(() => t.spawn(['create', '--bundle', bundle, id]).ended);
      const results = await Promise.all(all);
      expect(results.map(({ status }) => status).sort()).toEqual([0, 1, 1, 1]);
      for (const { status, stderr } of results) {
        if (status !== 0) expect(stderr).toContain('container with given ID already exists');
      }
      expect(t.state(id).status).toBe('created');
      must('delete', '--force', id);
    }
  });
});

describe.runIf(isTsrun)('create and delete --force of one id at the same time', () => {
  const rounds = times(15, 500);
  it(`each does its work or says why not, and nothing is left, ${rounds} times`, {
    timeout: 600_000,
  }, async () => {
    const bundle = t.bundle(busy);
    for (let round = 0; round < rounds; round++) {
      const id = t.newId();
      const creating = t.spawn(['create', '--bundle', bundle, id]).ended;
      spin(Math.random() * 10);
      const others = [
        t.spawn(['delete', '--force', id]).ended,
        t.spawn(['create', '--bundle', bundle, id]).ended,
        t.spawn(['delete', '--force', id]).ended,
      ];
      const [first, ...rest] = await Promise.all([creating, ...others]);
      for (const { status, stderr } of [first, ...rest]) {
        // Who keeps the container locked for 300 ms, as on a busy machine, is killed by `delete --force`.
        expect({ status, stderr }).toEqual(
          status === 0 || status === 137
            ? { status, stderr: '' }
            : { status: 1, stderr: expect.stringMatching(/^tsrun: [^\n]+\n$/) },
        );
        expect(stderr).not.toContain('internal');
      }
      expect(t.call(['delete', '--force', id])).toMatchObject({ status: 0, stderr: '' });
      expect(existsSync(join(t.stateRoot, id))).toBe(false);
    }
    await until(
      () => leftovers(t.mark, t.directory).length === 0,
      `nothing to be left: ${leftovers(t.mark, t.directory)}`,
    );
  });
});

describe('many containers at the same time', () => {
  const many = times(20, 200);
  it(`${many} are created, started, exec'd into, killed and deleted`, {
    timeout: 600_000,
  }, async () => {
    const bundle = t.bundle(busy);
    const one = async (id: string): Promise<void> => {
      const does = async (...args: string[]) => {
        const { status, stderr } = await t.spawn(args).ended;
        expect({ args, status, stderr }).toEqual({ args, status: 0, stderr: '' });
      };
      await does('create', '--bundle', bundle, id);
      await does('start', id);
      await does('exec', id, 'true');
      await does('kill', id, 'KILL');
      const stopped = async () => (await t.spawn(['state', id]).ended).stdout.includes('"stopped"');
      for (let tries = 0; !(await stopped()); tries++) expect(tries).toBeLessThan(1000);
      await does('delete', id);
    };
    await Promise.all(Array.from({ length: many }, () => one(t.newId())));
    expect(t.call(['list', '--quiet']).stdout.trim()).toBe('');
  });
});
