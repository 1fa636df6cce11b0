/** exec: a further process in a container, what it is like, how it ends, what is left of it. */
import {
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmdirSync,
  writeFileSync,
} from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readCgroup } from './cgroupFiles.ts';
import { addUserNamespace, type Config, grant, removeNamespace } from './config.ts';
import { cgroupsOf, fields, isTsrun, until, useContainers } from './runtime.ts';

const t = useContainers();

/** The id of a container that runs and does nothing. */
function start(edit: (config: Config) => void = () => {}): string {
  const id = t.newId();
  const bundle = t.bundle((config) => {
    config.process.args = ['sleep', '1000'];
    edit(config);
  });
  expect(t.call(['run', '--detach', '--bundle', bundle, id])).toMatchObject({ status: 0 });
  return id;
}

/** exec of a shell script. */
const sh = (id: string, script: string, flags: readonly string[] = []) =>
  t.call(['exec', ...flags, id, 'sh', '-c', script]);

/** The path of a process file. */
function processFile(process: object): string {
  const file = join(t.newDirectory(), 'process.json');
  writeFileSync(file, JSON.stringify({ cwd: '/', env: ['PATH=/bin'], ...process }));
  return file;
}

/** cgroup v2 alone. */
const isUnified = existsSync('/sys/fs/cgroup/cgroup.controllers');

const linesOf = (text: string): readonly string[] => text.trimEnd().split('\n');

describe('the process of exec', () => {
  it("is in the container's namespaces and cgroups", () => {
    const id = start();
    const { pid } = t.state(id);
    const names = ['ipc', 'mnt', 'net', 'pid', 'uts'];
    const links = names.map((name) => `/proc/self/ns/${name}`).join(' ');
    const { stdout } = sh(id, `for n in ${links}; do readlink $n; done; cat /proc/self/cgroup`);
    expect(linesOf(stdout)).toEqual([
      ...names.map((name) => readlinkSync(`/proc/${pid}/ns/${name}`)),
      ...linesOf(readFileSync(`/proc/${pid}/cgroup`, 'utf8')),
    ]);
  });
  it("is in the container's cgroup namespace, and in the cgroups that are its root", () => {
    const id = start((config) => config.linux.namespaces.push({ type: 'cgroup' }));
    const { pid } = t.state(id);
    const script = 'readlink /proc/self/ns/cgroup; cat /proc/self/cgroup';
    const [namespace, ...cgroups] = linesOf(sh(id, script).stdout);
    expect(namespace).toBe(readlinkSync(`/proc/${pid}/ns/cgroup`));
    expect(cgroups.filter((line) => !line.endsWith(':/'))).toEqual([]);
  });
  it("has the properties of the container's own process", () => {
    const id = start((config) => {
      config.process.cwd = '/tmp';
      config.process.env.push('OWN=value');
      config.process.user = { uid: 1000, gid: 1001, additionalGids: [7] };
      config.process.rlimits = [{ type: 'RLIMIT_NOFILE', soft: 200, hard: 300 }];
    });
    const { stdout } = sh(id, 'pwd; echo $OWN; id -u; id -g; id -G; ulimit -n; ulimit -H -n');
    expect(linesOf(stdout)).toEqual(['/tmp', 'value', '1000', '1001', '1001 7', '200', '300']);
  });
  it("has the container's capabilities, no_new_privs and seccomp filter", () => {
    const id = start((config) => {
      grant(config, 'CAP_CHOWN');
      config.linux.seccomp = {
        defaultAction: 'SCMP_ACT_ALLOW',
        syscalls: [{ names: ['mkdir', 'mkdirat'], action: 'SCMP_ACT_ERRNO', errnoRet: 28 }],
      };
    });
    const { stdout, stderr } = sh(id, 'cat /proc/self/status; mkdir /tmp/x');
    const status = fields(stdout);
    const own = fields(readFileSync(`/proc/${t.state(id).pid}/status`, 'utf8'));
    for (const name of [
      'CapInh',
      'CapPrm',
      'CapEff',
      'CapBnd',
      'CapAmb',
      'NoNewPrivs',
      'Seccomp',
    ]) {
      expect(status[name], name).toBe(own[name]);
    }
    expect(stderr).toContain('No space left on device');
  });
  it('has its standard streams open and nothing else, whatever its caller has', () => {
    const id = start();
    const extra = openSync('/etc/passwd', 'r');
    const { stdout } = t.call(['exec', id, 'ls', '/proc/self/fd'], { descriptors: [extra, extra] });
    // The last is of the directory that is listed.
    expect(linesOf(stdout)).toEqual(['0', '1', '2', '3']);
  });
  it('has the descriptors of --preserve-fds too', () => {
    const id = start();
    const descriptors = ['one', 'two'].map((text) => {
      const file = join(t.newDirectory(), text);
      writeFileSync(file, text);
      return openSync(file, 'r');
    });
    const args = ['exec', '--preserve-fds', '1', id, 'sh', '-c', 'cat <&3; ls /proc/self/fd'];
    const { stdout } = t.call(args, { descriptors });
    expect(linesOf(stdout)).toEqual(['one0', '1', '2', '3', '4']);
    const missing = t.call(['exec', '--preserve-fds', '3', id, 'true'], { descriptors });
    expect(missing.status).toBe(isTsrun ? 255 : missing.status);
  });
  // runc has pipes of its own in the foreground.
  it.runIf(isTsrun)("reads the container's /dev/null where its caller gave it the host's", () => {
    const script = 'stat -L -c %d /proc/self/fd/0; stat -c %d /dev';
    expect(t.sh(script).stdout).toMatch(/^(\d+)\n\1\n$/);
    expect(sh(start(), script).stdout).toMatch(/^(\d+)\n\1\n$/);
  });
  it.each([
    ['a user namespace', addUserNamespace],
    ['no pid namespace', (config: Config) => removeNamespace(config, 'pid')],
    ['a network namespace it has joined', (config: Config) => removeNamespace(config, 'network')],
  ])('joins a container with %s', (_what, edit) => {
    const id = start(edit);
    const script = 'for n in user pid net mnt; do readlink /proc/self/ns/$n; done; id -u; hostname';
    const result = sh(id, script);
    const { pid } = t.state(id);
    const links = ['user', 'pid', 'net', 'mnt'].map((name) =>
      readlinkSync(`/proc/${pid}/ns/${name}`),
    );
    expect(linesOf(result.stdout)).toEqual([...links, '0', 'box']);
  });
  // runc puts it into the host's root file system.
  it.runIf(isTsrun)('joins a container without a mount namespace in its root', () => {
    const id = start((config) => {
      removeNamespace(config, 'mount');
      config.mounts = [];
      delete config.linux.maskedPaths;
      delete config.linux.readonlyPaths;
    });
    const names = linesOf(t.call(['exec', id, 'ls', '-A', '/']).stdout);
    expect(names).toEqual(readdirSync(t.rootfs).sort());
  });
  it('joins a container that is created and not started', () => {
    const { id } = t.create((config) => {
      config.process.args = ['true'];
    });
    expect(sh(id, 'echo here; readlink /proc/1/exe')).toMatchObject({
      status: 0,
      stdout: expect.stringMatching(/^here\n/),
    });
    expect(t.state(id).status).toBe('created');
  });
});

describe('exec ends', () => {
  it("with the process's status", () => {
    const id = start();
    expect(sh(id, 'exit 7').status).toBe(7);
    expect(sh(id, 'true')).toEqual({ status: 0, stdout: '', stderr: '' });
  });
  it('with 128 and the signal that killed the process', () => {
    expect(sh(start(), 'kill -KILL $$').status).toBe(128 + 9);
  });
  it('when the container does, whose first process takes the others along', async () => {
    const id = start();
    const { ended } = t.spawn(['exec', id, 'sleep', '999']);
    const [cgroup = ''] = cgroupsOf(id);
    const processes = () => linesOf(readFileSync(join(cgroup, 'cgroup.procs'), 'utf8')).length;
    await until(() => processes() === 2, 'it to run');
    t.call(['kill', id, 'KILL']);
    expect((await ended).status).toBe(128 + 9);
  });
  it('as its process does on a signal it was sent itself', async () => {
    const id = start();
    const script = 'trap "echo got it; exit 9" TERM; echo ready; while :; do sleep 0.1; done';
    const { child, ended, stdout } = t.spawn(['exec', id, 'sh', '-c', script]);
    await until(() => stdout().includes('ready'), 'it to be ready');
    child.kill('SIGTERM');
    expect(await ended).toMatchObject({ status: 9, stdout: 'ready\ngot it\n' });
  });
});

describe('a flag of exec', () => {
  it('ends behind the container: the rest is the command', () => {
    const id = start();
    const { stdout } = sh(id, 'echo "$@"', []);
    expect(stdout).toBe('\n');
    const args = ['exec', id, 'echo', '-e', '--env', 'A=B', '--', '--tty', '-d'];
    expect(t.call(args).stdout).toBe('--env A=B -- --tty -d\n');
  });
  it('--env adds variables, the last of a name counts, and commas separate nothing', () => {
    const id = start((config) => {
      config.process.env.push('A=own', 'B=own');
    });
    const { stdout } = sh(id, 'echo $A $B $C', ['-e', 'A=one', '-e=A=two', '-e', 'C=x,D=y']);
    expect(stdout).toBe('two own x,D=y\n');
  });
  it('--cwd is the working directory', () => {
    expect(sh(start(), 'pwd', ['--cwd', '/tmp']).stdout).toBe('/tmp\n');
  });
  it.each([
    ['1000', '1000 1001'],
    ['1000:100', '1000 100'],
  ])('--user %s is the user', (user, expected) => {
    const id = start((config) => {
      config.process.user = { uid: 0, gid: 1001 };
    });
    expect(sh(id, 'echo $(id -u) $(id -g)', ['--user', user]).stdout).toBe(`${expected}\n`);
  });
  it('--additional-gids adds groups', () => {
    const id = start((config) => {
      config.process.user = { uid: 0, gid: 0, additionalGids: [5] };
    });
    expect(sh(id, 'id -G', ['--additional-gids', '7', '--additional-gids=9']).stdout).toBe(
      '0 5 7 9\n',
    );
  });
  it('--cap adds to bounding, effective and permitted, and to ambient what is inheritable', () => {
    const id = start((config) => {
      config.process.capabilities.inheritable = ['CAP_KILL'];
    });
    const { stdout } = sh(id, 'cat /proc/self/status', ['-c', 'CAP_KILL', '-c', 'CAP_SYS_TIME']);
    const { CapInh, CapPrm, CapEff, CapBnd, CapAmb } = fields(stdout);
    const all = '0000000022000420';
    expect({ CapInh, CapPrm, CapEff, CapBnd, CapAmb }).toEqual({
      CapInh: '0000000000000020',
      CapPrm: all,
      CapEff: all,
      CapBnd: all,
      CapAmb: '0000000000000020',
    });
  });
  it('--no-new-privs sets no_new_privs', () => {
    const id = start((config) => {
      config.process.noNewPrivileges = false;
    });
    const nnp = (...flags: string[]) =>
      fields(sh(id, 'cat /proc/self/status', flags).stdout)['NoNewPrivs'];
    expect([nnp(), nnp('--no-new-privs')]).toEqual(['0', '1']);
  });
  it('--process FILE is all of the process but what it leaves open', () => {
    const id = start((config) => {
      config.process.env.push('OWN=value');
      config.process.oomScoreAdj = 42;
    });
    const script = 'pwd; echo "<$OWN>"; id -u; cat /proc/self/oom_score_adj; cat /proc/self/status';
    const file = processFile({
      args: ['sh', '-c', script],
      cwd: '/tmp',
      user: { uid: 5, gid: 6 },
      noNewPrivileges: false,
    });
    const { stdout } = t.call(['exec', '--process', file, id]);
    expect(linesOf(stdout).slice(0, 4)).toEqual(['/tmp', '<>', '5', '42']);
    expect(fields(stdout)).toMatchObject({ NoNewPrivs: '0', CapBnd: '0000000020000420' });
  });
  it('--process reads a descriptor', () => {
    const id = start();
    const fd = openSync(processFile({ args: ['echo', 'from a descriptor'] }), 'r');
    const { stdout } = t.call(['exec', '-p', '/dev/fd/3', id], { descriptors: [fd] });
    expect(stdout).toBe('from a descriptor\n');
  });
  it('--detach leaves the process alone, --pid-file says which it is', async () => {
    const id = start();
    const file = join(t.newDirectory(), 'pid');
    const args = ['exec', '--detach', '--pid-file', file, id, 'sleep', '999'];
    expect(t.call(args)).toEqual({ status: 0, stdout: '', stderr: '' });
    const pid = readFileSync(file, 'utf8');
    expect(pid).toMatch(/^\d+$/);
    await until(() => readFileSync(`/proc/${pid}/cmdline`, 'utf8') === 'sleep\x00999\x00', 'sleep');
    expect(readlinkSync(`/proc/${pid}/ns/pid`)).toBe(
      readlinkSync(`/proc/${t.state(id).pid}/ns/pid`),
    );
  });
  it('--cgroup runs the process in a sub-cgroup', () => {
    const id = start();
    const own = cgroupsOf(id).filter((path) => isUnified || /\/(memory|pids)\//.test(path));
    const made = own.map((path) => join(path, 'sub'));
    for (const path of made) mkdirSync(path);
    const flag = isUnified ? 'sub' : 'memory,pids:sub';
    const { stdout } = sh(id, 'cat /proc/self/cgroup', ['--cgroup', flag]);
    expect(linesOf(stdout).filter((line) => line.endsWith('/sub'))).toHaveLength(own.length);
    expect(sh(id, 'true', ['--cgroup', 'nosuch']).status).toBe(255);
    expect(sh(id, 'true', ['--cgroup', '../..']).status).toBe(255);
    for (const path of made) rmdirSync(path);
  });
  it.runIf(isUnified)(
    "is where init is when the container's own cgroup can hold no process",
    () => {
      const id = start();
      const [own = ''] = cgroupsOf(id);
      const inner = join(own, 'inner');
      mkdirSync(inner);
      writeFileSync(join(inner, 'cgroup.procs'), `${t.state(id).pid}`);
      writeFileSync(join(own, 'cgroup.subtree_control'), '+pids');
      expect(sh(id, 'cat /proc/self/cgroup').stdout).toMatch(/\/inner\n$/);
    },
  );
});

// runc has it since 1.4.
describe.runIf(isTsrun && cpus().length > 1)('process.execCPUAffinity', () => {
  const OF_STATUS = 'Cpus_allowed_list';
  it('.initial is where the process enters the cgroups, .final where it runs then', async () => {
    const id = start((config) => {
      config.process.execCPUAffinity = { initial: '1', final: '0' };
    });
    const [cgroup = ''] = cgroupsOf(id).filter((path) => isUnified || path.includes('/freezer/'));
    // It stops where it enters: the container's cgroup is frozen.
    expect(t.call(['pause', id])).toMatchObject({ status: 0 });
    const { ended } = t.spawn(['exec', '--ignore-paused', id, 'cat', '/proc/self/status']);
    const entered = () =>
      linesOf(readFileSync(join(cgroup, 'cgroup.procs'), 'utf8')).find(
        (pid) => pid !== `${t.state(id).pid}`,
      );
    await until(() => entered() !== undefined, 'the process to enter');
    const initial = fields(readFileSync(`/proc/${entered()}/status`, 'utf8'))[OF_STATUS];
    // Linux before 6.2 gives who enters a cgroup of v2 all its CPUs.
    expect(initial).toMatch(isUnified ? /^(1|0-\d+)$/ : /^1$/);
    expect(t.call(['resume', id])).toMatchObject({ status: 0 });
    expect(fields((await ended).stdout)[OF_STATUS]).toBe('0');
  });
  it("absent: the container's CPUs, however the caller is pinned", () => {
    const id = start((config) => {
      config.linux.resources = { cpu: { cpus: '0-1' } };
    });
    const pinned = { prefix: ['taskset', '-c', '1'] };
    const { stdout } = t.call(['exec', id, 'cat', '/proc/self/status'], pinned);
    expect(fields(stdout)[OF_STATUS]).toBe('0-1');
  });
});

describe('exec fails with 255', () => {
  it.each([
    ['a program that is not there', ['nosuch'], /executable file not found in \$PATH/],
    ['a path that is not there', ['/no/such'], /no such file or directory/],
    ['a file that is no program', ['/etc/passwd'], /permission denied/],
    ['a directory', ['/etc'], /permission denied|is a directory/],
  ])('for %s', (_what, args, words) => {
    const result = t.call(['exec', start(), ...args]);
    expect(result).toMatchObject({ status: 255, stdout: '' });
    expect(result.stderr).toMatch(words);
  });
  it.each([
    ['a user that is no number', ['--user', '10x']],
    ['a user of three parts', ['--user', '1:2:3']],
    ['a pid file whose directory is missing', ['--pid-file', '/no/such/pid']],
    ['a process file that is missing', ['--process', '/no/such/process.json']],
    ['a working directory that is missing', ['--cwd', '/no/such']],
    ['a relative working directory', ['--cwd', 'tmp']],
  ])('for %s', (_what, flags) => {
    // runc takes the first two parts.
    if (!isTsrun && flags[1] === '1:2:3') return;
    const result = sh(start(), 'true', flags);
    expect(result).toMatchObject({ status: 255, stdout: '' });
    expect(result.stderr).not.toBe('');
  });
  it('for a container that is not there', () => {
    const result = t.call(['exec', 'nosuch', 'true']);
    expect(result.status).toBe(255);
    expect(result.stderr).toContain('container does not exist');
  });
  it('for a container without a command', () => {
    expect(t.call(['exec', start()]).status).toBe(255);
  });
  it('for a container that has stopped', async () => {
    const id = start();
    t.call(['kill', id, 'KILL']);
    await t.waitFor(id, 'stopped');
    const result = sh(id, 'true');
    expect(result.status).toBe(255);
    expect(result.stderr).toContain('cannot exec in a stopped container');
  });
  it('for one that is paused, unless --ignore-paused has it wait', async () => {
    const id = start();
    expect(t.call(['pause', id])).toMatchObject({ status: 0 });
    const refused = sh(id, 'true');
    expect(refused.status).toBe(255);
    // runc 1.1 has fewer words for it.
    expect(refused.stderr).toContain(
      isTsrun
        ? 'cannot exec in a paused container (use --ignore-paused to override)'
        : 'paused container',
    );
    const { ended } = t.spawn(['exec', '--ignore-paused', id, 'echo', 'late']);
    await new Promise((done) => setTimeout(done, 200));
    expect(t.call(['resume', id])).toMatchObject({ status: 0 });
    expect(await ended).toMatchObject({ status: 0, stdout: 'late\n' });
  });
  it.runIf(isTsrun)('and names every property of a process file that is wrong', () => {
    const file = processFile({ cwd: 'tmp', args: [], user: { uid: 4_294_967_295 } });
    const { status, stderr } = t.call(['exec', '--process', file, start()]);
    expect(status).toBe(255);
    for (const property of ['cwd: must be', 'args: must have', 'user.uid: is no id'])
      expect(stderr).toContain(property);
  });
});

describe('many execs', () => {
  it.runIf(isTsrun)('fit into a container of 4 MiB', () => {
    const id = start((config) => {
      config.linux.resources = { memory: { limit: 4 << 20 } };
    });
    const kib = (file: string) => Math.round(Number(readCgroup(id, 'memory', file)) / 1024);
    const [usage, peak] = isUnified
      ? ['memory.current', 'memory.peak']
      : ['memory.usage_in_bytes', 'memory.max_usage_in_bytes'];
    const alone = kib(usage);
    for (let i = 0; i < 5; i++) expect(t.call(['exec', id, 'echo', `${i}`]).stdout).toBe(`${i}\n`);
    console.log(`exec in 4 MiB: ${alone} KiB used before, at most ${kib(peak)} KiB with an exec`);
    expect(kib(peak)).toBeLessThan(4096);
  });
  it('run at once, and leave nothing in the container', async () => {
    const id = start();
    for (let round = 0; round < 3; round++) {
      const all = Array.from({ length: 20 }, (_, n) => t.spawn(['exec', id, 'echo', `${n}`]));
      const results = await Promise.all(all.map(({ ended }) => ended));
      expect(results.map(({ stdout }) => stdout)).toEqual(all.map((_, n) => `${n}\n`));
    }
    const procs = cgroupsOf(id).map((path) => readFileSync(join(path, 'cgroup.procs'), 'utf8'));
    for (const text of procs) expect(text).toBe(`${t.state(id).pid}\n`);
  });
});
