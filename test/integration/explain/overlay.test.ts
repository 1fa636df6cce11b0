/** --overlay: the root file system of the bundle is never written. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Config } from '../config.ts';
import { isTsrun, useContainers } from '../runtime.ts';

const t = useContainers();

const script = (text: string, rootfs: string) => (config: Config) => {
  config.root.path = rootfs;
  config.process.args = ['sh', '-c', text];
};

describe.runIf(isTsrun)('--overlay', () => {
  it('takes what is written, and goes with the container', () => {
    const rootfs = t.freshRootfs();
    const before = readdirSync(join(rootfs, 'bin')).length;
    const text = 'echo new > /file && cat /file && rm /bin/ls && test -e /bin/ls || echo removed';
    expect(t.run(script(text, rootfs), ['--overlay'])).toEqual({
      status: 0,
      stdout: 'new\nremoved\n',
      stderr: '',
    });
    expect(existsSync(join(rootfs, 'file'))).toBe(false);
    expect(readdirSync(join(rootfs, 'bin'))).toHaveLength(before);
  });

  it('=DIR keeps it for the next container', () => {
    const rootfs = t.freshRootfs();
    const directory = join(t.newDirectory(), 'layer');
    const flags = [`--overlay=${directory}`];
    expect(t.run(script('echo kept > /root/file', rootfs), flags).status).toBe(0);
    expect(readFileSync(join(directory, 'upper/root/file'), 'utf8')).toBe('kept\n');
    expect(t.run(script('cat /root/file', rootfs), flags).stdout).toBe('kept\n');
    expect(t.run(script('cat /root/file', rootfs)).status).toBe(1);
  });

  it('of a container that is deleted while it runs leaves nothing, and exec sees the same root', () => {
    const rootfs = t.freshRootfs();
    const { id } = t.create(script('echo x > /file; sleep 1000', rootfs), ['--overlay=tmpfs']);
    t.call(['start', id]);
    expect(
      t.call(['exec', id, 'sh', '-c', 'until test -s /file; do :; done; cat /file']).stdout,
    ).toBe('x\n');
    expect(readdirSync(join(t.stateRoot, id))).toContain('overlay');
    expect(t.call(['delete', '--force', id])).toMatchObject({ status: 0, stderr: '' });
    expect(existsSync(join(t.stateRoot, id))).toBe(false);
    expect(existsSync(join(rootfs, 'file'))).toBe(false);
  });

  it('gives the root of a user namespace the rights it has in the rootfs itself', () => {
    const rootfs = t.freshRootfs();
    const edit = (config: Config) => {
      script('touch /file; test -e /file || echo refused', rootfs)(config);
      config.linux.namespaces.push({ type: 'user' });
      const map = [{ containerID: 0, hostID: 100000, size: 1000 }];
      config.linux.uidMappings = map;
      config.linux.gidMappings = map;
    };
    // The root directory is the host's root's.
    expect(t.run(edit, ['--overlay']).stdout).toBe('refused\n');
  });

  it('is part of the plan, and refused without a mount namespace', () => {
    const bundle = t.bundle();
    expect(t.call(['plan', '--overlay', bundle]).stdout).toMatch(
      /outer {4}\/root\/path +fsmount\(fstype="overlay"/,
    );
    const shared = (config: Config) => {
      config.linux.namespaces = config.linux.namespaces.filter(({ type }) => type !== 'mount');
      config.mounts = [];
    };
    const { status, stderr } = t.run(shared, ['--overlay']);
    expect(status).toBe(1);
    expect(stderr).toContain('takes a container with a mount namespace of its own');
  });
});
