/** containerd in a sandbox, with a handler for each runtime. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { runtimePath } from './count.ts';
import { RUNTIMES, type Runtime } from './features.ts';
import { makeImageArchive } from './image.ts';
import { hasSystemd } from './machine.ts';
import { type Sandbox, TOP } from './sandbox.ts';

/** Also what pods are held by: its own command waits. */
export const IMAGE = 'docker.io/library/busybox:test';

export const socketOf = (sandbox: Sandbox): string => join(sandbox.directory, 'containerd.sock');

export const ctr = (sandbox: Sandbox): readonly string[] => [
  ...['ctr', '--address', socketOf(sandbox)],
];

/** Starts containerd and imports the image into a namespace of containerd's. */
export async function startContainerd(sandbox: Sandbox, namespace: string): Promise<void> {
  const config = sandbox.file('containerd.toml', containerdConfig(sandbox.directory));
  sandbox.file('cni/10-pods.conflist', JSON.stringify(POD_NETWORK));
  const version = [...ctr(sandbox), 'version'];
  const serves = () => sandbox.run(version).status === 0;
  await sandbox.start('containerd', ['containerd', '--config', config], serves);
  const archive = makeImageArchive(sandbox.directory, IMAGE, ['sleep', '100000']);
  sandbox.ok([...ctr(sandbox), '-n', namespace, 'image', 'import', archive]);
}

/** The lines of native/packaging/kubernetes.md for each runtime, and this machine's paths. */
const containerdConfig = (directory: string): string => `version = 2
root = "${directory}/containerd"
state = "/run/containerd"
[grpc]
  address = "${directory}/containerd.sock"
[plugins."io.containerd.internal.v1.opt"]
  path = "${directory}/opt"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "${IMAGE}"
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "${directory}/cni"
${RUNTIMES.map(documentedHandler).join('')}`;

function documentedHandler(runtime: Runtime): string {
  const page = readFileSync(join(TOP, 'native/packaging/kubernetes.md'), 'utf8');
  const lines = /```toml\n(\[plugins[\s\S]*?)```/.exec(page)?.[1];
  if (lines === undefined)
    throw new Error('native/packaging/kubernetes.md has no lines for containerd');
  return lines
    .replaceAll('runtimes.tsrun', `runtimes.${runtime}`)
    .replace(
      /BinaryName = ".*"/,
      `BinaryName = "${runtimePath(runtime)}"\n    SystemdCgroup = ${hasSystemd}`,
    );
}

const POD_NETWORK = {
  cniVersion: '0.4.0',
  name: 'pods',
  plugins: [
    {
      type: 'bridge',
      bridge: 'pods0',
      isGateway: true,
      ipMasq: false,
      ipam: { type: 'host-local', subnet: '10.89.0.0/24', dataDir: '/run/cni' },
    },
    { type: 'portmap', capabilities: { portMappings: true } },
  ],
};
