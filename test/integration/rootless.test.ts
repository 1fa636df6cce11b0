/** Containers of an ordinary user, who may do nothing on the host that others may not. */
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Config } from './config.ts';
import {
  cgroupsOf,
  type Edit,
  findMount,
  isOnNode,
  isTsrun,
  type Result,
  RUNTIME,
  TOP,
  until,
  useContainers,
} from './runtime.ts';

const t = useContainers();

const USER = 54321;
const SUBORDINATE = 300000;
const AS_USER = join(import.meta.dirname, 'asUser.sh');

const home = () => join(t.directory, 'home');
const stateRoot = () => join(home(), 'state');
/** On Node it is the bundle beside which it stands, and what that imports. */
const program = () => join(home(), isOnNode ? 'dist/tsrun.mjs' : 'runtime');
/** Of dist/ the files alone: the directories hold what other builds and tests make. */
const isNoBuild = (path: string) => path === dirname(RUNTIME) || !statSync(path).isDirectory();
const own = (path: string) => spawnSync('chown', ['-R', `${USER}:${USER}`, path]);

beforeAll(() => {
  for (const path of [home(), stateRoot(), join(home(), 'no-programs')]) mkdirSync(path);
  spawnSync('cp', ['-a', t.rootfs, join(home(), 'rootfs')]);
  // Where the tests run an ordinary user may not go.
  if (isOnNode) {
    cpSync(dirname(RUNTIME), join(home(), 'dist'), { recursive: true, filter: isNoBuild });
    for (const name of ['koffi', '@koromix']) {
      const module = join('node_modules', name);
      cpSync(join(TOP, module), join(home(), module), { recursive: true });
    }
  } else {
    copyFileSync(RUNTIME, program());
  }
  chmodSync(program(), 0o755);
  own(home());
});

const ids: string[] = [];
afterEach(() => {
  for (const id of ids.splice(0).filter((one) => existsSync(join(stateRoot(), one)))) {
    expect(asUser(['delete', '--force', id]), `delete ${id}`).toMatchObject({ status: 0 });
  }
});
afterAll(() => {
  const left = readdirSync(stateRoot()).filter((name) => name !== '@seccomp');
  expect(left, 'state directories left behind').toEqual([]);
});

interface UserOptions {
  /** newuidmap and newgidmap are on PATH. */
  readonly hasTools?: boolean;
  readonly globals?: readonly string[];
  readonly root?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** The runtime, called by the user. */
function asUser(args: readonly string[], options: UserOptions = {}): Result {
  const { hasTools = true, globals = [], root = stateRoot(), env = {} } = options;
  const path = hasTools ? '/usr/sbin:/usr/bin:/sbin:/bin' : join(home(), 'no-programs');
  const variables = Object.entries({ PATH: path, ...env }).map(
    ([name, value]) => `${name}=${value}`,
  );
  const rooted = root === '' ? [] : ['--root', root];
  const command = ['/usr/bin/env', '-i', ...variables, program(), ...rooted, ...globals, ...args];
  const out = t.newDirectory();
  const [stdout, stderr] = [join(out, 'stdout'), join(out, 'stderr')];
  const done = spawnSync('sh', [AS_USER, out, `${USER}`, ...command], {
    // Files: a container that stays keeps them open.
    stdio: ['ignore', openSync(stdout, 'a'), openSync(stderr, 'a')],
    timeout: 30_000,
    killSignal: 'SIGKILL',
  });
  return {
    status: done.status ?? 255,
    stdout: readFileSync(stdout, 'utf8'),
    stderr: readFileSync(stderr, 'utf8'),
  };
}

/** The base config in a user namespace that has the user's own ids alone. */
function bundle(edit: Edit): string {
  const path = t.bundle((config) => {
    config.root.path = join(home(), 'rootfs');
    config.linux.namespaces.push({ type: 'user' });
    config.linux.uidMappings = [{ containerID: 0, hostID: USER, size: 1 }];
    config.linux.gidMappings = [{ containerID: 0, hostID: USER, size: 1 }];
    // No id of a group tty.
    const pts = config.mounts.find(({ destination }) => destination === '/dev/pts');
    if (pts?.options) pts.options = pts.options.filter((option) => option !== 'gid=5');
    edit(config);
  });
  own(path);
  return path;
}

const mapRange = (config: Config, hostID = SUBORDINATE) => {
  const map = [
    { containerID: 0, hostID: USER, size: 1 },
    { containerID: 1, hostID, size: 65536 },
  ];
  config.linux.uidMappings = [...map];
  config.linux.gidMappings = [...map];
};

const newId = () => {
  const id = t.newId();
  ids.push(id);
  return id;
};

/** `run` of a shell script by the user. */
const sh = (script: string, edit: Edit = () => {}, options: UserOptions = {}) => {
  const withScript: Edit = (config) => {
    config.process.args = ['sh', '-c', script];
    edit(config);
  };
  return asUser(['run', '--bundle', bundle(withScript), newId()], options);
};

const refused = (result: Result, property: string) => {
  expect(result).toMatchObject({ status: 1, stdout: '' });
  if (isTsrun) expect(result.stderr).toContain(property);
};

describe('linux.uidMappings of an ordinary user', () => {
  const LOOK = 'id -u; cat /proc/self/uid_map /proc/self/gid_map /proc/self/setgroups';
  const lines = ({ stdout }: Result) =>
    stdout
      .trim()
      .split('\n')
      .map((line) => line.trim().split(/\s+/).join(' '));

  it.each([true, false])('map the user alone, setgroups(2) given up (tools: %s)', (hasTools) => {
    const result = sh(LOOK, () => {}, { hasTools });
    expect(result).toMatchObject({ status: 0, stderr: '' });
    expect(lines(result)).toEqual(['0', `0 ${USER} 1`, `0 ${USER} 1`, 'deny']);
  });
  it('map subordinate ids by newuidmap and newgidmap', () => {
    const result = sh(LOOK, (config) => {
      mapRange(config);
      config.process.user = { uid: 5, gid: 6 };
    });
    expect(result).toMatchObject({ status: 0, stderr: '' });
    const map = [`0 ${USER} 1`, `1 ${SUBORDINATE} 65536`];
    expect(lines(result)).toEqual(['5', ...map, ...map, 'allow']);
  });
  it.runIf(isTsrun)('with them allow process.user.additionalGids', () => {
    const { stdout } = sh('id -G', (config) => {
      mapRange(config);
      config.process.user = { uid: 5, gid: 6, additionalGids: [7, 8] };
    });
    expect(stdout).toBe('6 7 8\n');
  });
  it('are refused where the ids are somebody else’s', () => {
    refused(
      sh('echo ran', (config) => mapRange(config, 0)),
      'linux.uidMappings',
    );
    refused(
      sh('echo ran', (config) => mapRange(config, SUBORDINATE + 1)),
      'linux.uidMappings',
    );
  });
  it('are refused where there are no tools to map them', () => {
    refused(
      sh('echo ran', (config) => mapRange(config), { hasTools: false }),
      'linux.uidMappings',
    );
  });
  it.runIf(isTsrun)('cannot be gone without', () => {
    const result = sh('echo ran', (config) => {
      config.linux.namespaces = config.linux.namespaces.filter(({ type }) => type !== 'user');
      delete config.linux.uidMappings;
      delete config.linux.gidMappings;
    });
    refused(result, 'linux.namespaces');
    expect(result.stderr).toContain('EPERM');
  });
});

describe('the life of a container of an ordinary user', () => {
  it('is that of any other', async () => {
    const id = newId();
    const path = bundle((config) => {
      config.process.args = ['sleep', '60'];
    });
    expect(asUser(['create', '--bundle', path, id])).toMatchObject({ status: 0 });
    expect(asUser(['start', id])).toMatchObject({ status: 0 });
    expect(JSON.parse(asUser(['state', id]).stdout)).toMatchObject({ id, status: 'running' });
    expect(asUser(['list', '-q']).stdout).toBe(`${id}\n`);
    const exec = asUser(['exec', id, 'sh', '-c', 'id -u; cat /proc/1/comm; kill -0 1 && echo may']);
    expect(exec).toMatchObject({ status: 0, stdout: '0\nsleep\nmay\n' });
    expect(asUser(['kill', id, 'KILL'])).toMatchObject({ status: 0 });
    const status = () => (JSON.parse(asUser(['state', id]).stdout) as { status: string }).status;
    await until(() => status() === 'stopped', 'the end');
    expect(asUser(['delete', id])).toMatchObject({ status: 0 });
  });
  it.runIf(isTsrun)('is below XDG_RUNTIME_DIR, and not taken for rubbish there', () => {
    const runtimeDirectory = join(home(), 'xdg');
    mkdirSync(runtimeDirectory);
    own(runtimeDirectory);
    const options = { root: '', env: { XDG_RUNTIME_DIR: runtimeDirectory } };
    expect(sh('true', () => {}, options)).toMatchObject({ status: 0 });
    // The sticky bit keeps what clears old files away: XDG Base Directory Specification.
    const { mode, uid } = statSync(join(runtimeDirectory, 'tsrun'));
    expect({ mode: mode & 0o7777, uid }).toEqual({ mode: 0o1700, uid: USER });
  });
  it('cannot be ended, entered or started from that of somebody else', () => {
    const { id } = t.create((config) => {
      config.process.args = ['sleep', '60'];
    });
    for (const args of [
      ['start', id],
      ['exec', id, 'true'],
      ['kill', id, 'KILL'],
      ['pause', id],
      ['delete', '--force', id],
    ]) {
      const { status } = asUser(args, { root: t.stateRoot });
      expect({ args, isRefused: status !== 0 }).toEqual({ args, isRefused: true });
      expect(t.state(id).status).toBe('created');
    }
  });
});

describe('--rootless', () => {
  const ownCgroups = (edit: Edit, globals: readonly string[] = []) =>
    sh('echo ran', edit, { globals });
  const limit: Edit = (config) => {
    config.linux.resources = { pids: { limit: 10 } };
  };

  it('lets a container that asks for nothing stay in the caller’s cgroups', () => {
    const { status, stdout } = sh('cat /proc/self/cgroup');
    expect({ status, stdout }).toEqual({
      status: 0,
      stdout: readFileSync('/proc/self/cgroup', 'utf8'),
    });
  });
  it('refuses limits where no cgroup can be made for them', () => {
    refused(ownCgroups(limit), 'linux.resources');
  });
  it('refuses a cgroupsPath where none can be made', () => {
    const at = (path: string): Edit => {
      return (config) => {
        config.linux.cgroupsPath = path;
      };
    };
    refused(ownCgroups(at(`/${t.mark}-denied`)), 'linux.cgroupsPath');
    refused(ownCgroups(at(`${t.mark}-denied`)), 'linux.cgroupsPath');
  });
  it('takes a cgroup that was handed to the user', () => {
    const parents = readdirSync('/sys/fs/cgroup')
      .map((name) => join('/sys/fs/cgroup', name))
      .filter((path) => !path.endsWith('unified') && statSync(path).isDirectory())
      .map((path) => join(path, `${t.mark}-handed`));
    // v1 hierarchies under one name and another are one.
    const made = [...new Set(parents)].filter((path) => {
      try {
        mkdirSync(path);
        return true;
      } catch {
        return false;
      }
    });
    try {
      for (const path of made) {
        for (const file of ['', ...readdirSync(path)]) chownSync(join(path, file), USER, USER);
      }
      const at: Edit = (config) => {
        config.linux.cgroupsPath = `/${t.mark}-handed/box`;
        limit(config);
      };
      const { status, stdout } = sh('cat /proc/self/cgroup', at);
      expect(status).toBe(0);
      expect(stdout).toContain(`:pids:/${t.mark}-handed/box\n`);
      expect(cgroupsOf('box').filter((path) => path.includes(t.mark))).toEqual([]);
    } finally {
      for (const path of made) rmdirSync(path);
    }
  });
  it.runIf(isTsrun)('false: the cgroups are asked for, and their refusal is an error', () => {
    refused(
      ownCgroups(() => {}, ['--rootless', 'false']),
      'cgroup_create',
    );
  });
  it('true: as root, whose limits are then still set', () => {
    const path = t.bundle((config) => {
      limit(config);
      config.process.args = ['sh', '-c', 'cat /proc/self/cgroup'];
    });
    const id = t.newId();
    const { status, stdout } = t.call(['--rootless', 'true', 'run', '--bundle', path, id]);
    expect(status).toBe(0);
    expect(stdout).toContain(id);
  });
  it('is one of true, false and auto', () => {
    const { status, stdout } = ownCgroups(() => {}, ['--rootless', 'maybe']);
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
  });
});

describe('mounts of an ordinary user', () => {
  const mountinfo = (edit: Edit) => sh('cat /proc/self/mountinfo', edit);
  // What users of runc ask for: there it is EPERM.
  it.runIf(isTsrun)(
    'of sysfs are the host’s /sys where the network namespace is the host’s',
    () => {
      const { status, stdout } = mountinfo((config) => {
        config.linux.namespaces = config.linux.namespaces.filter(({ type }) => type !== 'network');
      });
      expect(status).toBe(0);
      for (const line of stdout.split('\n').filter((one) => / \/sys[/ ]/.test(one))) {
        const point = line.split(' ')[4] ?? '';
        const options = findMount(stdout, point)?.options;
        expect({ point, isReadonly: options?.includes('ro') }).toEqual({ point, isReadonly: true });
      }
      expect(findMount(stdout, '/sys')).toMatchObject({ type: 'sysfs' });
    },
  );
  it('of sysfs are their own with a network namespace of their own', () => {
    const { status, stdout } = mountinfo(() => {});
    expect(status).toBe(0);
    expect(stdout.split('\n').filter((line) => / \/sys\//.test(line))).toEqual([]);
    expect(findMount(stdout, '/sys')).toMatchObject({ type: 'sysfs' });
  });
  it('of cgroups are there, and read-only', () => {
    const { status, stdout } = mountinfo((config) => {
      config.linux.namespaces.push({ type: 'cgroup' });
      config.mounts.push({
        destination: '/sys/fs/cgroup',
        type: 'cgroup',
        source: 'cgroup',
        options: ['nosuid', 'noexec', 'nodev', 'relatime', 'ro'],
      });
    });
    expect(status).toBe(0);
    const points = stdout.split('\n').map((line) => line.split(' ')[4] ?? '');
    const cgroups = points.filter((point) => point.startsWith('/sys/fs/cgroup'));
    expect(cgroups.length).toBeGreaterThan(1);
    for (const point of cgroups) expect(findMount(stdout, point)?.options).toContain('ro');
  });
  it('bind what the user may read, with the flags the host has locked', () => {
    const source = join(home(), 'volume');
    mkdirSync(source);
    writeFileSync(join(source, 'file'), 'of the user');
    own(source);
    const { status, stdout } = sh('cat /v/file; echo x > /v/new; ls /v', (config) => {
      config.mounts.push({ destination: '/v', type: 'bind', source, options: ['rbind', 'rw'] });
    });
    expect({ status, stdout }).toEqual({ status: 0, stdout: 'of the userfile\nnew\n' });
    expect(statSync(join(source, 'new')).uid).toBe(USER);
  });
  it('do not reach what the user may not read', () => {
    const secret = t.newDirectory();
    writeFileSync(join(secret, 'file'), 'of root');
    chmodSync(secret, 0o700);
    const { stdout } = sh('cat /v/file', (config) => {
      config.mounts.push({ destination: '/v', type: 'bind', source: secret, options: ['bind'] });
    });
    expect(stdout).toBe('');
  });
  it.runIf(isTsrun)('cannot be id-mapped, which says so', () => {
    const result = sh('echo ran', (config) => {
      config.mounts.push({
        destination: '/v',
        type: 'bind',
        source: home(),
        options: ['bind', 'idmap'],
      });
    });
    refused(result, 'mounts[');
  });
});

describe('devices, priorities and filters of an ordinary user', () => {
  it('are the host’s by bind mounts', () => {
    const { status, stdout } = sh('echo x > /dev/null; head -c 3 /dev/zero | wc -c; ls /dev/tty');
    expect({ status, stdout }).toEqual({ status: 0, stdout: '3\n/dev/tty\n' });
  });
  it('lower no oom_score_adj, and the container runs', () => {
    const { status, stdout } = sh('echo ran', (config) => {
      config.process.oomScoreAdj = -500;
    });
    expect({ status, stdout }).toEqual({ status: 0, stdout: 'ran\n' });
  });
  it('have a filter without no_new_privs', () => {
    const { status, stdout } = sh('mkdir /tmp/a 2>/dev/null || echo refused', (config) => {
      config.process.noNewPrivileges = false;
      config.linux.seccomp = {
        defaultAction: 'SCMP_ACT_ALLOW',
        syscalls: [{ names: ['mkdir', 'mkdirat'], action: 'SCMP_ACT_ERRNO' }],
      };
    });
    expect({ status, stdout }).toEqual({ status: 0, stdout: 'refused\n' });
  });
});
