/** mounts add, remove, list: what a container has mounted, while it runs. */
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Config } from '../config.ts';
import { isTsrun, useContainers } from '../runtime.ts';

const t = useContainers();

function running(edit: (config: Config) => void = () => {}): string {
  const { id } = t.create((config) => {
    config.process.args = ['sleep', '1000'];
    edit(config);
  });
  expect(t.call(['start', id]).status).toBe(0);
  return id;
}
const userNamespace = (config: Config) => {
  const map = [{ containerID: 0, hostID: 100000, size: 1000 }];
  config.linux.namespaces.push({ type: 'user' });
  config.linux.uidMappings = map;
  config.linux.gidMappings = map;
};
const input = (value: unknown) => ({ input: JSON.stringify(value) });
const inside = (id: string, script: string) => t.call(['exec', id, 'sh', '-c', script]).stdout;

describe.runIf(isTsrun)('mounts', () => {
  it.each([
    ['', () => {}],
    [' of a user namespace', userNamespace],
  ])(
    'adds a bind mount and a tmpfs to a container that runs%s, and takes them away',
    (_case, edit) => {
      const id = running(edit);
      const directory = t.newDirectory();
      writeFileSync(join(directory, 'file'), 'of the host\n');
      const mounts = [
        { destination: '/run/data', source: directory, options: ['bind', 'ro'] },
        { destination: '/run/scratch', type: 'tmpfs', source: 'tmpfs', options: ['size=1m'] },
      ];
      // The root file system of a user namespace is not its own: a tmpfs to make mount points in.
      const run = [{ destination: '/run', type: 'tmpfs', source: 'tmpfs' }];
      expect(t.call(['mounts', 'add', id, '-'], input(run))).toEqual({
        status: 0,
        stdout: '',
        stderr: '',
      });
      expect(t.call(['mounts', 'add', id, '-'], input(mounts))).toEqual({
        status: 0,
        stdout: '',
        stderr: '',
      });
      expect(
        inside(
          id,
          'cat /run/data/file; touch /run/data/new || echo read-only; touch /run/scratch/x && echo written',
        ),
      ).toBe('of the host\nread-only\nwritten\n');
      const { stdout } = t.call(['mounts', 'list', id]);
      expect(stdout).toMatch(/^ {2}\/run\/data .* ro,.*mounts\[\d+\]$/m);
      expect(t.call(['mounts', 'remove', id, '-'], input(mounts))).toMatchObject({
        status: 0,
        stderr: '',
      });
      expect(inside(id, 'ls /run/data; test -e /run/scratch/x || echo gone')).toBe('gone\n');
      expect(t.call(['mounts', 'list', id]).stdout).not.toContain('/run/data');
      expect(existsSync(join(directory, 'file'))).toBe(true);
    },
  );

  it('blames the mount that fails', () => {
    const id = running();
    const wrong = [{ destination: '/mnt', source: '/no/such', options: ['bind'] }];
    const added = t.call(['mounts', 'add', id, '-'], input(wrong));
    expect(added.status).toBe(1);
    expect(added.stderr).toContain(`mounts "${id}": `);
    expect(added.stderr).toMatch(/mounts\[0\] \("\/mnt"\): open_tree "\/no\/such": ENOENT/);
    const absent = t.call(
      ['mounts', 'remove', id, '-'],
      input([{ destination: '/tmp', type: 'tmpfs' }]),
    );
    expect(absent.stderr).toMatch(/mounts\[0\] \("\/tmp"\): umount2 "\/tmp": EINVAL/);
  });

  it.each([
    [{ destination: '/mnt' }, /must be an array/],
    [
      [{ destination: '/mnt', type: 'tmpfs', options: 'ro' }],
      /mounts\[0\]\.options: must be an array/,
    ],
    [[{}], /mounts\[0\]\.destination: is required/],
  ])('refuses %o', (value, expected) => {
    const id = running();
    const { status, stderr } = t.call(['mounts', 'add', id, '-'], input(value));
    expect(status).toBe(1);
    expect(stderr).toMatch(expected);
  });

  it('refuses a container that has ended', async () => {
    const { id } = t.create(() => {});
    t.call(['start', id]);
    await t.waitFor(id, 'stopped');
    expect(t.call(['mounts', 'add', id, '-'], input([])).stderr).toContain('container not running');
  });
});
