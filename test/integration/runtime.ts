/**
 * Drives the runtime under test (TSRUN_RUNTIME: a path or a name on PATH; default ./tsrun at the top) on
 * bundles made for the test, with a state directory of its own, and removes everything again. What a
 * test leaves behind fails the file it stands in.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import {
  closeSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { basename, delimiter, join, resolve } from 'node:path';
import { afterAll, afterEach, beforeAll, expect } from 'vitest';
import { baseConfig, type Config, toJson } from './config.ts';
import { times } from './soak.ts';

export const TOP = resolve(import.meta.dirname, '../..');
export const RUNTIME = findRuntime(process.env['TSRUN_RUNTIME'] ?? join(TOP, 'tsrun'));
/** runc 1.1.5 and its like lack what newer versions of the specification ask for. */
export const isTsrun = basename(RUNTIME).startsWith('tsrun');
/** dist/tsrun.mjs. */
export const isOnNode = RUNTIME.endsWith('.mjs');

/** What stands in front of the runtime in every call: `old_kernel 442`, `strace -f`, …. */
const PREFIX = (process.env['TSRUN_PREFIX'] ?? '').split(' ').filter(Boolean);

export interface Result {
  /** 128+N when the runtime itself was ended by signal N. */
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CallOptions {
  /** Standard input; /dev/null when absent. */
  readonly input?: string;
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly cwd?: string;
  /** Open descriptors to hand down as 3, 4, …. */
  readonly descriptors?: readonly number[];
  readonly timeoutMs?: number;
  /** A command that starts the runtime: what stands here comes in front of it. */
  readonly prefix?: readonly string[];
}

export type Edit = (config: Config) => void;

/** A created container; its output is what its process has written so far. */
export interface Created {
  readonly id: string;
  readonly bundle: string;
  readonly result: Result;
  readonly output: () => string;
}

export interface Containers {
  /** A directory of the test file, on the host's file system, with the mark in its path. */
  readonly directory: string;
  /** The root file system tests share; one that is written to is better copied. */
  readonly rootfs: string;
  readonly stateRoot: string;
  /** Stands in the path of every file and in the id of every container of this test file. */
  readonly mark: string;
  freshRootfs(): string;
  newId(suffix?: string): string;
  newDirectory(): string;
  /** A bundle: the base config as `edit` leaves it. */
  bundle(edit?: Edit): string;
  /** The runtime with these arguments behind --root; waits for it. */
  call(args: readonly string[], options?: CallOptions): Result;
  /** The same without waiting. */
  spawn(args: readonly string[], options?: CallOptions): Spawned;
  /** `run` of a container made from the base config. */
  run(edit: Edit, args?: readonly string[], options?: CallOptions): Result;
  /** `run` of a shell script in a container made from the base config. */
  sh(script: string, edit?: Edit, options?: CallOptions): Result;
  create(edit: Edit, args?: readonly string[], options?: CallOptions): Created;
  state(id: string): ContainerState;
  /** Waits until the container has this status. */
  waitFor(id: string, status: string): Promise<void>;
  delete(id: string): void;
}

export interface Spawned {
  readonly child: ChildProcess;
  readonly ended: Promise<Result>;
  readonly stdout: () => string;
}

export interface ContainerState {
  readonly ociVersion: string;
  readonly id: string;
  readonly status: string;
  readonly pid: number;
  readonly bundle: string;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** Call at the top of a test file. */
export function useContainers(): Containers {
  let directory = '';
  let counter = 0;
  const mark = `tsrt${process.pid}x${Date.now().toString(36)}`;
  const ids: string[] = [];
  const spawned: ChildProcess[] = [];
  let before: Surroundings | undefined;

  beforeAll(() => {
    if (process.getuid?.() !== 0) throw new Error('integration tests need root');
    before = surroundings();
    directory = mkdtempSync(join(tmpdir(), `${mark}-`));
    spawnSync('chmod', ['711', directory]);
    mkdirSync(join(directory, 'state'));
    makeRootfs(join(directory, 'rootfs'));
  });
  afterEach(() => {
    for (const child of spawned.splice(0)) if (child.exitCode === null) child.kill('SIGKILL');
    // Where nothing of it is left there is nothing to delete, which is most of a test's time on Node.
    const left = ids.splice(0).filter((id) => existsSync(join(self.stateRoot, id)));
    for (const id of left) {
      const result = self.call(['delete', '--force', id]);
      expect(result, `delete --force ${id}`).toMatchObject({ status: 0 });
    }
  });
  afterAll(async () => {
    // Compiled seccomp filters are no container's: they stay for the next one.
    const left = readdirSync(self.stateRoot).filter((name) => name !== '@seccomp');
    expect(left, 'state directories left behind').toEqual([]);
    expect(await settledLeftovers(mark, directory), 'left behind').toEqual([]);
    expect(surroundings(), 'devices of the host').toEqual(before);
    rmSync(directory, { recursive: true, force: true });
  });

  const self: Containers = {
    get directory() {
      return directory;
    },
    get rootfs() {
      return join(directory, 'rootfs');
    },
    get stateRoot() {
      return join(directory, 'state');
    },
    mark,
    newId(suffix = '') {
      const id = `${mark}-${counter++}${suffix}`;
      ids.push(id);
      return id;
    },
    newDirectory() {
      const path = join(directory, `d${counter++}`);
      mkdirSync(path);
      return path;
    },
    freshRootfs() {
      const path = join(self.newDirectory(), 'rootfs');
      cpSync(self.rootfs, path, { recursive: true, verbatimSymlinks: true });
      return path;
    },
    bundle(edit = () => {}) {
      const bundle = self.newDirectory();
      const config = baseConfig(self.rootfs, `TSRUN_TEST=${mark}`);
      edit(config);
      writeFileSync(join(bundle, 'config.json'), toJson(config));
      return bundle;
    },
    call(args, options = {}) {
      const files = outputFiles(self.newDirectory(), options.input);
      const [command, ...rest] = commandLine(self.stateRoot, args, options);
      const done = spawnSync(command, rest, {
        stdio: [...files.stdio, ...(options.descriptors ?? [])],
        cwd: options.cwd ?? directory,
        env: { ...process.env, ...options.env },
        timeout: (options.timeoutMs ?? 30_000) * times(1, 10),
        killSignal: 'SIGKILL',
      });
      files.close();
      if (done.error) throw done.error;
      return { ...files.read(), status: exitStatus(done.status, done.signal) };
    },
    spawn(args, options = {}) {
      const files = outputFiles(self.newDirectory(), options.input);
      const [command, ...rest] = commandLine(self.stateRoot, args, options);
      const child = spawn(command, rest, {
        stdio: [...files.stdio, ...(options.descriptors ?? [])],
        cwd: options.cwd ?? directory,
        env: { ...process.env, ...options.env },
      });
      files.close();
      spawned.push(child);
      const ended = new Promise<Result>((done, failed) => {
        child.on('error', failed);
        child.on('exit', (status, signal) =>
          done({ ...files.read(), status: exitStatus(status, signal) }),
        );
      });
      return { child, ended, stdout: () => files.read().stdout };
    },
    run(edit, args = [], options = {}) {
      return self.call(['run', ...args, '--bundle', self.bundle(edit), self.newId()], options);
    },
    sh(script, edit = () => {}, options = {}) {
      const withScript: Edit = (config) => {
        config.process.args = ['sh', '-c', script];
        edit(config);
      };
      return self.run(withScript, [], options);
    },
    create(edit, args = [], options = {}) {
      const id = self.newId();
      const bundle = self.bundle(edit);
      const file = join(directory, `d${counter}`, 'stdout');
      const result = self.call(['create', ...args, '--bundle', bundle, id], options);
      return { id, bundle, result, output: () => readFileSync(file, 'utf8') };
    },
    state(id) {
      const result = self.call(['state', id]);
      if (result.status !== 0) throw new Error(`state ${id}: ${result.stderr}`);
      return JSON.parse(result.stdout) as ContainerState;
    },
    async waitFor(id, status) {
      await until(() => self.state(id).status === status, `${id} to be ${status}`);
    },
    delete(id) {
      expect(self.call(['delete', id]), `delete ${id}`).toMatchObject({ status: 0 });
    },
  };
  return self;
}

/** Polls until it holds; throws after 10 seconds, naming what was waited for. */
export async function until(holds: () => boolean, what: string): Promise<void> {
  const end = Date.now() + 10_000;
  while (!holds()) {
    if (Date.now() > end) throw new Error(`waited in vain for ${what}`);
    await new Promise((done) => setTimeout(done, 20));
  }
}

/** What a container's own /proc/self/mountinfo says of one mount point; see proc_pid_mountinfo(5). */
export interface MountInfo {
  readonly root: string;
  readonly options: readonly string[];
  readonly propagation: readonly string[];
  readonly type: string;
  readonly source: string;
  readonly superOptions: readonly string[];
}

/** The topmost mount at `point`. */
export function findMount(mountinfo: string, point: string): MountInfo | undefined {
  let found: MountInfo | undefined;
  for (const line of mountinfo.split('\n')) {
    const [left = '', right = ''] = line.split(' - ');
    const [, , , root = '', mountPoint, options = '', ...propagation] = left.split(' ');
    const [type = '', source = '', superOptions = ''] = right.split(' ');
    if (mountPoint !== point) continue;
    found = {
      root,
      options: options.split(','),
      propagation,
      type,
      source,
      superOptions: superOptions.split(','),
    };
  }
  return found;
}

/** `Name:\tvalue` lines, as in /proc/self/status, as an object. */
export const fields = (text: string): Record<string, string> =>
  Object.fromEntries(
    text
      .split('\n')
      .filter((line) => line.includes(':'))
      .map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1).trim()]),
  );

/** Directories of the container's cgroup in every hierarchy in which it has one of its own. */
export const cgroupsOf = (name: string): string[] =>
  spawnSync('find', ['/sys/fs/cgroup', '-type', 'd', '-name', `*${name}*`], { encoding: 'utf8' })
    .stdout.split('\n')
    .filter((line) => line !== '');

function commandLine(
  stateRoot: string,
  args: readonly string[],
  { prefix = [] }: CallOptions,
): [string, ...string[]] {
  const [command, ...rest] = [...prefix, ...PREFIX, RUNTIME, '--root', stateRoot, ...args];
  return [command ?? RUNTIME, ...rest];
}

function findRuntime(name: string): string {
  if (name.includes('/')) return resolve(name);
  const directories = (process.env['PATH'] ?? '').split(delimiter);
  const found = directories.map((one) => join(one, name)).find((path) => existsSync(path));
  if (found === undefined) throw new Error(`TSRUN_RUNTIME: no ${name} on PATH`);
  return found;
}

/** One root file system a test run, copied for each file: it is not theirs to change for others. */
function makeRootfs(path: string): void {
  const made = spawnSync('sh', [join(TOP, 'bundles/make-rootfs.sh'), path], { encoding: 'utf8' });
  if (made.status !== 0) throw new Error(`make-rootfs.sh: ${made.stderr}`);
}

/**
 * Standard streams as files: a pipe would stay open as long as the container runs, and waiting for its
 * end would wait for the container instead of the runtime.
 */
function outputFiles(directory: string, input?: string) {
  const [stdin, stdout, stderr] = ['stdin', 'stdout', 'stderr'].map((one) => join(directory, one));
  if (stdin === undefined || stdout === undefined || stderr === undefined) throw new Error();
  if (input !== undefined) writeFileSync(stdin, input);
  const stdio = [
    openSync(input === undefined ? '/dev/null' : stdin, 'r'),
    openSync(stdout, 'a'),
    openSync(stderr, 'a'),
  ];
  return {
    stdio,
    close: () => stdio.forEach((fd) => void closeSync(fd)),
    read: () => ({ stdout: readFileSync(stdout, 'utf8'), stderr: readFileSync(stderr, 'utf8') }),
  };
}

function exitStatus(status: number | null, signal: NodeJS.Signals | null): number {
  return status ?? 128 + (signal === null ? 127 : constants.signals[signal]);
}

type Surroundings = Readonly<Record<string, string>>;

/** What containers must never change on the host: a runtime that chowns its stdio would. */
function surroundings(): Surroundings {
  return Object.fromEntries(
    ['/dev/null', '/dev/zero', '/dev/full', '/dev/random', '/dev/urandom', '/dev/tty'].map(
      (path) => {
        const { mode, uid, gid, rdev } = statSync(path);
        return [path, `${mode.toString(8)} ${uid}:${gid} ${rdev}`];
      },
    ),
  );
}

/** Leftovers that are still there after a moment; the kernel removes some things late. */
async function settledLeftovers(mark: string, directory: string): Promise<readonly string[]> {
  let found: readonly string[] = [];
  for (let tries = 0; tries < 25; tries++) {
    found = leftovers(mark, directory);
    if (found.length === 0) break;
    await new Promise((done) => setTimeout(done, 80));
  }
  return found;
}

/** Mounts, cgroups, processes and network devices that carry the mark. */
export function leftovers(mark: string, directory: string): readonly string[] {
  const mounts = readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .filter((line) => line.includes(directory))
    .map((line) => `mount ${line}`);
  const cgroups = cgroupsOf(mark).map((path) => `cgroup ${path}`);
  const devices = readdirSync('/sys/class/net')
    .filter((name) => name.includes(mark))
    .map((name) => `network device ${name}`);
  return [...mounts, ...cgroups, ...devices, ...markedProcesses(mark)];
}

function markedProcesses(mark: string): readonly string[] {
  const found: string[] = [];
  for (const pid of readdirSync('/proc')) {
    if (!/^\d+$/.test(pid) || Number(pid) === process.pid) continue;
    try {
      const environ = readFileSync(`/proc/${pid}/environ`, 'utf8');
      const cmdline = readFileSync(`/proc/${pid}/cmdline`, 'utf8');
      // An executor has neither arguments nor environment to tell it by, but the test's streams.
      if (environ.includes(mark) || cmdline.includes(mark) || streamsOf(pid).includes(mark)) {
        found.push(`process ${pid} ${cmdline.replaceAll('\0', ' ')}`);
      }
    } catch {
      // It has ended in the meantime.
    }
  }
  return found;
}

const streamsOf = (pid: string): string =>
  [1, 2].map((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`)).join(' ');
