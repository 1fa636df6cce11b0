/** What kubelet does with a pod, through containerd's CRI plugin, with a handler for each runtime. */
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect } from 'vitest';
import { IMAGE, socketOf, startContainerd } from './containerd.ts';
import { type Cri, connectCri } from './cri.ts';
import { type Feature, type Runtime, testFeatures } from './features.ts';
import { hasSystemd, type Limits, limitFiles, limitWords, PATIENCE, weightOf } from './machine.ts';
import { type Result, TOP, until, useSandbox } from './sandbox.ts';

let client: ReturnType<typeof connectCri> | undefined;
const sandbox = useSandbox(async (opened) => {
  await startContainerd(opened, 'k8s.io');
  client = connectCri(socketOf(opened));
});
afterAll(() => client?.close());

const NODE_NAMESPACE = 2;
const RUNNING = 1;
const EXITED = 2;

interface Pod {
  readonly id: string;
  readonly call: Cri;
  /** Where containers' logs go. */
  readonly logs: string;
  readonly status: () => Promise<{ network: { ip: string } | null; runtime_handler: string }>;
  /** Creates and starts a container of the command; gives its id. */
  start(name: string, command: readonly string[], config?: object): Promise<string>;
  exec(id: string, ...cmd: readonly string[]): Promise<Executed>;
}

interface Executed {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

let counter = 0;

/** As kubelet names a pod's cgroup for either driver: to systemd, "-" is a level. */
const parentOf = (pod: string): string =>
  hasSystemd ? `kubepods-${pod.replaceAll('-', '_')}.slice` : `/kubepods/${pod}`;

/** A pod on the runtime's handler; stopped and removed when `use` is done with it. */
async function withPod(
  runtime: Runtime,
  security: object,
  use: (pod: Pod) => Promise<void>,
  more: object = {},
): Promise<void> {
  if (client === undefined) throw new Error('containerd does not run');
  const { call } = client;
  const name = `pod-${runtime}-${counter++}`;
  const logs = join(sandbox.directory, name);
  mkdirSync(logs);
  const config = {
    metadata: { name, uid: name, namespace: 'default', attempt: 0 },
    hostname: 'namespace_options' in security ? '' : name,
    log_directory: logs,
    linux: { cgroup_parent: parentOf(name), security_context: security },
    ...more,
  };
  const { pod_sandbox_id: id } = await call<{ pod_sandbox_id: string }>('RunPodSandbox', {
    config,
    runtime_handler: runtime,
  });
  try {
    await use({
      id,
      call,
      logs,
      status: async () =>
        (await call<{ status: never }>('PodSandboxStatus', { pod_sandbox_id: id })).status,
      async start(container, command, extra = {}) {
        const { container_id } = await call<{ container_id: string }>('CreateContainer', {
          pod_sandbox_id: id,
          sandbox_config: config,
          config: {
            metadata: { name: container, attempt: 0 },
            image: { image: IMAGE },
            command,
            log_path: `${container}.log`,
            ...extra,
          },
        });
        await call('StartContainer', { container_id });
        return container_id;
      },
      async exec(container_id, ...cmd) {
        const answer = await call<{ stdout: Buffer; stderr: Buffer; exit_code: number }>(
          'ExecSync',
          { container_id, cmd, timeout: 20 * PATIENCE },
        );
        return {
          status: answer.exit_code,
          stdout: answer.stdout.toString(),
          stderr: answer.stderr.toString(),
        };
      },
    });
  } finally {
    await call('StopPodSandbox', { pod_sandbox_id: id });
    await call('RemovePodSandbox', { pod_sandbox_id: id });
  }
  await sandbox.noCgroup(`${config.linux.cgroup_parent}/`);
}

const stateOf = async (pod: Pod, container_id: string) =>
  (
    await pod.call<{ status: { state: number; exit_code: number; reason: string } }>(
      'ContainerStatus',
      { container_id },
    )
  ).status;

async function untilState(pod: Pod, id: string, state: number): Promise<void> {
  const end = Date.now() + 40_000 * PATIENCE;
  while ((await stateOf(pod, id)).state !== state) {
    if (Date.now() > end) throw new Error(`container ${id} is not in state ${state}`);
    await new Promise((done) => setTimeout(done, 50 * PATIENCE));
  }
}

const NODE = { namespace_options: { network: NODE_NAMESPACE } };
const OWN_PIDS = {
  linux: { security_context: { namespace_options: { network: NODE_NAMESPACE, pid: 1 } } },
};
const PRIVILEGED_NODE = { ...NODE, privileged: true };
const SLEEP = ['sleep', '100000'];

const FEATURES: readonly Feature<Runtime>[] = [
  {
    name: 'a pod of two containers: shared network, IPC, hostname',
    check: (runtime) =>
      withPod(runtime, {}, async (pod) => {
        const { network, runtime_handler } = await pod.status();
        expect(runtime_handler).toBe(runtime);
        expect(network?.ip).toMatch(/^10\.89\.0\./);
        const server = 'mkdir /www; echo served >/www/index.html; exec httpd -f -p 80 -h /www';
        const one = await pod.start('one', ['sh', '-c', server]);
        const two = await pod.start('two', SLEEP);
        const address = `http://${network?.ip}/`;
        await until(
          () => sandbox.run(['busybox', 'wget', '-q', '-O', '-', address]).stdout === 'served\n',
          'the server',
        );
        expect((await pod.exec(two, 'wget', '-q', '-O', '-', 'http://127.0.0.1/')).stdout).toBe(
          'served\n',
        );
        const where = async (id: string) =>
          (await pod.exec(id, 'sh', '-c', 'hostname; readlink /proc/self/ns/ipc /proc/self/ns/net'))
            .stdout;
        expect(await where(one)).toBe(await where(two));
        const pids = async (id: string) =>
          (await pod.exec(id, 'readlink', '/proc/self/ns/pid')).stdout;
        expect(await pids(one)).toBe(await pids(two));
      }),
  },
  {
    name: 'a pod in the network of the node, containers with PID namespaces of their own',
    check: (runtime) =>
      withPod(runtime, NODE, async (pod) => {
        const one = await pod.start('one', SLEEP, OWN_PIDS);
        const network = (await pod.exec(one, 'readlink', '/proc/self/ns/net')).stdout;
        expect(network).toBe(sandbox.ok(['readlink', '/proc/self/ns/net']));
        expect((await pod.exec(one, 'cat', '/proc/1/comm')).stdout).toBe('sleep\n');
      }),
  },
  {
    name: 'ExecSync: output, exit status, a program that is missing',
    check: (runtime) =>
      withPod(runtime, NODE, async (pod) => {
        const one = await pod.start('one', SLEEP);
        expect(await pod.exec(one, 'sh', '-c', 'echo out; echo err >&2; exit 3')).toEqual({
          status: 3,
          stdout: 'out\n',
          stderr: 'err\n',
        });
        await expect(pod.exec(one, 'no-such-program')).rejects.toThrow(
          /executable file not found in \$PATH/,
        );
      }),
  },
  {
    name: 'Exec: streams of standard input and output, a terminal',
    check: (runtime) =>
      withPod(runtime, NODE, async (pod) => {
        const one = await pod.start('one', SLEEP);
        const piped = await stream(pod, one, ['head', '-n', '1'], false, 'through\n');
        expect(piped).toMatchObject({ status: 0, stdout: 'through\n' });
        const failing = await stream(pod, one, ['sh', '-c', 'echo err >&2; exit 5'], false);
        expect(failing).toMatchObject({ status: 5, stderr: expect.stringContaining('err') });
        expect((await stream(pod, one, ['tty'], true)).stdout).toContain('/dev/pts/0');
      }),
  },
  {
    name: 'logs, exit status and reason',
    check: (runtime) =>
      withPod(runtime, NODE, async (pod) => {
        const one = await pod.start('one', ['sh', '-c', 'echo out; echo err >&2; exit 6']);
        await untilState(pod, one, EXITED);
        expect(await stateOf(pod, one)).toMatchObject({ exit_code: 6, reason: 'Error' });
        const log = readFileSync(join(pod.logs, 'one.log'), 'utf8');
        expect(log).toMatch(/ stdout F out\n/);
        expect(log).toMatch(/ stderr F err\n/);
      }),
  },
  {
    name: 'StartContainer of a missing program says so',
    check: (runtime) =>
      withPod(runtime, NODE, async (pod) => {
        await expect(pod.start('one', ['no-such-program'])).rejects.toThrow(
          /exec: "no-such-program": executable file not found in \$PATH/,
        );
      }),
  },
  {
    name: 'out of memory: reason OOMKilled',
    check: (runtime) =>
      withPod(runtime, NODE, async (pod) => {
        const fill = 'x=$(head -c 90000000 /dev/zero | tr "\\0" x); echo';
        const resources = { memory_limit_in_bytes: 25_165_824 };
        const one = await pod.start('one', ['sh', '-c', fill], { linux: { resources } });
        await untilState(pod, one, EXITED);
        expect(await stateOf(pod, one)).toMatchObject({ exit_code: 137, reason: 'OOMKilled' });
      }),
  },
  {
    name: 'ContainerStats',
    check: (runtime) =>
      withPod(runtime, NODE, async (pod) => {
        const one = await pod.start('one', ['sh', '-c', 'while :; do :; done']);
        const { stats } = await pod.call<{ stats: Stats }>('ContainerStats', { container_id: one });
        expect(stats.cpu.usage_core_nano_seconds.value).toBeGreaterThan(0);
        expect(stats.memory.working_set_bytes.value).toBeGreaterThan(0);
      }),
  },
  {
    name: 'UpdateContainerResources: memory, CPU',
    check: (runtime) =>
      withPod(runtime, NODE, async (pod) => {
        const one = await pod.start('one', SLEEP, {
          linux: { resources: { memory_limit_in_bytes: 67_108_864, cpu_shares: 100 } },
        });
        const linux = {
          memory_limit_in_bytes: 134_217_728,
          cpu_quota: 25_000,
          cpu_period: 100_000,
          cpu_shares: 77,
        };
        await pod.call('UpdateContainerResources', { container_id: one, linux });
        const limits: Limits = { memoryBytes: 128 << 20, cpuQuotaUsec: 25_000, cpuShares: 77 };
        const { stdout } = await pod.exec(one, 'cat', ...limitFiles(limits));
        expect(stdout.trim().split('\n').join(' ')).toBe(limitWords(limits, runtime));
      }),
  },
  {
    name: 'SystemdCgroup = true: a scope in the slice of the pod, update of its properties',
    where: 'machine',
    check: (runtime) =>
      withPod(runtime, NODE, async (pod) => {
        const one = await pod.start('one', SLEEP, {
          linux: { resources: { memory_limit_in_bytes: 64 << 20, cpu_shares: 100 } },
        });
        const unit = `cri-containerd-${one}.scope`;
        const show = (name: string) =>
          sandbox.ok(['systemctl', 'show', '--value', '-p', name, unit]).trim();
        expect(show('ControlGroup')).toMatch(/^\/kubepods.slice\/kubepods-pod_[^/]+.slice\/cri-/);
        expect([show('MemoryMax'), show('CPUWeight')]).toEqual([
          `${64 << 20}`,
          `${weightOf(100, runtime)}`,
        ]);
        const linux = { memory_limit_in_bytes: 96 << 20, cpu_shares: 300 };
        await pod.call('UpdateContainerResources', { container_id: one, linux });
        expect([show('MemoryMax'), show('CPUWeight')]).toEqual([
          `${96 << 20}`,
          `${weightOf(300, runtime)}`,
        ]);
      }),
  },
  {
    name: 'security context: user, capabilities, read-only root, seccomp, no_new_privs, privileged',
    check: (runtime) =>
      withPod(runtime, PRIVILEGED_NODE, async (pod) => {
        const show = [
          'sh',
          '-c',
          'id -u; touch /x 2>/dev/null || echo ro; grep -E "CapBnd|Seccomp:|NoNew" /proc/self/status',
        ];
        const strict = await pod.start('strict', SLEEP, {
          linux: {
            security_context: {
              run_as_user: { value: 1000 },
              capabilities: { drop_capabilities: ['ALL'], add_capabilities: ['CHOWN'] },
              readonly_rootfs: true,
              no_new_privs: true,
              seccomp: { profile_type: 0 },
            },
          },
        });
        expect((await pod.exec(strict, ...show)).stdout.split(/\s+/).join(' ')).toBe(
          '1000 ro CapBnd: 0000000000000001 NoNewPrivs: 1 Seccomp: 2 ',
        );
        const all = await pod.start('all', SLEEP, {
          linux: { security_context: { privileged: true } },
        });
        expect((await pod.exec(all, ...show)).stdout).toMatch(/^0\nCapBnd:\t000001fff/);
      }),
  },
  {
    name: 'mounts, environment, sysctls of the pod',
    check: (runtime) => {
      const host = sandbox.file(`host-${runtime}/file`, 'of the host\n');
      const linux = {
        cgroup_parent: parentOf(`sysctl-${runtime}`),
        sysctls: { 'net.ipv4.ip_unprivileged_port_start': '80' },
      };
      return withPod(
        runtime,
        {},
        async (pod) => {
          const one = await pod.start('one', SLEEP, {
            envs: [{ key: 'A', value: 'b' }],
            mounts: [{ container_path: '/host', host_path: join(host, '..'), readonly: true }],
          });
          const script =
            'cat /host/file /proc/sys/net/ipv4/ip_unprivileged_port_start; echo $A; touch /host/x || echo ro';
          expect((await pod.exec(one, 'sh', '-c', script)).stdout).toBe('of the host\n80\nb\nro\n');
        },
        { linux },
      );
    },
  },
  {
    name: 'StopContainer: SIGTERM, and SIGKILL after the time; RemoveContainer',
    check: (runtime) =>
      withPod(runtime, NODE, async (pod) => {
        const one = await pod.start('one', [
          'sh',
          '-c',
          'trap "exit 8" TERM; touch /ready; while :; do sleep 0.05; done',
        ]);
        const two = await pod.start('two', SLEEP, OWN_PIDS);
        await untilReady(pod, one);
        await pod.call('StopContainer', { container_id: one, timeout: 10 });
        expect(await stateOf(pod, one)).toMatchObject({ state: EXITED, exit_code: 8 });
        expect((await stateOf(pod, two)).state).toBe(RUNNING);
        await pod.call('StopContainer', { container_id: two, timeout: 1 });
        expect(await stateOf(pod, two)).toMatchObject({ state: EXITED, exit_code: 137 });
        for (const container_id of [one, two]) await pod.call('RemoveContainer', { container_id });
        const { containers } = await pod.call<{ containers: { pod_sandbox_id: string }[] }>(
          'ListContainers',
        );
        expect(containers.filter((each) => each.pod_sandbox_id === pod.id)).toEqual([]);
      }),
  },
];

interface Stats {
  readonly cpu: { readonly usage_core_nano_seconds: { readonly value: number } };
  readonly memory: { readonly working_set_bytes: { readonly value: number } };
}

testFeatures('containerd: CRI', FEATURES, (runtime) => runtime);

async function untilReady(pod: Pod, id: string): Promise<void> {
  while ((await pod.exec(id, 'test', '-e', '/ready')).status !== 0) {
    await new Promise((done) => setTimeout(done, 50));
  }
}

/** CRI's Exec, and what is at the address it gives. */
async function stream(
  pod: Pod,
  container_id: string,
  cmd: readonly string[],
  tty: boolean,
  input = '',
): Promise<Result> {
  const { url } = await pod.call<{ url: string }>('Exec', {
    container_id,
    cmd,
    tty,
    stdin: true,
    stdout: true,
    stderr: !tty,
  });
  const program = join(TOP, 'test/interop/cri-exec.mjs');
  return sandbox.run([process.execPath, program, url], { input });
}
