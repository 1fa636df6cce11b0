/**
 * Attacks by timing, without hope: between two system calls of init that look up or make a name a directory of
 * the root (or of a volume) is exchanged with a symlink to the host (CVE-2021-30465, CVE-2024-45310,
 * CVE-2025-31133, CVE-2025-52565). Every such window is held open once; races.test.ts is for those inside the
 * kernel.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Config } from '../config.ts';
import { isTsrun, RUNTIME, useContainers } from '../runtime.ts';
import { makeVictim, PYTHON } from './victim.ts';

const t = useContainers();
const WINDOWS = join(import.meta.dirname, 'windows.py');
const PATIENCE_MS = 120_000;

interface Window {
  readonly n: number;
  /** null: there were fewer calls. */
  readonly call: string | null;
  readonly status: number;
  readonly output: string;
  readonly mounts: readonly string[];
}

/** Everything a config can name below a directory: `at` as the container sees it. */
function askAll(config: Config, at: string): void {
  const source = t.newDirectory();
  writeFileSync(join(source, 'f'), '');
  const used = ['/proc', '/dev'];
  config.mounts = config.mounts.filter(({ destination }) => used.includes(destination));
  config.mounts.push(
    { destination: `${at}/below`, type: 'tmpfs', source: 'tmpfs' },
    { destination: `${at}/new/deeper`, type: 'tmpfs', source: 'tmpfs', options: ['tmpcopyup'] },
    { destination: `${at}/bound`, type: 'bind', source, options: ['rbind', 'ro', 'rprivate'] },
    { destination: `${at}/file`, type: 'bind', source: join(source, 'f'), options: ['bind'] },
  );
  config.linux.devices = [{ path: `${at}/nodes/fuse`, type: 'c', major: 10, minor: 229, uid: 7 }];
  config.linux.maskedPaths = [`${at}/file`, `${at}/masked`];
  config.linux.readonlyPaths = [`${at}/nodes`];
  config.process.cwd = `${at}/cwd/deeper`;
  config.process.args = ['sh', '-c', `cat ${at}/file ${at}/below/file; touch ${at}/x; true`];
}

function everyWindow(directory: string, edit: (config: Config) => void) {
  const victim = makeVictim(t);
  const [real, link] = [join(directory, 'swapped'), join(directory, 'other')];
  mkdirSync(join(real, 'below'), { recursive: true });
  mkdirSync(join(real, 'masked'));
  symlinkSync(victim.directory, link);
  const run = ['--root', t.stateRoot, 'run', '--bundle', t.bundle(edit), `${t.mark}-w{n}`];
  const done = spawnSync(PYTHON, [WINDOWS, real, link, RUNTIME, ...run], {
    encoding: 'utf8',
    timeout: PATIENCE_MS,
  });
  expect(done).toMatchObject({ status: 0, stderr: '' });
  const windows = done.stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Window);
  victim.expectUntouched();
  for (const one of windows) {
    expect(one, `window ${one.n}`).toMatchObject({ mounts: [] });
    expect(one.output, `window ${one.n}`).not.toContain('secret');
  }
  return windows;
}

describe.runIf(isTsrun)('in every window between two system calls of init', () => {
  const expectAll = (windows: readonly Window[]) => {
    // The last, in which nothing was exchanged, is as any other container.
    expect(windows.at(-1)).toMatchObject({ call: null, status: 0 });
    const calls = new Set(windows.map(({ call }) => call));
    for (const call of ['openat2', 'mkdirat', 'mknodat', 'openat', 'move_mount'])
      expect(calls).toContain(call);
  };

  it(
    'nothing of the host is reached through a root that changes',
    () => {
      const rootfs = t.freshRootfs();
      const windows = everyWindow(rootfs, (config) => {
        askAll(config, '/swapped');
        config.root.path = rootfs;
      });
      expectAll(windows);
    },
    PATIENCE_MS,
  );
  it(
    'nothing of the host is reached through a volume that changes',
    () => {
      const [rootfs, volume] = [t.freshRootfs(), t.newDirectory()];
      const windows = everyWindow(volume, (config) => {
        askAll(config, '/vol/swapped');
        config.root.path = rootfs;
        const mount = { destination: '/vol', type: 'bind', source: volume, options: ['bind'] };
        config.mounts.splice(2, 0, mount);
      });
      expectAll(windows);
    },
    PATIENCE_MS,
  );
});
