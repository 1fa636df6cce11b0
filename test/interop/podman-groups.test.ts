/** podman with tsrun in runc's place: networks, pods, Kubernetes' YAML, a user who is not root. */
import { chmodSync, chownSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { copyRuntime, runtimePath } from './count.ts';
import { type Feature, type Runtime, testFeatures } from './features.ts';
import { type Limits, limitFiles, limitWords } from './machine.ts';
import { IMAGE, IMPORT, openPodman, type Podman, preparePodman } from './podman.ts';
import { until, useSandbox } from './sandbox.ts';

const sandbox = useSandbox((opened) => {
  preparePodman(opened);
  prepareUser();
});

/** A web server, and what asks it. */
const SERVE = 'mkdir /www; echo served >/www/index.html; exec httpd -f -p 80 -h /www';
const fetch = (address: string) => ['busybox', 'wget', '-q', '-O', '-', `http://${address}/`];

const GROUPS: readonly Feature<Podman>[] = [
  {
    name: 'network: a bridge, a published port',
    check: async (podman) => {
      const id = podman.ok('run', '-d', '-p', '8080:80', IMAGE, 'sh', '-c', SERVE);
      try {
        const address = podman.ok('inspect', '-f', '{{.NetworkSettings.IPAddress}}', id);
        await until(() => sandbox.run(fetch(address)).status === 0, 'the server');
        expect(sandbox.ok(fetch(address))).toBe('served\n');
        expect(sandbox.ok(fetch('10.88.0.1:8080'))).toBe('served\n');
        const other = ['run', '--rm', IMAGE, ...fetch(address).slice(1)];
        expect(podman.ok(...other)).toBe('served');
      } finally {
        podman.ok('rm', '-f', '-t', '0', id);
      }
    },
  },
  {
    name: 'network: of its own making, --ip, --network=host, ns:',
    check: (podman) => {
      podman.ok('network', 'create', '--subnet', '10.90.0.0/24', 'made');
      const address = ['ip', '-4', '-o', 'addr', 'show', 'eth0'];
      expect(
        podman.ok('run', '--rm', '--network=made', '--ip=10.90.0.9', IMAGE, ...address),
      ).toContain('10.90.0.9/24');
      podman.ok('network', 'rm', 'made');
      sandbox.ok(['ip', 'netns', 'add', 'other']);
      sandbox.ok(['ip', '-n', 'other', 'link', 'set', 'lo', 'name', 'lo7']);
      const joined = ['run', '--rm', '--network=ns:/run/netns/other', IMAGE, 'ip', 'link'];
      expect(podman.ok(...joined)).toContain('lo7:');
      sandbox.ok(['ip', 'netns', 'del', 'other']);
      sandbox.ok(['ip', 'link', 'add', 'hosts', 'type', 'bridge']);
      expect(podman.ok('run', '--rm', '--network=host', IMAGE, 'ip', 'link')).toContain('hosts:');
      sandbox.ok(['ip', 'link', 'del', 'hosts']);
    },
  },
  {
    name: 'pod: shared namespaces, stop, start, rm',
    check: (podman) => {
      podman.ok(
        'pod',
        'create',
        '--name',
        'pod',
        '--share',
        'net,ipc,uts,pid',
        '--hostname',
        'inpod',
      );
      podman.ok('run', '-d', '--pod', 'pod', '--name', 'one', IMAGE, 'sh', '-c', SERVE);
      const second = ['run', '--rm', '--pod', 'pod', IMAGE, 'sh', '-c'];
      const script = 'hostname; wget -q -O - http://127.0.0.1/; ps | grep -c "[h]ttpd"';
      expect(podman.ok(...second, `sleep 0.3; ${script}`)).toBe('inpod\nserved\n1');
      podman.ok('pod', 'pause', 'pod');
      podman.ok('pod', 'unpause', 'pod');
      expect(podman.ok('pod', 'top', 'pod', 'args')).toContain('httpd');
      podman.ok('pod', 'stop', '-t', '0', 'pod');
      podman.ok('pod', 'start', 'pod');
      expect(podman.ok('exec', 'one', 'cat', '/www/index.html')).toBe('served');
      podman.ok('pod', 'rm', '-f', '-t', '0', 'pod');
    },
  },
  {
    name: 'play kube: two containers, a volume, limits; down',
    check: async (podman) => {
      const file = sandbox.file('pod.yaml', POD);
      const ids = podman.ok('play', 'kube', '--network=none', file).match(/[0-9a-f]{64}/g);
      expect(ids).toHaveLength(3);
      const logs = () => podman.ok('logs', 'kube-reader');
      await until(() => logs() !== '', 'the second container');
      expect(logs()).toBe(`from the writer ${limitWords(KUBE_LIMIT)}`);
      podman.ok('play', 'kube', '--down', file);
      expect(podman.ok('pod', 'ps', '-q')).toBe('');
    },
  },
  {
    name: 'rootless: run, exec, kill, ids of newuidmap, --userns=keep-id',
    check: (podman, runtime) => {
      const user = (...args: string[]) => sandbox.run(asUser(runtime, args));
      user(...IMPORT, join(sandbox.directory, 'rootfs.tar'), IMAGE);
      const script = 'id -u; cat /proc/self/uid_map; touch /file; stat -c %u /file; exit 3';
      const run = ['run', '--rm', '--network=none'];
      const { status, stdout, stderr } = user(...run, IMAGE, 'sh', '-c', script);
      expect({ status, stdout: stdout.trim().split(/\s+/), stderr }).toEqual({
        status: 3,
        stdout: ['0', '0', '4242', '1', '1', '300000', '65536', '0'],
        stderr: '',
      });
      const started = user('run', '-d', '--network=none', '--name', 'user', IMAGE, 'sleep', '1000');
      expect(started).toMatchObject({ status: 0 });
      expect(user('exec', '-u', '1000', 'user', 'id', '-u').stdout).toBe('1000\n');
      expect(user('kill', 'user').status).toBe(0);
      expect(user('wait', 'user').stdout).toBe('137\n');
      expect(user('rm', '-f', 'user').status).toBe(0);
      expect(user(...run, '--userns=keep-id', IMAGE, 'id', '-u').stdout).toBe('4242\n');
      expect(user(...run, IMAGE, 'no-such-program').status).toBe(127);
      expect(podman.runtime).toBe(runtime);
    },
  },
];

testFeatures('podman: networks, pods, rootless', GROUPS, (runtime) => openPodman(sandbox, runtime));

const KUBE_LIMIT: Limits = { memoryBytes: 48 << 20 };
const POD = `apiVersion: v1
kind: Pod
metadata:
  name: kube
spec:
  restartPolicy: Never
  volumes:
    - name: shared
      emptyDir: {}
  containers:
    - name: writer
      image: ${IMAGE}
      command: ["sh", "-c", "echo from the writer >/shared/file; sleep 1000"]
      volumeMounts: [{ name: shared, mountPath: /shared }]
    - name: reader
      image: ${IMAGE}
      command:
        - sh
        - -c
        - until [ -s /shared/file ]; do sleep 0.1; done; echo $(cat /shared/file ${limitFiles(KUBE_LIMIT)})
      resources: { limits: { memory: 48Mi } }
      volumeMounts: [{ name: shared, mountPath: /shared }]
`;

const USER = 4242;

/** An account with subordinate ids, known in the sandbox alone, and the runtime where it may read it. */
function prepareUser(): void {
  const account = `user4242:x:${USER}:${USER}::${join(sandbox.directory, 'home')}:/bin/sh\n`;
  const files = {
    passwd: `${readFileSync('/etc/passwd', 'utf8')}${account}`,
    group: `${readFileSync('/etc/group', 'utf8')}user4242:x:${USER}:\n`,
    subuid: `${USER}:300000:65536\n`,
    subgid: `${USER}:300000:65536\n`,
  };
  for (const [name, text] of Object.entries(files)) {
    const path = sandbox.file(`user/${name}`, text);
    sandbox.ok(['mount', '--bind', path, `/etc/${name}`]);
  }
  for (const name of ['home', 'runtime']) {
    mkdirSync(join(sandbox.directory, name));
    chownSync(join(sandbox.directory, name), USER, USER);
    chmodSync(join(sandbox.directory, name), 0o700);
  }
  copyRuntime('tsrun', join(sandbox.directory, 'tsrun'));
}

function asUser(runtime: Runtime, args: readonly string[]): string[] {
  const at = (name: string) => join(sandbox.directory, name);
  const program = runtime === 'tsrun' ? at('tsrun') : runtimePath('runc');
  const identity = ['setpriv', `--reuid=${USER}`, `--regid=${USER}`, '--clear-groups'];
  const env = [
    'env',
    '-i',
    '-C',
    at('home'),
    'PATH=/usr/sbin:/usr/bin:/sbin:/bin',
    'USER=user4242',
  ];
  const places = [`HOME=${at('home')}`, `XDG_RUNTIME_DIR=${at('runtime')}`];
  const podman = ['podman', '--runtime', program, '--cgroup-manager=cgroupfs'];
  return [...identity, ...env, ...places, ...podman, ...args];
}
