/** linux.cgroupsPath and the lifecycle on a pure cgroup v2 hierarchy, read back in the kernel's files. */
import { existsSync, mkdirSync, readFileSync, rmdirSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  addNamespace,
  addUserNamespace,
  type Config,
  grant,
  removeNamespace,
} from '../integration/config.ts';
import {
  cgroupsOf,
  findMount,
  isTsrun,
  TOP,
  until,
  useContainers,
} from '../integration/runtime.ts';

const t = useContainers();
const TREE = '/sys/fs/cgroup';

const script = (text: string) => (config: Config) => {
  config.process.args = ['sh', '-c', text];
};
/** The one directory that is the container's. */
const directoryOf = (id: string): string => {
  const found = cgroupsOf(id);
  expect(found).toHaveLength(1);
  return found[0] ?? '';
};
const read = (directory: string, file: string) =>
  readFileSync(join(directory, file), 'utf8').trim();
const processesIn = (directory: string) =>
  existsSync(directory) ? read(directory, 'cgroup.procs').split('\n').filter(Boolean) : [];
const withCgroupMount = (config: Config, ...options: string[]) => {
  config.mounts.push({ destination: TREE, type: 'cgroup', source: 'cgroup', options });
};

describe('the machine', () => {
  it('has cgroup v2 alone, with all controllers', () => {
    expect(existsSync(join(TREE, 'memory'))).toBe(false);
    const controllers = read(TREE, 'cgroup.controllers').split(' ');
    for (const one of ['cpuset', 'cpu', 'io', 'memory', 'pids']) expect(controllers).toContain(one);
  });
});

describe('linux.cgroupsPath', () => {
  it('absent: one cgroup, named after the id, with init in it', () => {
    const { id } = t.create(script('true'));
    expect(processesIn(directoryOf(id))).toEqual([`${t.state(id).pid}`]);
  });
  it('absolute: from the top, its parents made and given the controllers', () => {
    const path = `/${t.mark}-parent/child`;
    const { id } = t.create((config) => {
      config.linux.cgroupsPath = path;
      config.linux.resources = { pids: { limit: 7 } };
    });
    expect(processesIn(TREE + path)).toEqual([`${t.state(id).pid}`]);
    expect(read(TREE + path, 'pids.max')).toBe('7');
    expect(read(dirname(TREE + path), 'cgroup.subtree_control')).toContain('pids');
    t.delete(id);
    expect(existsSync(TREE + path)).toBe(false);
    // The parent may hold others: the runtime leaves it, so the test removes it.
    rmdirSync(dirname(TREE + path));
  });
  // runc 1.1.5 warns that it will refuse one day.
  it.runIf(isTsrun)('refuses a cgroup that has processes', async () => {
    const { id } = t.create((config) => {
      config.linux.cgroupsPath = `/${t.mark}-taken`;
    });
    const other = t.create((config) => {
      config.linux.cgroupsPath = `/${t.mark}-taken`;
    });
    expect(other.result.status).toBe(1);
    expect(other.result.stderr).toMatch(/not empty|has processes/);
    expect(t.state(id).status).toBe('created');
  });
  it('refuses a frozen cgroup, in which nothing would start', () => {
    const directory = `${TREE}/${t.mark}-frozen`;
    mkdirSync(directory);
    writeFileSync(join(directory, 'cgroup.freeze'), '1');
    const { status, stderr } = t.sh('true', (config) => {
      config.linux.cgroupsPath = `/${t.mark}-frozen`;
    });
    if (existsSync(directory)) rmdirSync(directory);
    expect(status).toBe(1);
    expect(stderr).toContain('frozen');
  });
});

describe('the process', () => {
  it('is in its cgroup from its first instruction, and under its limits', () => {
    const { stdout } = t.sh('cat /proc/self/cgroup', (config) => {
      config.linux.resources = { pids: { limit: 50 } };
    });
    expect(stdout).toMatch(new RegExp(`^0::/.*${t.mark}.*\n$`));
    const forks = t.sh('for i in 1 2 3 4 5 6 7; do sleep 1 & done; wait', (config) => {
      config.linux.resources = { pids: { limit: 4 } };
    });
    expect(forks.stderr).toContain("can't fork");
  });
  it('sees its cgroup as the root of a cgroup namespace', () => {
    const { stdout } = t.sh('cat /proc/self/cgroup', (config) => addNamespace(config, 'cgroup'));
    expect(stdout).toBe('0::/\n');
  });
});

describe('mounts of type cgroup', () => {
  it('show the container its own cgroup in a cgroup namespace', () => {
    const read = 'cat /proc/self/mountinfo; cat /sys/fs/cgroup/pids.max';
    const { stdout, stderr } = t.sh(read, (config) => {
      addNamespace(config, 'cgroup');
      withCgroupMount(config, 'nosuid', 'noexec', 'nodev', 'relatime', 'ro');
      config.linux.resources = { pids: { limit: 23 } };
    });
    expect(stderr).toBe('');
    const mount = findMount(stdout, TREE);
    expect(mount).toMatchObject({ root: '/', type: 'cgroup2' });
    expect(mount?.options).toEqual(expect.arrayContaining(['ro', 'nosuid', 'nodev', 'noexec']));
    expect(stdout.trim().split('\n').at(-1)).toBe('23');
  });
  it('show the whole tree without one', () => {
    const script = 'cat /sys/fs/cgroup$(cut -d: -f3 /proc/self/cgroup)/pids.max';
    const { stdout, stderr } = t.sh(script, (config) => {
      withCgroupMount(config, 'ro');
      config.linux.resources = { pids: { limit: 24 } };
    });
    expect({ stdout, stderr }).toEqual({ stdout: '24\n', stderr: '' });
  });
});

describe('removal', () => {
  it('takes the cgroups that the container made, with their processes', async () => {
    const { id, output } = t.create((config) => {
      script(
        `mkdir -p ${TREE}/a/b; sleep 1000 & echo $! >${TREE}/a/b/cgroup.procs; echo made; wait`,
      )(config);
      addNamespace(config, 'cgroup');
      withCgroupMount(config, 'rw');
    });
    expect(t.call(['start', id])).toMatchObject({ status: 0, stderr: '' });
    await until(() => output().includes('made'), 'the cgroups');
    expect(processesIn(join(directoryOf(id), 'a/b'))).toHaveLength(1);
    expect(t.call(['delete', '--force', id])).toMatchObject({ status: 0, stderr: '' });
    expect(cgroupsOf(id)).toEqual([]);
  });
  it('kill --all ends every process below, without a pid namespace too', async () => {
    const { id, output } = t.create((config) => {
      script(
        `mkdir ${TREE}/a; sleep 1000 & echo $! >${TREE}/a/cgroup.procs; echo made; exec sleep 1001`,
      )(config);
      config.linux.namespaces = config.linux.namespaces.filter((one) => one.type !== 'pid');
      addNamespace(config, 'cgroup');
      withCgroupMount(config, 'rw');
    });
    t.call(['start', id]);
    await until(() => output().includes('made'), 'both processes');
    const directory = directoryOf(id);
    const below = () => [directory, join(directory, 'a')].flatMap(processesIn);
    expect(below()).toHaveLength(2);
    expect(t.call(['kill', '--all', id, 'KILL'])).toMatchObject({ status: 0, stderr: '' });
    await until(() => below().length === 0, 'both processes to end');
  });
});

/** As before Linux 5.14, and as in a cgroup that a user was given. refuse.c has it so for the runtime alone. */
describe.runIf(isTsrun).each([
  ['that the kernel has not', 2],
  ['that may not be written', 13],
])('a cgroup.kill %s (%i)', (_what, errno) => {
  const prefix = [join(TOP, 'dist/vm/refuse'), `${errno}`, 'cgroup.kill'];
  /** Two processes that do not end with init, one in a group below; one forks on and on. */
  async function start() {
    const { id, output } = t.create((config) => {
      script(
        `mkdir ${TREE}/a; sleep 1000 & echo $! >${TREE}/a/cgroup.procs; ` +
          '(while :; do sleep 0.2; done) & echo made; exec sleep 1001',
      )(config);
      removeNamespace(config, 'pid');
      addNamespace(config, 'cgroup');
      withCgroupMount(config, 'rw');
    });
    expect(t.call(['start', id])).toMatchObject({ status: 0 });
    await until(() => output().includes('made'), 'the processes');
    const directory = directoryOf(id);
    return { id, left: () => [join(directory, 'a'), directory].flatMap(processesIn) };
  }
  it('kill --all ends every process all the same', async () => {
    const { id, left } = await start();
    expect(left().length).toBeGreaterThanOrEqual(3);
    const killed = t.call(['kill', '--all', id, 'KILL'], { prefix });
    expect(killed).toMatchObject({ status: 0, stderr: '' });
    await until(() => left().length === 0, 'the processes to end');
    expect(t.call(['delete', id], { prefix })).toMatchObject({ status: 0, stderr: '' });
  });
  it('delete --force too, of a paused container', async () => {
    const { id, left } = await start();
    expect(t.call(['pause', id])).toMatchObject({ status: 0 });
    const deleted = t.call(['delete', '--force', id], { prefix });
    expect(deleted).toMatchObject({ status: 0, stderr: '' });
    expect(left()).toEqual([]);
    expect(cgroupsOf(id)).toEqual([]);
  });
});

describe('a threaded group (cgroup-v2.rst "Threads")', () => {
  // runc 1.1.5 lists no processes there.
  it.runIf(isTsrun)(
    'below it the container is threaded too; its processes are found and killed without cgroup.kill',
    async () => {
      const parent = `${TREE}/${t.mark}-domain/threaded`;
      mkdirSync(parent, { recursive: true });
      writeFileSync(join(parent, 'cgroup.type'), 'threaded');
      const { id, result } = t.create((config) => {
        script('sleep 1000 & exec sleep 1001')(config);
        config.linux.cgroupsPath = `${parent.slice(TREE.length)}/own`;
        config.linux.resources = { pids: { limit: 20 } };
      });
      expect(result).toMatchObject({ status: 0, stderr: '' });
      const own = join(parent, 'own');
      expect(read(own, 'cgroup.type')).toBe('threaded');
      expect(read(own, 'pids.max')).toBe('20');
      expect(t.call(['start', id])).toMatchObject({ status: 0, stderr: '' });
      const list = () => JSON.parse(t.call(['ps', '-f', 'json', id]).stdout) as number[];
      await until(() => list().length === 2, 'both processes');
      expect(t.call(['exec', id, 'true'])).toMatchObject({ status: 0, stderr: '' });
      // EOPNOTSUPP: the kernel kills no threaded group.
      expect(() => writeFileSync(join(own, 'cgroup.kill'), '1')).toThrow();
      expect(t.call(['delete', '--force', id])).toMatchObject({ status: 0, stderr: '' });
      expect(existsSync(own)).toBe(false);
      for (const path of [parent, dirname(parent)]) rmdirSync(path);
    },
  );
});

describe('a controller that is not handed down', () => {
  it.runIf(isTsrun)('is named with the limit that needs it, and nothing is left', () => {
    // Only these may be on below a group of threads.
    const parent = `${TREE}/${t.mark}-domain/threaded`;
    mkdirSync(parent, { recursive: true });
    writeFileSync(join(parent, 'cgroup.type'), 'threaded');
    const { status, stderr } = t.sh('true', (config) => {
      config.linux.cgroupsPath = `${parent.slice(TREE.length)}/own`;
      config.linux.resources = { memory: { limit: 67_108_864 } };
    });
    for (const path of [parent, dirname(parent)]) rmdirSync(path);
    expect(status).toBe(1);
    expect(stderr).toContain('linux.resources.memory.limit');
    expect(stderr).toContain('the controller memory is not handed down');
  });
});

describe('the cgroup of a user namespace', () => {
  const delegated = (config: Config, ...options: string[]) => {
    addUserNamespace(config);
    addNamespace(config, 'cgroup');
    withCgroupMount(config, ...options);
    config.linux.resources = { pids: { limit: 30 } };
  };
  it("is its root's, who makes groups in it, but not its limits", async () => {
    const { id, result, output } = t.create((config) => {
      script(
        `cd ${TREE}; mkdir a && echo $$ >a/cgroup.procs && cat /proc/self/cgroup; echo 99 >pids.max; exec sleep 1000`,
      )(config);
      delegated(config, 'rw');
    });
    expect(result).toMatchObject({ status: 0, stderr: '' });
    const own = directoryOf(id);
    const ownerOf = (file: string) => statSync(join(own, file)).uid;
    expect(['.', 'cgroup.procs', 'cgroup.subtree_control', 'cgroup.threads'].map(ownerOf)).toEqual([
      100_000, 100_000, 100_000, 100_000,
    ]);
    expect(['pids.max', 'cgroup.freeze', 'memory.max'].map(ownerOf)).toEqual([0, 0, 0]);
    expect(t.call(['start', id])).toMatchObject({ status: 0 });
    await until(() => output().includes('0::/a\n'), 'its own group');
    expect(read(own, 'pids.max')).toBe('30');
  });
  it("stays the host's when it is mounted read-only", () => {
    const { id } = t.create((config) => {
      script('true')(config);
      delegated(config, 'ro');
    });
    expect(statSync(directoryOf(id)).uid).toBe(0);
  });
});

describe('linux.resources.memory.limit', () => {
  it('ends a process that takes more', () => {
    const result = t.sh('head -c 60m /dev/zero | tail | wc -c', (config) => {
      config.linux.resources = { memory: { limit: 10485760, swap: 10485760 } };
    });
    expect(result.stdout).not.toBe(`${60 * 1024 * 1024}\n`);
  });
});

describe('linux.resources.devices', () => {
  /** /dev/kmsg, which no container has by default. */
  const kmsg = (access: string) => (config: Config) => {
    grant(config, 'CAP_SYSLOG');
    config.linux.devices = [{ path: '/dev/kmsg', type: 'c', major: 1, minor: 11, fileMode: 0o666 }];
    config.linux.resources = {
      devices: [
        { allow: false, access: 'rwm' },
        { allow: true, type: 'c', major: 1, minor: 11, access },
      ],
    };
  };
  const script =
    '(: </dev/kmsg) 2>/dev/null && echo reads; (: >/dev/kmsg) 2>/dev/null && echo writes; ' +
    'echo >/dev/null && echo null';

  it.each([
    ['rwm', 'reads\nwrites\nnull\n'],
    ['rm', 'reads\nnull\n'],
    ['w', 'writes\nnull\n'],
    ['m', 'null\n'],
  ])('access %s: an eBPF program refuses the rest', (access, stdout) => {
    expect(t.sh(script, kmsg(access))).toMatchObject({ stdout, stderr: '' });
  });
});
