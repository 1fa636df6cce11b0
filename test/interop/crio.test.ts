/**
 * CRI-O is not in Debian; the programs that it calls are. Here conmon and the runtime get its calls with its
 * arguments (CRI-O as of 2024, internal/oci/runtime_oci.go), for a container as its handler's settings make them.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { programOf, runtimePath } from './count.ts';
import type { Config } from './criuBench.ts';
import { type Feature, type Runtime, testFeatures } from './features.ts';
import { makeRootfsArchive } from './image.ts';
import { type Result, until, useSandbox } from './sandbox.ts';

const sandbox = useSandbox((opened) => {
  makeRootfsArchive(opened.directory);
  for (const name of ['exits', 'attach']) mkdirSync(join(opened.directory, name));
});

interface Crio {
  readonly id: string;
  readonly bundle: string;
  /** `RUNTIME --root ROOT ARGS`, standard input closed or of this text. */
  call(args: readonly string[], input?: string): Result;
  ok(...args: readonly string[]): string;
  /** CreateContainer of a container that runs this script. */
  create(script: string): Promise<void>;
  /** ExecSync, as conmon's log tells it. */
  execSync(
    ...command: readonly string[]
  ): Promise<{ readonly status: number; readonly log: string }>;
}

let counter = 0;

function openCrio(runtime: Runtime): Crio {
  const at = (name: string) => join(sandbox.directory, name);
  const root = at(`crio-${runtime}`);
  const id = `crio${counter++}`;
  const bundle = at(id);
  mkdirSync(bundle);
  const program = [runtimePath(runtime), '--root', root];
  const conmon = ['conmon', '-c', id, '-n', `k8s_${id}`, '-r', runtimePath(runtime)];
  const rest = ['--socket-dir-path', at('attach'), '--log-level', 'info'];
  /** conmon waits for a byte on one pipe and writes its answer to the other. */
  const monitor = async (args: readonly string[]) => {
    const script = 'printf 0 | _OCI_SYNCPIPE=3 _OCI_STARTPIPE=4 "$@" 4<&0 </dev/null 3>"$0"';
    const answer = join(bundle, 'answer');
    const runtimeArg = ['--runtime-arg', `--root=${root}`];
    // Its exit status is that of what was executed.
    const { stderr } = sandbox.run([
      'sh',
      '-c',
      script,
      answer,
      ...conmon,
      ...args,
      ...rest,
      ...runtimeArg,
    ]);
    expect(stderr).toBe('');
    // It has gone into the background, and answers when the runtime has.
    await until(() => readFileSync(answer, 'utf8').endsWith('\n'), "conmon's answer");
    return JSON.parse(readFileSync(answer, 'utf8')) as { pid?: number; exit_code?: number };
  };
  const readConfig = () => JSON.parse(readFileSync(join(bundle, 'config.json'), 'utf8')) as Config;
  return {
    id,
    bundle,
    call: (args, input = '') => sandbox.run([...program, ...args], { input }),
    ok: (...args) => sandbox.ok([...program, ...args]),
    async create(script) {
      sandbox.ok([programOf('runc'), 'spec', '--bundle', bundle]);
      const config = readConfig();
      config.root = { path: at('rootfs'), readonly: false };
      config.process.terminal = false;
      config.process.args = ['sh', '-c', script];
      // Neither has CRI-O, and newer runcs warn of it.
      config.process.capabilities.ambient = [];
      writeFileSync(join(bundle, 'config.json'), JSON.stringify(config));
      const files = ['-l', join(bundle, 'log'), '-P', join(bundle, 'conmon-pidfile')];
      const places = ['-b', bundle, '-p', join(bundle, 'pidfile'), '--exit-dir', at('exits')];
      const { pid } = await monitor([...places, ...files, '--persist-dir', bundle, '-u', id]);
      expect(`${pid}`).toBe(readFileSync(join(bundle, 'pidfile'), 'utf8'));
    },
    async execSync(...command) {
      const process = { ...readConfig().process, args: command, terminal: false };
      writeFileSync(join(bundle, 'process.json'), JSON.stringify(process));
      const log = join(bundle, 'exec-log');
      const pidFile = join(bundle, 'exec-pid');
      const spec = ['-e', '--sync', '--exec-process-spec', join(bundle, 'process.json')];
      const { exit_code } = await monitor([...spec, '-p', pidFile, '-l', log]);
      return { status: exit_code ?? -1, log: readFileSync(log, 'utf8') };
    },
  };
}

const statusOf = (crio: Crio): string =>
  (JSON.parse(crio.ok('state', crio.id)) as { status: string }).status;

/** The exit file that conmon leaves. */
const ended = (crio: Crio): Promise<void> =>
  until(() => existsSync(join(sandbox.directory, 'exits', crio.id)), 'the exit file');
const exitStatus = (crio: Crio): string =>
  readFileSync(join(sandbox.directory, 'exits', crio.id), 'utf8');

const WAIT = 'trap "exit 7" TERM; echo ready; while :; do sleep 0.05; done';

const FEATURES: readonly Feature<Crio>[] = [
  {
    name: 'CreateContainer and StartContainer: conmon, start; the log, the exit file, state, delete --force',
    where: 'here',
    check: async (crio) => {
      await crio.create('echo logged; exit 5');
      expect(statusOf(crio)).toBe('created');
      crio.ok('start', crio.id);
      await ended(crio);
      expect(exitStatus(crio)).toBe('5');
      expect(readFileSync(join(crio.bundle, 'log'), 'utf8')).toMatch(/ stdout F logged\n$/);
      expect(statusOf(crio)).toBe('stopped');
      crio.ok('delete', '--force', crio.id);
      expect(crio.call(['state', crio.id]).status).toBe(1);
    },
  },
  {
    name: 'ExecSync: conmon -e with a process.json; Exec: exec --process',
    where: 'here',
    check: async (crio) => {
      await crio.create('sleep 1000');
      crio.ok('start', crio.id);
      const { status, log } = await crio.execSync('sh', '-c', 'echo out; echo err >&2; exit 4');
      expect(status).toBe(4);
      expect(log).toMatch(/ stdout F out\n/);
      expect(log).toMatch(/ stderr F err\n/);
      const file = join(crio.bundle, 'process.json');
      const streamed = crio.call(['exec', '--process', file, crio.id]);
      expect(streamed).toEqual({ status: 4, stdout: 'out\n', stderr: 'err\n' });
      crio.ok('delete', '--force', crio.id);
    },
  },
  {
    name: 'UpdateContainerResources: update --resources -; pause, resume',
    where: 'here',
    check: async (crio) => {
      await crio.create('sleep 1000');
      crio.ok('start', crio.id);
      const resources = {
        memory: { limit: 67_108_864 },
        cpu: { shares: 77, quota: 25_000, period: 100_000 },
      };
      const updated = crio.call(['update', '--resources', '-', crio.id], JSON.stringify(resources));
      expect(updated).toMatchObject({ status: 0, stderr: '' });
      const files = ['memory/memory.limit_in_bytes', 'cpu/cpu.shares', 'cpu/cpu.cfs_quota_us'];
      const paths = files.map((file) => `/sys/fs/cgroup/${file}`);
      expect(crio.ok('exec', crio.id, 'cat', ...paths)).toBe('67108864\n77\n25000\n');
      crio.ok('pause', crio.id);
      expect(statusOf(crio)).toBe('paused');
      crio.ok('resume', crio.id);
      expect(statusOf(crio)).toBe('running');
      crio.ok('delete', '--force', crio.id);
    },
  },
  {
    name: 'StopContainer: kill with the stop signal, kill KILL, and the words for what has ended',
    where: 'here',
    check: async (crio) => {
      await crio.create(WAIT);
      crio.ok('start', crio.id);
      const log = () => readFileSync(join(crio.bundle, 'log'), 'utf8');
      await until(() => log().includes('ready'), 'the trap');
      crio.ok('kill', crio.id, 'SIGTERM');
      await ended(crio);
      expect(exitStatus(crio)).toBe('7');
      const { status, stderr } = crio.call(['kill', crio.id, 'KILL']);
      expect(status).not.toBe(0);
      expect(stderr).toMatch(/container not running|no such process|invalid process/);
      crio.ok('delete', '--force', crio.id);
    },
  },
];

testFeatures("CRI-O's calls", FEATURES, openCrio);
