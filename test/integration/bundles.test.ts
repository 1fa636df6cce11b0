/** The sample bundles do what bundles/README.md says. */
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { isTsrun, RUNTIME, TOP, useContainers } from './runtime.ts';

const t = useContainers();
const BUNDLES = join(TOP, 'bundles');
const names = readdirSync(BUNDLES).filter((name) => existsSync(join(BUNDLES, name, 'config.json')));

/** A copy of all of them with a root of their own, so that runs at the same time do not meet. */
let copy = '';
beforeAll(() => {
  copy = join(t.newDirectory(), 'bundles');
  cpSync(BUNDLES, copy, {
    recursive: true,
    verbatimSymlinks: true,
    filter: (path) => !/\/(rootfs|changes|log)$/.test(path),
  });
  const made = spawnSync('sh', [join(copy, 'make-rootfs.sh')], { encoding: 'utf8' });
  expect(made).toMatchObject({ status: 0 });
});

const run = (name: string) => t.call(['run', '--bundle', join(copy, name), t.newId()]);

describe('bundles', () => {
  it('each has a line in README.md', () => {
    const readme = readFileSync(join(BUNDLES, 'README.md'), 'utf8');
    for (const name of names) expect(readme).toContain(`\`${name}\``);
  });
  it('hello', () => {
    expect(run('hello')).toEqual({ status: 0, stdout: 'hello from a container\n', stderr: '' });
  });
  // Time namespaces are of runtime-spec 1.1.
  it.runIf(isTsrun)(
    'isolation: every one of the eight namespaces is another than the host has',
    () => {
      const { stdout, stderr } = run('isolation');
      expect(stderr).toBe('');
      for (const name of ['pid', 'net', 'mnt', 'ipc', 'uts', 'user', 'cgroup', 'time']) {
        const inside = new RegExp(`^${name} +(${name}:\\[\\d+\\])$`, 'm').exec(stdout)?.[1];
        expect(inside, name).toBeDefined();
        expect(inside, name).not.toBe(readlinkSync(`/proc/self/ns/${name}`));
      }
      expect(stdout).toMatch(/^pid: +I am process 1 /m);
      expect(stdout).toContain('interfaces: lo \n');
      expect(stdout).toContain('host name: isolation\n');
      expect(stdout).toContain('I am uid 0, on the host 100000\n');
      expect(stdout).toMatch(/^time: +up for (36[5-9]|3[7-9]\d|[4-9]\d\d) days/m);
    },
  );
  it('limits', () => {
    const { stdout } = run('limits');
    expect(stdout).toMatch(/^memory.*: 67108864$/m);
    expect(stdout).toMatch(/^pids.*max: 32$/m);
    expect(stdout).toContain('open files: 256 soft, 512 hard\ncore dumps: 0\n');
  });
  it('readonly', () => {
    const { stdout } = run('readonly');
    expect(stdout.split('\n').map((line) => line.split(':')[0])).toEqual([
      'refused',
      'allowed',
      'refused',
      'refused',
      'refused',
      '',
    ]);
  });
  it('seccomp: two calls are denied', () => {
    expect(run('seccomp').stdout.split('\n')).toEqual([
      expect.stringContaining('Read-only file system'),
      expect.stringContaining('Operation not permitted'),
      'the rest works',
      '',
    ]);
  });
  it('userns', () => {
    const { stdout, stderr } = run('userns');
    expect(stderr).toBe('');
    expect(stdout).toContain('uid 0, gid 0; uid_map:  0 100000 65536\n');
    expect(stdout).toContain("the owner of / is 65534, for what is not mapped is nobody's\n");
    expect(stdout).toContain('the owner of my file is 0\n');
    expect(stdout).toContain('renamed\n');
  });
  it('hooks: all six, in order', () => {
    expect(run('hooks')).toMatchObject({ status: 0, stderr: '' });
    const log = readFileSync(join(copy, 'hooks/log/order'), 'utf8').trim().split('\n');
    const kinds = log.map((line) => line.split(':')[0]);
    // runc calls poststart before the process has gone through startContainer.
    const expected = [
      'prestart',
      'createRuntime',
      'createContainer',
      'startContainer',
      'poststart',
      'process',
      'poststop',
    ];
    expect([...kinds].sort()).toEqual([...expected].sort());
    expect(kinds.slice(0, 3)).toEqual(expected.slice(0, 3));
    expect(kinds.at(-1)).toBe('poststop');
  });
  it('network: reaches the host, and the host keeps no interface', () => {
    const id = t.newId();
    const { stdout, stderr } = t.call(['run', '--bundle', join(copy, 'network'), id]);
    expect(stderr).toBe('');
    expect(stdout).toContain('inet 169.254.77.2/30');
    expect(stdout).toContain('1 packets received');
    // As veth.sh names the host's end.
    const sum = spawnSync('cksum', { input: `${id}\n`, encoding: 'utf8' }).stdout.split(' ')[0];
    expect(readdirSync('/sys/class/net')).not.toContain(`tsr${sum}`);
  });
  it('overlay-one, overlay-two: share what they read, not what they write', () => {
    const first = run('overlay-one').stdout;
    const second = run('overlay-two').stdout;
    expect(first).toContain('written by one\n');
    expect(second).toContain('written by two\n');
    expect(second).not.toContain('written by one');
    expect(existsSync(join(copy, 'rootfs/etc/motd'))).toBe(false);
    expect(readFileSync(join(copy, 'overlay-one/changes/upper/etc/motd'), 'utf8')).toBe(
      'written by one\n',
    );
  });
  it('shell: on a terminal', () => {
    const command = `${RUNTIME} --root ${t.stateRoot} run --bundle ${join(copy, 'shell')} ${t.newId()}`;
    const done = spawnSync('script', ['-qec', command, '/dev/null'], {
      input: 'tty; exit 3\n',
      encoding: 'utf8',
      timeout: 30_000,
    });
    expect(done.stdout).toContain('/dev/pts/0');
    expect(done.status).toBe(3);
  });
});
