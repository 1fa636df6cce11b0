/** The benchmark itself: it measures, it gives up on what hangs, and it cleans up whatever ends it. */
import { spawn, spawnSync } from 'node:child_process';
import { chmodSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { isTsrun, RUNTIME, TOP, useContainers } from './runtime.ts';

const containers = useContainers();

const BENCH = ['--import', 'tsx', join(TOP, 'test/bench/bench.ts'), '--rounds', '1'];

/** It makes everything below TMPDIR, and what lies elsewhere carries the pid of the benchmark. */
const bench = (directory: string, ...args: readonly string[]) =>
  spawn(process.execPath, [...BENCH, ...args], {
    cwd: TOP,
    env: { ...process.env, TMPDIR: directory },
    stdio: ['ignore', 'pipe', 'pipe'],
  });

async function outcomeOf(child: ReturnType<typeof bench>) {
  let text = '';
  child.stdout.on('data', (chunk: Buffer) => {
    text += chunk.toString();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    text += chunk.toString();
  });
  const status = await new Promise((resolve) => child.on('exit', resolve));
  return { status, text };
}

const cgroups = (): string[] =>
  spawnSync('find', ['/sys/fs/cgroup', '-type', 'd', '-name', 'tsrun-bench-*'], {
    encoding: 'utf8',
  })
    .stdout.split('\n')
    .filter(Boolean);

/** Somebody else may be measuring. */
const others = cgroups();

/** Containers' cgroups and the benchmark's directories, wherever they are. */
const leftovers = (directory: string): string[] => [
  ...readdirSync(directory).filter((name) => name.startsWith('tsrun-bench-')),
  ...cgroups().filter((cgroup) => !others.includes(cgroup)),
];

// Once is enough: what is tested is the benchmark, not the runtime.
describe.skipIf(!isTsrun)('npm run bench', () => {
  it('measures a runtime beside the floor and leaves nothing behind', async () => {
    const directory = containers.newDirectory();
    const { status, text } = await outcomeOf(
      bench(directory, '--only', 'run,resident-memory', '--runtimes', RUNTIME),
    );
    expect([status, text]).toEqual([0, expect.stringMatching(/^run \/bin\/true \(ms\) .*\d/m)]);
    expect(text).toMatch(/^resident of a created container \(KiB\) +\d/m);
    expect(leftovers(directory)).toEqual([]);
  });

  it('leaves out a runtime that hangs, with the reason', async () => {
    const directory = containers.newDirectory();
    const hanging = join(directory, 'hanging');
    writeFileSync(
      hanging,
      '#!/bin/sh\n[ "$1" = --version ] && echo version 1 || exec sleep 1000\n',
    );
    chmodSync(hanging, 0o755);
    const { status, text } = await outcomeOf(
      bench(directory, '--only', 'run', '--runtimes', hanging, '--limit', '1'),
    );
    expect([status, text]).toEqual([0, expect.stringMatching(/\[1\] hanging: .*not done in 1 s/)]);
    expect(leftovers(directory)).toEqual([]);
  });

  it.each(['SIGINT', 'SIGTERM'] as const)(
    'stopped by %s, it removes what it made',
    async (signal) => {
      const directory = containers.newDirectory();
      const child = bench(directory, '--only', 'existing-1000', '--runtimes', RUNTIME);
      const outcome = outcomeOf(child);
      while (leftovers(directory).length < 20) await sleep(50);
      child.kill(signal);
      expect((await outcome).status).toBe(signal === 'SIGINT' ? 130 : 143);
      expect(leftovers(directory)).toEqual([]);
    },
  );
});
