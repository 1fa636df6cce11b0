/** events: its figures are those of the cgroup's files, its end is the container's. */
import { describe, expect, it } from 'vitest';
import { isV2, readCgroup } from './cgroupFiles.ts';
import type { Config } from './config.ts';
import { isTsrun, type Spawned, until, useContainers } from './runtime.ts';

const t = useContainers();
type Resources = NonNullable<Config['linux']['resources']>;

function start(script: string, resources: Resources = {}) {
  const created = t.create((config) => {
    config.process.args = ['sh', '-c', script];
    config.linux.resources = resources;
  });
  expect(created.result).toMatchObject({ status: 0 });
  expect(t.call(['start', created.id])).toMatchObject({ status: 0 });
  return created;
}

interface Pressure {
  readonly some: { readonly total: number };
}

interface Entry {
  readonly limit: number;
  readonly usage: number;
  readonly max: number;
  readonly failcnt: number;
}

const PRESSURES = ['cpu', 'memory', 'io'] as const;
const STATISTICS = { cpu: 'cpu', memory: 'memory', io: 'blkio' } as const;

/** Microseconds in which some process waited. */
const stalled = (id: string, controller: string): number =>
  Number(/^some .*total=(\d+)$/m.exec(readCgroup(id, controller, `${controller}.pressure`))?.[1]);

/** `0-2,7` of a cpuset. */
const listOf = (text: string): readonly number[] =>
  text.split(',').flatMap((range) => {
    const [first = 0, last = first] = range.split('-').map(Number);
    return Array.from({ length: last - first + 1 }, (_, i) => first + i);
  });

interface Event {
  readonly type: string;
  readonly id: string;
  readonly data?: {
    readonly cpu: {
      readonly usage: { readonly total: number; readonly percpu?: readonly number[] };
      readonly throttling: { readonly periods?: number };
      readonly psi?: Pressure;
    };
    readonly cpuset: { readonly cpus?: readonly number[] };
    readonly blkio: { readonly psi?: Pressure };
    readonly memory: {
      readonly usage: Entry;
      readonly swap: Entry;
      readonly psi?: Pressure;
      readonly raw: Readonly<Record<string, number>>;
    };
    readonly pids: { readonly current: number; readonly limit?: number };
  };
}

const linesOf = (spawned: Spawned): readonly Event[] =>
  spawned
    .stdout()
    .split('\n')
    .filter((line) => line.endsWith('}'))
    .map((line) => JSON.parse(line) as Event);

describe('events --stats', () => {
  it('prints one line in the shape engines read', () => {
    const { id } = start('sleep 1000');
    const { status, stdout, stderr } = t.call(['events', '--stats', id]);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout.endsWith('\n')).toBe(true);
    expect(stdout.trimEnd()).not.toContain('\n');
    const event = JSON.parse(stdout) as Event;
    expect(event).toMatchObject({ type: 'stats', id });
    expect(Object.keys(event.data ?? {})).toEqual([
      'cpu',
      'cpuset',
      'memory',
      'pids',
      'blkio',
      'hugetlb',
      'intel_rdt',
      'network_interfaces',
    ]);
  });

  it('agrees with the files of the cgroup, which stand still while it is paused', () => {
    const { id } = start('i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done; sleep 1000', {
      memory: { limit: 64 << 20, swap: 96 << 20 },
      pids: { limit: 12 },
      cpu: { quota: 50_000, period: 100_000 },
    });
    t.call(['pause', id]);
    // The kernel's timer of the quota runs on for a while.
    const periods = () =>
      Number(/^nr_periods (\d+)$/m.exec(readCgroup(id, 'cpu', 'cpu.stat'))?.[1]);
    const before = periods();
    const usage = () =>
      Number(readCgroup(id, 'memory', isV2 ? 'memory.current' : 'memory.usage_in_bytes'));
    const usageBefore = usage();
    const stalledBefore = isV2 ? PRESSURES.map((controller) => stalled(id, controller)) : [];
    const { data } = JSON.parse(t.call(['events', '--stats', id]).stdout) as Event;
    expect(data?.cpu.throttling.periods ?? 0).toBeGreaterThanOrEqual(before);
    expect(data?.cpu.throttling.periods ?? 0).toBeLessThanOrEqual(periods());
    const read = (controller: string, file: string) => Number(readCgroup(id, controller, file));
    expect(data?.pids).toEqual({ current: read('pids', 'pids.current'), limit: 12 });
    expect(data?.memory.usage.limit).toBe(64 << 20);
    // What the kernel itself holds for the cgroup it may give back at any time.
    expect(data?.memory.usage.usage).toBeLessThanOrEqual(usageBefore);
    expect(data?.memory.usage.usage).toBeGreaterThanOrEqual(usage());
    const stat = readCgroup(id, 'memory', 'memory.stat')
      .split('\n')
      .map((line) => line.split(' '))
      .map(([name, value]) => [name, Number(value)] as const);
    const names = stat.map(([name]) => name).sort();
    expect(Object.keys(data?.memory.raw ?? {}).sort()).toEqual(names);
    const still = stat.filter(([name]) => !/^(slab|kernel|percpu)/.test(name ?? ''));
    expect(data?.memory.raw).toMatchObject(Object.fromEntries(still));
    if (isV2) {
      const usage = /^usage_usec (\d+)$/m.exec(readCgroup(id, 'cpu', 'cpu.stat'))?.[1];
      expect(data?.cpu.usage.total).toBe(Number(usage) * 1000);
      // Averages fall by themselves; the sums only grow.
      // runc has them since 1.2.
      for (const [i, controller] of isTsrun ? PRESSURES.entries() : []) {
        const total = data?.[STATISTICS[controller]].psi?.some.total ?? -1;
        expect(total, controller).toBeGreaterThanOrEqual(stalledBefore[i] ?? 0);
        expect(total, controller).toBeLessThanOrEqual(stalled(id, controller));
      }
      expect(data?.memory.swap.limit).toBe((64 << 20) + (32 << 20));
      if (isTsrun) expect(data?.memory.usage.max).toBe(read('memory', 'memory.peak'));
    } else {
      expect(data?.cpu.usage.total).toBe(read('cpuacct', 'cpuacct.usage'));
      expect(data?.memory.swap.limit).toBe(read('memory', 'memory.memsw.limit_in_bytes'));
      expect(data?.memory.usage.max).toBe(read('memory', 'memory.max_usage_in_bytes'));
      expect(data?.memory.usage.failcnt).toBe(read('memory', 'memory.failcnt'));
      expect(data?.cpuset.cpus).toEqual(listOf(readCgroup(id, 'cpuset', 'cpuset.cpus')));
      expect(data?.cpu.usage.percpu).toEqual(
        readCgroup(id, 'cpuacct', 'cpuacct.usage_percpu').split(' ').map(Number),
      );
    }
    t.call(['resume', id]);
  });

  it('prints no limit of memory exactly', () => {
    const { id } = start('sleep 1000');
    const text = isV2 ? '"limit":18446744073709551615' : '"limit":9223372036854771712';
    expect(t.call(['events', '--stats', id]).stdout).toContain(text);
  });

  it('refuses a container that has stopped', async () => {
    const { id } = start('true');
    await t.waitFor(id, 'stopped');
    const { status, stderr } = t.call(['events', '--stats', id]);
    expect(status).toBe(1);
    expect(stderr).toContain(`container with id ${id} is not running`);
  });
});

describe('events', () => {
  it('prints a line at each interval', async () => {
    const { id } = start('sleep 1000');
    const events = t.spawn(['events', '--interval', '50ms', id]);
    await until(() => linesOf(events).length >= 3, 'three lines');
    expect(new Set(linesOf(events).map(({ type }) => type))).toEqual(new Set(['stats']));
    events.child.kill('SIGKILL');
    await events.ended;
  });

  it('tells that the container ran out of memory', async () => {
    const limit = { limit: 16 << 20, swap: 16 << 20 };
    const { id } = start('sleep 0.5; head -c 200m /dev/zero | tail > /dev/null; sleep 1000', {
      memory: limit,
    });
    const events = t.spawn(['events', '--interval', '1h', id]);
    await until(() => linesOf(events).length > 0, 'an event');
    expect(linesOf(events)[0]).toEqual({ type: 'oom', id });
    events.child.kill('SIGKILL');
    await events.ended;
  });

  // runc on v1 goes on until the cgroup is removed.
  it.runIf(isTsrun)('ends when the process of the container does', async () => {
    const { id } = start('sleep 1000');
    const events = t.spawn(['events', '--interval', '20ms', id]);
    await until(() => linesOf(events).length > 0, 'a line');
    t.call(['kill', id, 'KILL']);
    expect(await events.ended).toMatchObject({ status: 0, stderr: '' });
  });

  it('ends when the container is deleted', async () => {
    const { id } = start('sleep 1000');
    const events = t.spawn(['events', '--interval', '1h', id]);
    // Longer than it takes to begin to watch.
    await new Promise((done) => setTimeout(done, 500));
    t.call(['delete', '--force', id]);
    expect(await events.ended).toMatchObject({ status: 0 });
  });

  it.each(['0', '-1s', '5'])('refuses the interval %s', (interval) => {
    const { id } = start('sleep 1000');
    expect(t.call(['events', `--interval=${interval}`, id]).status).toBe(1);
  });
});
