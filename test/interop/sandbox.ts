/**
 * A place of its own for an engine on this machine: mounts, network, processes, cgroups. The engine is the
 * real one, and nothing of it is left when the place is closed.
 */
import { spawn, spawnSync } from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect } from 'vitest';
import { countCallsIn, pathForEngines } from './count.ts';
import { hasSystemd, isV2, PATIENCE } from './machine.ts';

export const TOP = resolve(import.meta.dirname, '../..');

export interface Result {
  /** Of the command; 128 and the signal's number when one ended it. */
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly input?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly timeoutMs?: number;
}

export interface Sandbox {
  /** Files of the test; removed at the end. */
  readonly directory: string;
  /** A process in the place's namespaces. */
  readonly pid: string;
  /** Runs a command in the place. */
  run(command: readonly string[], options?: RunOptions): Result;
  /** The same of a command that must succeed; gives its standard output. */
  ok(command: readonly string[], options?: RunOptions): string;
  /** Starts a daemon and waits until it is `ready`. Throws with the end of its log when it ends before, or never is. */
  start(name: string, command: readonly string[], ready: () => boolean): Promise<void>;
  /** Writes a file and gives its path. */
  file(name: string, text: string): string;
  /**
   * Directories of cgroups that are there besides the place's own: on v1 one path for all hierarchies, on v2 all
   * of the machine.
   */
  cgroups(): readonly string[];
  /** Throws when cgroups with this in their path stay. systemd removes those that it made when it gets to it. */
  noCgroup(part: string): Promise<void>;
}

/** Call at the top of a test file: `setUp` runs once in the place before the tests. */
export function useSandbox(setUp: (sandbox: Sandbox) => Promise<void> | void): Sandbox {
  const mark = `tsri${process.pid}x${Date.now().toString(36)}`;
  const opened: { directory: string; pid: number; close: () => Promise<void> } = {
    directory: '',
    pid: 0,
    close: async () => {},
  };
  const before = nullDevice();

  beforeAll(async () => {
    if (process.getuid?.() !== 0) throw new Error('the interop tests need root');
    opened.directory = mkdtempSync(join(tmpdir(), `${mark}-`));
    spawnSync('chmod', ['711', opened.directory]);
    if (!hasSystemd) countCallsIn(opened.directory);
    const holder = spawn('sh', [HOLD, mark], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const ended = new Promise<void>((done) => holder.on('exit', () => done()));
    opened.close = async () => {
      holder.stdin.end();
      await ended;
    };
    await new Promise<void>((done, failed) => {
      holder.stdout.once('data', () => done());
      holder.on('exit', (status) => failed(new Error(`hold.sh ended with ${status}`)));
    });
    const children = readFileSync(`/proc/${holder.pid}/task/${holder.pid}/children`, 'utf8');
    opened.pid = Number(children.trim());
    await setUp(self);
  });

  afterAll(async () => {
    await opened.close();
    if (isV2) await killAll(mark);
    rmSync(opened.directory, { recursive: true, force: true });
    for (const path of cgroupPaths(mark).reverse()) spawnSync('rmdir', [path]);
    expect(cgroupPaths(mark), 'cgroups left behind').toEqual([]);
    expect(nullDevice(), '/dev/null of the host').toBe(before);
  });

  const enter = (command: readonly string[]): [string, string[]] => {
    const namespaces = isV2 ? ['-m', '-n'] : ['-m', '-n', '-p', '-i', '-u', '-C'];
    // The caller's own cgroup must be the place's too.
    return ['sh', [ENTER, mark, 'nsenter', '-t', String(opened.pid), ...namespaces, ...command]];
  };

  const self: Sandbox = {
    get directory() {
      return opened.directory;
    },
    get pid() {
      return String(opened.pid);
    },
    run(command, { input = '', env = {}, timeoutMs = 60_000 } = {}) {
      const out = mkdtempSync(join(opened.directory, 'out-'));
      const [program, args] = enter(['sh', '-c', REDIRECT, out, ...command]);
      // Files: a pipe would stay open as long as a container that inherits it.
      const done = spawnSync(program, args, {
        input,
        stdio: ['pipe', 'ignore', 'ignore'],
        env: { ...process.env, PATH: pathForEngines(), TERM: 'xterm', ...env },
        timeout: timeoutMs * PATIENCE,
        killSignal: 'SIGKILL',
      });
      const [stdout = '', stderr = ''] = ['stdout', 'stderr'].map((one) =>
        readFileSync(join(out, one), 'utf8'),
      );
      rmSync(out, { recursive: true });
      if (done.error) throw new Error(`${command.join(' ')}: ${done.error.message}: ${stderr}`);
      const status =
        done.status ?? 128 + (done.signal === null ? 127 : constants.signals[done.signal]);
      return { status, stdout, stderr };
    },
    ok(command, options) {
      const { status, stdout, stderr } = self.run(command, options);
      if (status !== 0) {
        throw new Error(`${command.join(' ')}: exit status ${status}: ${stdout}${stderr}`);
      }
      return stdout;
    },
    async start(name, command, ready) {
      const log = join(opened.directory, `${name}.log`);
      const [program, args] = enter(['sh', '-c', 'exec "$@" >"$0" 2>&1', log, ...command]);
      const env = { ...process.env, PATH: pathForEngines() };
      const daemon = spawn(program, args, { stdio: 'ignore', detached: true, env });
      daemon.unref();
      try {
        await until(() => daemon.exitCode !== null || ready(), name, DAEMON_PATIENCE_MS);
        if (daemon.exitCode !== null) throw new Error(`${name} ended with ${daemon.exitCode}`);
      } catch (error) {
        const end = readFileSync(log, 'utf8').split('\n').slice(-LOG_LINES).join('\n');
        throw new Error(`${name} is not ready. Its log ends with:\n${end}`, { cause: error });
      }
    },
    file(name, text) {
      const path = join(opened.directory, name);
      mkdirSync(join(path, '..'), { recursive: true });
      writeFileSync(path, text);
      return path;
    },
    cgroups() {
      if (isV2) return directoriesIn(['/sys/fs/cgroup']);
      const below = cgroupPaths(mark).map((path) => path.split(`/${mark}`)[1] ?? '');
      return [...new Set(below)].filter((path) => path !== '').sort();
    },
    noCgroup: (part) =>
      until(
        () => !self.cgroups().some((path) => path.includes(part)),
        `the end of the cgroups of ${part}`,
        hasSystemd ? SYSTEMD_PATIENCE_MS : 0,
      ),
  };
  return self;
}

const SYSTEMD_PATIENCE_MS = 20_000;
const HOLD = join(TOP, 'test/interop/hold.sh');
const ENTER = join(TOP, 'test/interop/enter.sh');
const REDIRECT = 'exec "$@" >"$0/stdout" 2>"$0/stderr"';

/** On a busy machine a daemon that starts others takes its time. */
const DAEMON_PATIENCE_MS = 100_000;
const LOG_LINES = 15;

/** Every cgroup of the mark, parents first. */
function cgroupPaths(mark: string): string[] {
  const hierarchies = readdirSync('/sys/fs/cgroup').map((one) => `/sys/fs/cgroup/${one}/${mark}`);
  return directoriesIn(isV2 ? [ownCgroup(mark)] : hierarchies);
}

/** On v2: as hold.sh has it. */
function ownCgroup(mark: string): string {
  const own = /^0::(.*)$/m.exec(readFileSync('/proc/self/cgroup', 'utf8'))?.[1] ?? '';
  return join('/sys/fs/cgroup', own, mark);
}

function directoriesIn(roots: readonly string[]): string[] {
  const found = spawnSync('find', [...roots, '-type', 'd'], { encoding: 'utf8' });
  return found.stdout.split('\n').filter((line) => line !== '');
}

/** What engines left running, which on v2 no PID namespace ends. */
async function killAll(mark: string): Promise<void> {
  const directory = ownCgroup(mark);
  writeFileSync(join(directory, 'cgroup.kill'), '1');
  const isEmpty = () =>
    readFileSync(join(directory, 'cgroup.events'), 'utf8').includes('populated 0');
  await until(isEmpty, 'the end of what engines left running');
}

function nullDevice(): string {
  const { mode, uid, gid, rdev } = statSync('/dev/null');
  return `${mode.toString(8)} ${uid}:${gid} ${rdev}`;
}

/** Polls until it holds; throws after a while, naming what was waited for. */
export async function until(holds: () => boolean, what: string, timeoutMs = 40_000): Promise<void> {
  const end = Date.now() + timeoutMs * PATIENCE;
  while (!holds()) {
    if (Date.now() > end) throw new Error(`waited in vain for ${what}`);
    await new Promise((done) => setTimeout(done, 50 * PATIENCE));
  }
}
