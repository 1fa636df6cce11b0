/** Containers to checkpoint: bundles with a root of their own, on one of the runtimes. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runtimePath } from './count.ts';
import type { Runtime } from './features.ts';
import { type Result, type Sandbox, until } from './sandbox.ts';

export interface Config {
  root: { path: string; readonly: boolean };
  process: { terminal: boolean; args: string[]; capabilities: { ambient?: string[] } };
  mounts: { destination: string; type?: string; source: string; options: string[] }[];
  hostname?: string;
  annotations?: Record<string, string>;
  hooks?: object;
  linux: { namespaces: { type: string; path?: string }[] };
}

export interface Bench {
  readonly runtime: Runtime;
  readonly sandbox: Sandbox;
  /** `RUNTIME --root … ARGS`. */
  call(...args: readonly string[]): Result;
  ok(...args: readonly string[]): string;
  /** A bundle with a root of its own, and the container started; its name. */
  start(
    script: string,
    edit?: (config: Config) => void,
    streams?: string,
  ): { id: string; bundle: string };
  /** A file of the container's root, '' while there is none. */
  read(bundle: string, path: string): string;
  status(id: string): string;
}

let counter = 0;

/** The sandbox has `rootfs`, of `makeRootfsArchive`. */
export function openBench(sandbox: Sandbox, runtime: Runtime): Bench {
  const state = join(sandbox.directory, `state-${runtime}`);
  const self: Bench = {
    runtime,
    sandbox,
    call: (...args) => sandbox.run([runtimePath(runtime), '--root', state, ...args]),
    ok: (...args) => sandbox.ok([runtimePath(runtime), '--root', state, ...args]),
    start(script, edit = () => {}, streams = '</dev/null >/dev/null 2>&1') {
      const id = `${runtime}${counter++}`;
      const bundle = join(sandbox.directory, id);
      mkdirSync(bundle);
      sandbox.ok(['cp', '-a', join(sandbox.directory, 'rootfs'), join(bundle, 'rootfs')]);
      sandbox.ok([runtimePath('runc'), 'spec', '--bundle', bundle]);
      const path = join(bundle, 'config.json');
      const config = JSON.parse(readFileSync(path, 'utf8')) as Config;
      config.root = { path: 'rootfs', readonly: false };
      config.process.terminal = false;
      config.process.args = ['sh', '-c', script];
      edit(config);
      writeFileSync(path, JSON.stringify(config));
      const run = [
        runtimePath(runtime),
        '--root',
        state,
        'run',
        '--detach',
        '--bundle',
        bundle,
        id,
      ];
      sandbox.ok(['sh', '-c', `exec "$@" ${streams}`, 'run', ...run]);
      return { id, bundle };
    },
    read(bundle, path) {
      const file = join(bundle, 'rootfs', path);
      return existsSync(file) ? readFileSync(file, 'utf8') : '';
    },
    status: (id) => (JSON.parse(self.ok('state', id)) as { status: string }).status,
  };
  return self;
}

/** Counts in memory: only a restored process goes on where it was. */
export const COUNT = 'i=0; while :; do i=$((i+1)); echo $i >/count; sleep 0.05; done';

export const countOf = (bench: Bench, bundle: string): number =>
  Number(bench.read(bundle, 'count'));

export async function untilCount(bench: Bench, bundle: string, above: number): Promise<number> {
  await until(() => countOf(bench, bundle) > above, `a count above ${above}`);
  return countOf(bench, bundle);
}
