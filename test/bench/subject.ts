/** What is measured: a runtime, and the bundles it is measured with. */
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { baseConfig, type Config, toJson } from '../integration/config.ts';
import type { Tools } from './tools.ts';

const TOP = resolve(import.meta.dirname, '../..');

export interface Subject {
  readonly name: string;
  readonly path: string;
  readonly version: string;
}

/** A runtime by path or by its name on PATH; undefined when it is not there or does not run. */
export function findSubject(given: string): Subject | undefined {
  const found = spawnSync('sh', ['-c', 'command -v "$0"', given], { encoding: 'utf8' });
  const path = found.stdout.trim();
  if (found.status !== 0 || path === '') return undefined;
  const version = spawnSync(path, ['--version'], { encoding: 'utf8' });
  if (version.status !== 0) return undefined;
  const first = version.stdout.split('\n')[0] ?? '';
  return { name: basename(path), path: resolve(path), version: first.replace(/^.* version /, '') };
}

export interface Sample {
  readonly ms: number;
  readonly peakKib: number;
}

export type Edit = (config: Config) => void;

/** A place for one run of the benchmark: bundles, state directories, all removed by `close`. */
export class Ground {
  readonly directory = mkdtempSync(join(tmpdir(), 'tsrun-bench-'));
  readonly rootfs = join(this.directory, 'rootfs');
  readonly #tools: Tools;
  readonly #undo: (() => void)[] = [];
  #counter = 0;

  constructor(tools: Tools) {
    this.#tools = tools;
    execFileSync('sh', [join(TOP, 'bundles/make-rootfs.sh'), this.rootfs]);
  }

  /** The default configuration as `edit` leaves it; every runtime is given the same file. */
  bundle(edit: Edit): string {
    const bundle = join(this.directory, `bundle-${this.#next()}`);
    mkdirSync(bundle);
    const config = baseConfig(this.rootfs, 'TSRUN_BENCH=1');
    config.linux.namespaces.push({ type: 'cgroup' });
    config.mounts.push({
      destination: '/sys/fs/cgroup',
      type: 'cgroup',
      source: 'cgroup',
      options: ['nosuid', 'noexec', 'nodev', 'relatime', 'ro'],
    });
    edit(config);
    writeFileSync(join(bundle, 'config.json'), toJson(config));
    return bundle;
  }

  copyRootfs(): string {
    const copy = join(this.directory, `rootfs-${this.#next()}`);
    cpSync(this.rootfs, copy, { recursive: true, verbatimSymlinks: true });
    return copy;
  }

  newId(): string {
    return `bench${process.pid}x${this.#next()}`;
  }

  /** The command line of a subject. */
  command(subject: Subject, ...args: readonly string[]): string[] {
    return [subject.path, '--root', join(this.directory, `state-${subject.name}`), ...args];
  }

  /** Runs commands one after another; throws when one of them fails. `['@wait']` waits for a container. */
  time(...commands: readonly (readonly string[])[]): Sample[] {
    const args = commands.flatMap((command) => ['--', ...command]).slice(1);
    const timer = spawnSync(this.#tools.timer, args, { encoding: 'utf8', maxBuffer: 1 << 26 });
    const lines = timer.stdout.trim().split('\n');
    if (timer.status !== 0 || lines.length !== commands.length) {
      throw new Error(`timer: ${timer.stderr}`);
    }
    return lines.map((line, index) => {
      const [nanoseconds, peakKib, status] = line.split(' ').map(Number);
      if (status !== 0 && commands[index]?.[0] !== '@wait') {
        throw new Error(`${commands[index]?.join(' ')}: status ${status}: ${timer.stderr.trim()}`);
      }
      return { ms: (nanoseconds ?? 0) / 1e6, peakKib: peakKib ?? 0 };
    });
  }

  /** Runs lists of commands at the same time; the milliseconds until the last one ended. */
  async timeTogether(lists: readonly (readonly (readonly string[])[])[]): Promise<number> {
    const start = process.hrtime.bigint();
    const statuses = await Promise.all(
      lists.map((commands) => {
        const args = commands.flatMap((command) => ['--', ...command]).slice(1);
        const timer = spawn(this.#tools.timer, args, { stdio: ['ignore', 'ignore', 'inherit'] });
        return new Promise<number | null>((resolve) => timer.on('exit', resolve));
      }),
    );
    if (statuses.some((status) => status !== 0)) throw new Error('timer failed');
    return Number(process.hrtime.bigint() - start) / 1e6;
  }

  /** What is undone when the scenario is over. */
  atEnd(undo: () => void): void {
    this.#undo.push(undo);
  }

  endScenario(): void {
    for (const undo of this.#undo.splice(0)) undo();
  }

  floor(...program: readonly string[]): Sample[] {
    return this.time([this.#tools.floor, this.rootfs, ...program]);
  }

  close(): void {
    rmSync(this.directory, { recursive: true, force: true });
  }

  #next(): number {
    this.#counter += 1;
    return this.#counter;
  }
}

/** Resident KiB of a process (proc_pid_smaps(5)). */
export const residentKib = (pid: number): number =>
  Number(/^Rss: +(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1]);
