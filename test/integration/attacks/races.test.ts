/**
 * Attacks by timing: a helper exchanges a directory of the root (or of a shared volume) with a symlink to
 * the host while containers are made (CVE-2021-30465, CVE-2024-45310, CVE-2025-52881). TSRUN_RACE_SECONDS
 * says for how long, each.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Config } from '../config.ts';
import { type Containers, until, useContainers } from '../runtime.ts';
import { isSoak } from '../soak.ts';
import { makeVictim, PYTHON, type Victim } from './victim.ts';

const t = useContainers();
const SECONDS = Number(process.env['TSRUN_RACE_SECONDS'] ?? '1');
const PATIENCE_MS = 1000 * SECONDS + 60_000;
const SWAP = join(import.meta.dirname, 'swap.py');

/** Runs containers while path and other are exchanged; what became of them is of no interest. */
async function race(
  { directory, victim, edit }: { directory: string; victim: Victim; edit: (c: Config) => void },
  containers: Containers = t,
) {
  const [real, link] = [join(directory, 'swapped'), join(directory, 'other')];
  mkdirSync(join(real, 'below'), { recursive: true });
  symlinkSync(victim.directory, link);
  const swapper = spawn(PYTHON, [SWAP, real, link], { stdio: ['ignore', 'pipe', 'inherit'] });
  let said = '';
  swapper.stdout.setEncoding('utf8').on('data', (part: string) => {
    said += part;
  });
  let [succeeded, failed, leaked] = [0, 0, 0];
  try {
    await until(() => said !== '', 'the exchanges to begin');
    const end = Date.now() + SECONDS * 1000;
    while (Date.now() < end) {
      const { status, stdout } = containers.run(edit);
      if (status === 0) succeeded += 1;
      else failed += 1;
      if (stdout.includes('secret')) leaked += 1;
      await new Promise((done) => setImmediate(done));
    }
    expect(swapper.exitCode).toBeNull();
  } finally {
    swapper.kill('SIGTERM');
  }
  await once(swapper, 'close');
  const counts = { succeeded, failed, swaps: Number(said.split('\n')[1]) };
  expect(succeeded + failed).toBeGreaterThan(0);
  expect(counts.swaps).toBeGreaterThan(0);
  expect(leaked).toBe(0);
  victim.expectUntouched();
  if (isSoak) console.log('containers that ran and that were refused, swaps:', counts);
}

const BUSY = `for d in /swapped /vol/swapped; do
  cat $d/file $d/below/file $d/new/file; touch $d/new/x $d/below/x; done 2>&1`;

const scenarios: readonly (readonly [string, (config: Config, at: string) => void])[] = [
  [
    'file systems are mounted',
    (config, at) => {
      config.mounts?.push(
        { destination: `${at}/below`, type: 'tmpfs', source: 'tmpfs' },
        { destination: `${at}/new/deeper`, type: 'tmpfs', source: 'tmpfs' },
      );
    },
  ],
  [
    'directories and files are bound',
    (config, at) => {
      const source = t.newDirectory();
      writeFileSync(join(source, 'f'), '');
      config.mounts?.push(
        { destination: `${at}/below`, type: 'bind', source, options: ['rbind', 'rw'] },
        { destination: `${at}/new`, type: 'bind', source: join(source, 'f'), options: ['bind'] },
      );
    },
  ],
  [
    'devices are made, paths masked and read-only, and the working directory is entered',
    (config, at) => {
      config.linux.devices = [{ path: `${at}/fuse`, type: 'c', major: 10, minor: 229 }];
      config.linux.maskedPaths = [`${at}/file`];
      config.linux.readonlyPaths = [`${at}/below`];
      config.process.cwd = `${at}/cwd`;
    },
  ],
  [
    'tmpcopyup copies what is there',
    (config, at) => {
      config.mounts?.push({
        destination: at,
        type: 'tmpfs',
        source: 'tmpfs',
        options: ['tmpcopyup'],
      });
    },
  ],
];

describe.each(scenarios)('while %s', (_, ask) => {
  it(
    'nothing of the host is reached through a root that changes',
    async () => {
      const rootfs = t.freshRootfs();
      const edit = (config: Config) => {
        config.root.path = rootfs;
        config.process.args = ['sh', '-c', `${BUSY}; true`];
        ask(config, '/swapped');
      };
      await race({ directory: rootfs, victim: makeVictim(t), edit });
    },
    PATIENCE_MS,
  );
  it(
    'nothing of the host is reached through a volume that changes',
    async () => {
      const volume = t.newDirectory();
      const edit = (config: Config) => {
        config.root.path = t.rootfs;
        config.process.args = ['sh', '-c', `${BUSY}; true`];
        config.mounts?.push({
          destination: '/vol',
          type: 'bind',
          source: volume,
          options: ['bind'],
        });
        ask(config, '/vol/swapped');
      };
      await race({ directory: volume, victim: makeVictim(t), edit });
      rmSync(volume, { recursive: true });
    },
    PATIENCE_MS,
  );
});
