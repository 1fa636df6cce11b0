/** `tsrun info`: beside what the machine's own programs say of it. */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { version } from '../../package.json';
import { isTsrun, useContainers } from './runtime.ts';

const t = useContainers();

const sh = (script: string): string => {
  const done = spawnSync('sh', ['-euc', script], { encoding: 'utf8' });
  expect(done).toMatchObject({ status: 0 });
  return done.stdout.trim();
};

const infoWith = (env: Readonly<Record<string, string>> = {}): Record<string, unknown> => {
  const { status, stdout, stderr } = t.call(['info'], { env });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  return JSON.parse(stdout) as Record<string, unknown>;
};

describe.runIf(isTsrun)('info', () => {
  it('says what program this is, and where its containers are', () => {
    expect(infoWith()).toMatchObject({ version, root: t.stateRoot, isRoot: true });
    expect(t.call(['--version']).stdout).toContain(`commit: ${infoWith()['commit']}\n`);
  });

  it('says what machine, kernel and system this is, as uname, nproc and free do', () => {
    expect(infoWith()).toMatchObject({
      kernel: sh('uname -sr'),
      machine: sh('uname -m'),
      processors: Number(sh('nproc --all')),
      memoryTotalKiB: Number(sh("free -k | awk '/^Mem:/ { print $2 }'")),
      system: sh('. /etc/os-release; echo "$PRETTY_NAME"'),
      inUserNamespace: sh('cat /proc/self/uid_map').split(/\s+/).join(' ') !== '0 0 4294967295',
    });
  });

  it('says which controllers of cgroups there are', () => {
    const isV2 = existsSync('/sys/fs/cgroup/cgroup.controllers');
    const listed = isV2
      ? sh('cat /sys/fs/cgroup/cgroup.controllers').split(' ')
      : sh('cut -d: -f2 /proc/self/cgroup').split(/[\n,]/);
    const { version: found, controllers } = infoWith()['cgroup'] as {
      version: number;
      controllers: readonly string[];
    };
    expect(found).toBe(isV2 ? 2 : 1);
    expect(controllers.length).toBeGreaterThan(0);
    expect(listed).toEqual(expect.arrayContaining([...controllers]));
  });

  it('says which namespaces, capabilities and actions of seccomp the kernel has', () => {
    const info = infoWith();
    const namespaces = readdirSync('/proc/self/ns').filter((name) => !name.includes('_for_'));
    expect(info['namespaces']).toEqual(namespaces.sort());
    expect(`${info['lastCapability']}`).toBe(sh('cat /proc/sys/kernel/cap_last_cap'));
    expect(info['seccompActions']).toEqual(
      readFileSync('/proc/sys/kernel/seccomp/actions_avail', 'utf8').trim().split(' '),
    );
    expect(info['apparmor']).toBe(existsSync('/sys/kernel/security/apparmor'));
  });

  it('finds the programs that it calls by PATH, and says null for what is not there', () => {
    const { ps } = infoWith()['programs'] as { ps: string | null };
    expect(ps).toBe(sh('command -v ps'));
    // Node itself is where the first line of the program says.
    const missing = infoWith({ PATH: join(t.directory, 'nowhere') })['programs'];
    expect(missing).toEqual({ criu: null, newuidmap: null, newgidmap: null, ps: null });
  });
});
