/**
 * Kernels from Linux 5.10 on, and what they lack: containers where newer system calls do not exist. With
 * TSRUN_PREFIX='…/old_kernel 424' every other test runs so too: soak.md.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync, readlinkSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { addUserNamespace, type Config } from './config.ts';
import { cgroupsOf, findMount, isTsrun, TOP, until, useContainers } from './runtime.ts';
import { receiver } from './terminals.ts';

const t = useContainers();

beforeAll(() => {
  const source = join(TOP, 'test/integration/old_kernel.c');
  const { status, stderr } = spawnSync('cc', [
    '-O1',
    '-o',
    join(t.directory, 'old_kernel'),
    source,
  ]);
  expect({ status, stderr: `${stderr}` }).toEqual({ status: 0, stderr: '' });
});

/** The first system call that is missing, and which are behind it; or those alone that are. */
describe.runIf(isTsrun).each([
  ['442', 'Linux 5.10: no mount_setattr'],
  ['437', 'nor openat2, pidfd_getfd, faccessat2'],
  ['435', 'nor clone3, close_range'],
  ['424', 'nor pidfd_open, pidfd_send_signal, open_tree, move_mount, fsopen'],
  ['=437', 'openat2'],
  ['=442', 'mount_setattr'],
  ['=428,429,430,431,432', 'open_tree, move_mount, fsopen, fsconfig, fsmount'],
  ['=435', 'clone3'],
  ['=424,434,438', 'pidfd_send_signal, pidfd_open, pidfd_getfd'],
  ['=436', 'close_range'],
  ['=439,452', 'faccessat2, fchmodat2'],
  ['=467', 'open_tree_attr'],
])('without system calls %s (from that on, or just these: %s)', (first) => {
  const old = () => ({ prefix: [join(t.directory, 'old_kernel'), first] });
  const script = (text: string) => (config: Config) => {
    config.process.args = ['sh', '-c', text];
  };

  it('run: output, status, nothing left', () => {
    const result = t.run(script('echo said; exit 3'), [], old());
    expect(result).toEqual({ status: 3, stdout: 'said\n', stderr: '' });
    expect(cgroupsOf(t.mark)).toEqual([]);
  });
  it('create, start, exec, kill, delete', async () => {
    const { id, output, result } = t.create(script('echo on; exec sleep 1000'), [], old());
    expect(result).toMatchObject({ status: 0, stderr: '' });
    expect(t.call(['start', id], old())).toMatchObject({ status: 0, stderr: '' });
    await until(() => output() === 'on\n', 'the process');
    // Without pidfd_open: namespace by namespace, each by its file in /proc.
    const names = ['ipc', 'mnt', 'net', 'pid', 'uts'].map((name) => `/proc/self/ns/${name}`);
    const joined = t.call(
      ['exec', id, 'sh', '-c', `for n in ${names.join(' ')}; do readlink $n; done`],
      old(),
    );
    const links = names.map((name) => readlinkSync(name.replace('self', `${t.state(id).pid}`)));
    expect(joined).toEqual({ status: 0, stdout: `${links.join('\n')}\n`, stderr: '' });
    expect(t.call(['kill', id, 'KILL'], old())).toMatchObject({ status: 0, stderr: '' });
    await t.waitFor(id, 'stopped');
    expect(t.call(['delete', id], old())).toMatchObject({ status: 0, stderr: '' });
  });
  it('delete --force ends a running container', () => {
    const id = t.newId();
    const bundle = t.bundle(script('exec sleep 1000'));
    expect(t.call(['run', '--detach', '--bundle', bundle, id], old())).toMatchObject({ status: 0 });
    expect(t.call(['delete', '--force', id], old())).toMatchObject({ status: 0, stderr: '' });
  });
  it('mounts: bind, read-only, tmpfs, masked and read-only paths', () => {
    const source = t.newDirectory();
    writeFileSync(join(source, 'file'), 'content');
    const { stdout, stderr } = t.sh(
      'cat /data/file /proc/self/mountinfo; touch /data/new /etc/new 2>&1; ls /proc/acpi',
      (config) => {
        config.mounts.push(
          { destination: '/data', source, options: ['rbind', 'ro', 'nosuid'] },
          { destination: '/scratch/deep', type: 'tmpfs', source: 't', options: ['mode=700'] },
        );
        config.linux.maskedPaths = ['/proc/kcore', '/proc/acpi'];
        config.linux.readonlyPaths = ['/proc/sys', '/etc'];
      },
      old(),
    );
    expect(stderr.replaceAll(/ls: \/proc\/acpi: .*\n/g, '')).toBe('');
    expect(stdout).toMatch(/^content/);
    const options = expect.arrayContaining(['ro', 'nosuid']);
    expect(findMount(stdout, '/data')).toMatchObject({ options });
    expect(findMount(stdout, '/scratch/deep')).toMatchObject({ type: 'tmpfs' });
    expect(findMount(stdout, '/proc/sys')?.options).toContain('ro');
    expect(stdout).toMatch(/\/data\/new: Read-only file system/);
    expect(stdout).toMatch(/\/etc\/new: Read-only file system/);
  });
  it('a user namespace', () => {
    const { stdout, stderr } = t.sh('cat /proc/self/uid_map', addUserNamespace, old());
    expect({ stderr, map: stdout.trim().split(/\s+/) }).toEqual({
      stderr: '',
      map: ['0', '100000', '65536'],
    });
  });
});

describe.runIf(isTsrun)('exec without fsopen (Linux 5.2)', () => {
  it('has a null device of its own where the container has spoilt its one', async () => {
    const old = { prefix: [join(t.directory, 'old_kernel'), '=428,429,430,431,432'] };
    const { id, output } = t.create(
      (config) => {
        config.process.args = ['sh', '-c', 'rm /dev/null; echo gone; sleep 1000'];
      },
      [],
      old,
    );
    expect(t.call(['start', id], old)).toMatchObject({ status: 0 });
    await until(() => output() === 'gone\n', 'the trap');
    const look = 'stat -L -c %t:%T:%d /proc/self/fd/0; wc -c; grep -c . /proc/self/mountinfo';
    const { stdout, stderr } = t.call(['exec', id, 'sh', '-c', look], old);
    const [device, read, mounts] = stdout.trim().split('\n');
    expect({ stderr, read }).toEqual({ stderr: '', read: '0' });
    expect(device).toMatch(/^1:3:/);
    expect(device).not.toBe(`1:3:${statSync('/dev/null').dev}`);
    // The file system it is on is in no mount namespace any more.
    const { pid } = t.state(id);
    const ofContainer = readFileSync(`/proc/${pid}/mountinfo`, 'utf8').trim().split('\n');
    expect(Number(mounts)).toBe(ofContainer.length);
  });
});

describe.runIf(isTsrun)('without pidfd_open (Linux 5.3)', () => {
  const old = () => ({ prefix: [join(t.directory, 'old_kernel'), '=424,434,438'] });
  const sleeping = (config: Config) => {
    config.process.args = ['sleep', '1000'];
  };
  it('--pidfd-socket is refused by name, and nothing is left', async () => {
    const { socket, ended } = await receiver(t);
    const { id, result } = t.create(sleeping, ['--pidfd-socket', socket], old());
    expect(result.status).toBe(1);
    expect(result.stderr).toMatch(
      /^tsrun: create "[^"]+": send_fd [^\n]*ENOSYS: [^\n]+ \(pidfd of init\)\n$/,
    );
    expect(cgroupsOf(id)).toEqual([]);
    await ended;
  });
  it('linux.seccomp.listenerPath is refused by name', () => {
    const result = t.run(
      (config) => {
        sleeping(config);
        config.linux.seccomp = {
          defaultAction: 'SCMP_ACT_ALLOW',
          listenerPath: '/no/such',
          syscalls: [{ names: ['mkdir'], action: 'SCMP_ACT_NOTIFY' }],
        };
      },
      [],
      old(),
    );
    expect(result.status).toBe(1);
    expect(result.stderr).toMatch(
      /^tsrun: run "[^"]+": linux\.seccomp: [^\n]*ENOSYS: [^\n]*pidfd[^\n]*\n$/,
    );
  });
  it('events ends when the process does', async () => {
    const id = t.newId();
    t.call(['run', '--detach', '--bundle', t.bundle(sleeping), id], old());
    const events = t.spawn(['events', '--interval', '20ms', id], old());
    await until(() => events.stdout().includes('\n'), 'a line');
    t.call(['kill', id, 'KILL'], old());
    expect(await events.ended).toMatchObject({ status: 0, stderr: '' });
  });
});

describe.runIf(isTsrun)('recursive mount options', () => {
  it('are refused by name before mount_setattr (Linux 5.12)', () => {
    const result = t.run(
      (config) => {
        const options = ['rbind', 'rro'];
        config.mounts.push({ destination: '/data', source: t.newDirectory(), options });
      },
      [],
      { prefix: [join(t.directory, 'old_kernel'), '442'] },
    );
    expect(result.status).toBe(1);
    expect(result.stderr).toContain('mounts[6]');
    expect(result.stderr).toContain('mount_setattr');
    expect(readFileSync('/proc/self/mountinfo', 'utf8')).not.toContain(t.directory);
  });
});
