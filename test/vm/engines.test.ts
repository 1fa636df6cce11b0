/** podman under systemd on cgroup v2, with a profile of AppArmor. */
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { RUNTIME, useContainers } from '../integration/runtime.ts';
import { ok, PROFILES, useProfiles } from './programs.ts';

const t = useContainers();

const IMAGE = 'localhost/busybox';
const [PROFILE] = PROFILES;
useProfiles(t, [PROFILE]);
const LIMITS = ['memory.max', 'cpu.max', 'pids.max'].map((file) => `/sys/fs/cgroup/${file}`);
const CONFINED = `${PROFILE} (enforce)`;

const showUnit = (unit: string, ...properties: readonly string[]): string =>
  ok('systemctl', 'show', '-p', properties.join(','), unit);

describe('podman with systemd', () => {
  it('run, exec, stats, stop: a scope of systemd with the limits, a profile of AppArmor', () => {
    const at = (name: string) => join(t.directory, name);
    const storage = ['--root', at('storage'), '--runroot', at('run'), '--storage-driver', 'vfs'];
    const engine = [...storage, '--cgroup-manager', 'systemd', '--runtime', RUNTIME];
    const podman = (...args: readonly string[]) => ok('podman', ...engine, ...args);
    ok('tar', '-C', t.rootfs, '-cf', at('rootfs.tar'), '.');
    podman('import', '-c', 'ENV PATH=/bin', at('rootfs.tar'), IMAGE);
    const limits = ['--memory=64m', '--cpus=0.5', '--pids-limit=50', '--ulimit', 'nproc=100:100'];
    const more = ['--network=none', '--security-opt', `apparmor=${PROFILE}`];
    const id = podman('run', '-d', ...limits, ...more, IMAGE, 'sleep', '1000');
    const unit = `libpod-${id}.scope`;
    expect(showUnit(unit, 'MemoryMax', 'TasksMax')).toBe('MemoryMax=67108864\nTasksMax=50');
    const attributes = ['/proc/1/attr/current', '/proc/self/attr/current'];
    expect(podman('exec', id, 'cat', ...LIMITS, ...attributes)).toBe(
      `67108864\n50000 100000\n50\n${CONFINED}\n${CONFINED}`,
    );
    expect(podman('stats', '--no-stream', '--format', '{{.PIDs}}', id)).toBe('1');
    podman('rm', '-f', '-t', '0', id);
    expect(showUnit(unit, 'ActiveState')).toBe('ActiveState=inactive');
  });
});
