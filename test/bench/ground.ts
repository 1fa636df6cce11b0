/**
 * The place a run of the benchmark works in: bundles, state directories, containers. Whatever it makes
 * carries its name, so that `sweep` finds it, whoever lost it.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { baseConfig, type Config, toJson } from '../integration/config.ts';
import { begin, ensureGoing, type Running, run } from './processes.ts';
import type { Subject } from './subject.ts';
import type { Tools } from './tools.ts';

const TOP = resolve(import.meta.dirname, '../..');
const CGROUPS = '/sys/fs/cgroup';

/** One call of the timer, which runs many commands, may take this long. */
const BATCH_MS = 240_000;
const POLL_MS = 20;
/** Below a second. */
const SETTLE_MS = 50;

export interface Sample {
  readonly ms: number;
  readonly peakKib: number;
  /** CLOCK_MONOTONIC, in milliseconds. */
  readonly startMs: number;
  readonly endMs: number;
  readonly status: number;
}

export type Edit = (config: Config) => void;

/** Before a command of `time`: it may fail. */
export const TRY = '@try';
/** As a command of `time`: wait for the end of a container that those before it started. */
export const WAIT = ['@wait'];

export class Ground {
  readonly directory = mkdtempSync(join(tmpdir(), 'tsrun-bench-'));
  readonly rootfs = join(this.directory, 'rootfs');
  /** On a tmpfs, as /run is. */
  readonly #states = join(this.directory, 'states');
  readonly #name = `tsrun-bench-${process.pid}-`;
  readonly #tools: Tools;
  readonly #limitSeconds: number;
  #counter = 0;

  /** A command may take `limitSeconds`. */
  constructor(tools: Tools, limitSeconds: number) {
    this.#tools = tools;
    this.#limitSeconds = limitSeconds;
    mkdirSync(this.#states, { mode: 0o711 });
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'mode=711', 'tmpfs', this.#states]);
    execFileSync('sh', [join(TOP, 'bundles/make-rootfs.sh'), this.rootfs], { timeout: BATCH_MS });
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
    return `${this.#name}${this.#next()}`;
  }

  /** The command line of a subject. */
  command(subject: Subject, ...args: readonly string[]): string[] {
    return [subject.path, '--root', this.#stateDirectory(subject.name), ...args];
  }

  /** The kernel's own part of `run`. */
  floor(...program: readonly string[]): string[] {
    return [this.#tools.floor, this.newId(), this.rootfs, ...program];
  }

  /**
   * Runs commands one after another, each when what the one before left the kernel to do is done; throws when
   * one of them fails that is not `@try`.
   */
  time(...commands: readonly (readonly string[])[]): Promise<Sample[]> {
    return this.#time(commands, { settleMs: SETTLE_MS });
  }

  /**
   * Runs lists of commands at the same time, the commands of a list with nothing between them; the milliseconds
   * from the first begin to the last end.
   */
  async timeTogether(...lists: readonly (readonly (readonly string[])[])[]): Promise<number> {
    const each = lists.map((list) => this.#time(list, { settleMs: 0 }));
    const samples = (await Promise.all(each)).flat();
    const starts = samples.map(({ startMs }) => startMs);
    return Math.max(...samples.map(({ endMs }) => endMs)) - Math.min(...starts);
  }

  /** Starts a command that stays, until something else ends it. */
  begin(command: readonly string[]): Running {
    return begin(command, { limitMs: BATCH_MS, errorFile: this.#newFile('errors') });
  }

  /** What `probe` gives as soon as it gives something; throws what `failure` says after a while. */
  async waitFor<T>(probe: () => T | undefined, failure: () => string): Promise<T> {
    const deadline = Date.now() + this.#limitSeconds * 1000;
    while (Date.now() < deadline) {
      ensureGoing();
      const found = probe();
      if (found !== undefined) return found;
      await sleep(POLL_MS);
    }
    throw new Error(failure());
  }

  /** The processes in a container's cgroups. */
  processesOf(id: string): number[] {
    return [...new Set(cgroupsNamed(id).flatMap(processesIn))];
  }

  /**
   * Removes every container there is, by its runtime, and whatever a runtime has left. Asks the kernel
   * first: `delete --force` of runc waits a tenth of a second for each process it has to kill.
   */
  async sweep(): Promise<void> {
    const isEmpty = (): true | undefined => {
      const processes = cgroupsNamed(`${this.#name}*`).flatMap(processesIn);
      for (const pid of new Set(processes)) kill(pid);
      return processes.length === 0 ? true : undefined;
    };
    for (let tries = 0; tries < 500 && isEmpty() === undefined; tries += 1) await sleep(POLL_MS);
    const states = readdirSync(this.#states);
    await Promise.all(states.map((name) => this.#deleteAll(name)));
    for (const cgroup of cgroupsNamed(`${this.#name}*`)) removeCgroup(cgroup);
  }

  async #deleteAll(stateName: string): Promise<void> {
    const state = join(this.#states, stateName);
    const program = this.#programs.get(stateName);
    const ids = readdirSync(state).filter((name) => name.startsWith(this.#name));
    if (program !== undefined && ids.length > 0) {
      const remove = ids.map((id) => [TRY, program, '--root', state, 'delete', '--force', id]);
      await this.#time(remove, { settleMs: 0, evenAtEnd: true }).catch((error) =>
        console.error(`clean-up: ${error}`),
      );
    }
    rmSync(state, { recursive: true, force: true });
  }

  async close(): Promise<void> {
    await this.sweep();
    execFileSync('umount', ['-l', this.#states]);
    rmSync(this.directory, { recursive: true, force: true });
  }

  readonly #programs = new Map<string, string>();

  /** Says whose state directory is whose, for the clean-up. */
  know(subject: Subject): void {
    this.#programs.set(`state-${subject.name}`, subject.path);
  }

  async #time(
    commands: readonly (readonly string[])[],
    { settleMs, evenAtEnd = false }: { settleMs: number; evenAtEnd?: boolean },
  ): Promise<Sample[]> {
    const results = this.#newFile('results');
    const errorFile = this.#newFile('errors');
    const args = commands.flatMap((command) => ['--', ...command]).slice(1);
    const { status, errors } = await run(
      [this.#tools.timer, String(this.#limitSeconds), String(settleMs), results, ...args],
      { limitMs: BATCH_MS, errorFile, evenAtEnd },
    );
    if (!evenAtEnd) ensureGoing();
    const samples = existsSync(results) ? parseSamples(readFileSync(results, 'utf8')) : [];
    rmSync(results, { force: true });
    rmSync(errorFile, { force: true });
    if (status === 0) return samples;
    const failed = commands[Math.max(0, samples.length - 1)]?.slice(0, 5).join(' ');
    const late =
      status === 124 ? `not done in ${this.#limitSeconds} s` : `status ${samples.at(-1)?.status}`;
    throw new Error(`${failed}: ${late}${errors === '' ? '' : `: ${errors}`}`);
  }

  #stateDirectory(name: string): string {
    const directory = join(this.#states, `state-${name}`);
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    return directory;
  }

  #newFile(kind: string): string {
    return join(this.directory, `${kind}-${this.#next()}`);
  }

  #next(): number {
    this.#counter += 1;
    return this.#counter;
  }
}

const parseSamples = (text: string): Sample[] =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const [start = 0, end = 0, peakKib = 0, status = 0] = line.split(' ').map(Number);
      return {
        ms: (end - start) / 1e6,
        startMs: start / 1e6,
        endMs: end / 1e6,
        peakKib,
        status,
      };
    });

/** The cgroups of this name (find(1)'s pattern), in every hierarchy, at any depth. */
const cgroupsNamed = (pattern: string): string[] =>
  spawnSync('find', [CGROUPS, '-type', 'd', '-name', pattern, '-prune'], {
    encoding: 'utf8',
    timeout: BATCH_MS,
    maxBuffer: 1 << 26,
    stdio: ['ignore', 'pipe', 'ignore'], // and no status: other people's cgroups vanish while it looks
  })
    .stdout.split('\n')
    .filter((line) => line !== '');

function processesIn(cgroup: string): number[] {
  try {
    return readFileSync(join(cgroup, 'cgroup.procs'), 'utf8')
      .split('\n')
      .filter(Boolean)
      .map(Number);
  } catch {
    return []; // it is gone
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // it has ended by itself
  }
}

/** rmdir(2), the innermost first. */
function removeCgroup(cgroup: string): void {
  try {
    for (const entry of readdirSync(cgroup, { withFileTypes: true })) {
      if (entry.isDirectory()) removeCgroup(join(cgroup, entry.name));
    }
    rmdirSync(cgroup);
  } catch (error) {
    if (existsSync(cgroup)) console.error(`clean-up: ${cgroup} stays: ${error}`);
  }
}
