/** process.apparmorProfile: the profile that confines the program, on hosts with AppArmor and without. */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Config } from './config.ts';
import { useContainers } from './runtime.ts';

const ENABLED = '/sys/module/apparmor/parameters/enabled';
const hasAppArmor = existsSync(ENABLED) && readFileSync(ENABLED, 'utf8').startsWith('Y');
/** The one program that makes a profile of its text; it need not be installed. */
const PARSER = process.env['APPARMOR_PARSER'] ?? '/sbin/apparmor_parser';

const t = useContainers();

const withProfile = (profile: string) => (config: Config) => {
  config.process.apparmorProfile = profile;
};

// Skipped where it cannot be seen: without AppArmor in the kernel, or nothing to load a profile with.
describe.skipIf(!hasAppArmor || !existsSync(PARSER))('process.apparmorProfile', () => {
  const profile = 'tsrun-test-profile';

  const parse = (option: string) => {
    const file = join(t.directory, 'profile');
    const rules = 'file, capability, signal, deny /tmp/** w,';
    writeFileSync(file, `profile ${profile} flags=(attach_disconnected) { ${rules} }\n`);
    const { status, stderr } = spawnSync(PARSER, ['--skip-cache', option, file], {
      encoding: 'utf8',
    });
    expect({ status, stderr }).toMatchObject({ status: 0 });
  };
  beforeAll(() => parse('--replace'));
  afterAll(() => parse('--remove'));

  it.each([true, false])('confines the program (noNewPrivileges: %s)', (noNewPrivileges) => {
    const script = 'cat /proc/self/attr/current; touch /tmp/denied; touch /allowed';
    const { stdout, stderr } = t.sh(script, (config) => {
      withProfile(profile)(config);
      config.process.noNewPrivileges = noNewPrivileges;
    });
    expect(stdout).toBe(`${profile} (enforce)\n`);
    expect(stderr).toBe('touch: /tmp/denied: Permission denied\n');
  });
  it('confines a program in a user namespace', () => {
    const { stdout } = t.sh('cat /proc/self/attr/current', (config) => {
      withProfile(profile)(config);
      config.linux.namespaces.push({ type: 'user' });
      config.linux.uidMappings = [{ containerID: 0, hostID: 0, size: 65536 }];
      config.linux.gidMappings = [{ containerID: 0, hostID: 0, size: 65536 }];
    });
    expect(stdout).toBe(`${profile} (enforce)\n`);
  });
  it('confines what exec runs: as the container, or by a flag', () => {
    const exec = (edit: (config: Config) => void, ...flags: string[]) => {
      const { id } = t.create((config) => {
        config.process.args = ['sleep', '60'];
        edit(config);
      });
      t.call(['start', id]);
      return t.call(['exec', ...flags, id, 'cat', '/proc/self/attr/current']).stdout;
    };
    expect(exec(withProfile(profile))).toBe(`${profile} (enforce)\n`);
    expect(exec(() => {}, '--apparmor', profile)).toBe(`${profile} (enforce)\n`);
  });
  it('may be unconfined', () => {
    const { stdout } = t.sh('cat /proc/self/attr/current', withProfile('unconfined'));
    expect(stdout).toBe('unconfined\n');
  });
  it('that is not loaded is blamed, and nothing is run', () => {
    const { status, stdout, stderr } = t.sh('echo ran', withProfile('no-such-profile'));
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
    expect(stderr).toMatch(/`\/proc\/self\/attr\/(apparmor\/)?exec`.*ENOENT/);
  });
});

describe.skipIf(hasAppArmor)('process.apparmorProfile on a host without AppArmor', () => {
  it('is refused, and nothing is run', () => {
    const { status, stdout, stderr } = t.sh('echo ran', withProfile('docker-default'));
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
    expect(stderr).toContain('apparmorProfile');
  });
  it('is refused to exec', () => {
    const { id } = t.create((config) => {
      config.process.args = ['sleep', '60'];
    });
    t.call(['start', id]);
    const { status, stdout, stderr } = t.call(['exec', '--apparmor', 'x', id, 'echo', 'ran']);
    expect({ status, stdout }).toEqual({ status: 255, stdout: '' });
    expect(stderr).toContain('apparmorProfile');
  });
});
