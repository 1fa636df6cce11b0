/**
 * Golden plans: what `tsrun plan` prints for the sample bundles on a fixed host, so that they are alike
 * on every machine: root on x86-64, a kernel with every call, the cgroup v2 hierarchy alone, no LSM.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { resolvePath } from '../src/container/prepare.ts';
import type { Spec } from '../src/generated/spec.ts';
import { buildPlan } from '../src/plan/build.ts';
import type { CreateOptions, HostFacts } from '../src/plan/context.ts';
import { formatPlanText } from '../src/plan/print.ts';
import { CREATE } from '../src/plan/sequence.ts';
import { loadConfig } from '../src/spec/load.ts';

const BUNDLES = import.meta.dirname;

/** The directories here that hold a config.json, sorted. */
export const bundleNames = (): readonly string[] =>
  readdirSync(BUNDLES, { recursive: false, withFileTypes: true })
    .filter((entry) => entry.isDirectory() && entry.name !== 'rootfs')
    .map(({ name }) => name)
    .sort();

export const planFile = (bundle: string): string => `${BUNDLES}/${bundle}/plan.txt`;

/** The text of a bundle's plan as it is now; throws when its config is not right. */
export function goldenPlan(bundle: string): string {
  const file = `${BUNDLES}/${bundle}/config.json`;
  const { value: spec } = loadConfig(readFileSync(file, 'utf8'), file);
  const context = { spec, host: REFERENCE_HOST, options: referenceOptions(bundle, spec) };
  return formatPlanText(buildPlan(CREATE, context));
}

const REFERENCE_HOST: HostFacts = {
  euid: 0,
  egid: 0,
  machine: 'x86_64',
  lastCap: 40,
  cgroup: {
    version: 2,
    mountpoint: '/sys/fs/cgroup',
    own: '/user.slice',
    controllers: ['cpuset', 'cpu', 'io', 'memory', 'hugetlb', 'pids', 'rdma', 'misc'],
  },
  kernel: { mountApi: true, mountSetattr: true, cloneIntoCgroup: true, setnsPidfd: true },
  lsm: { apparmor: false, selinux: false },
  inUserNamespace: false,
  idmapTools: { newuidmap: '/usr/bin/newuidmap', newgidmap: '/usr/bin/newgidmap' },
};

/**
 * `tsrun create NAME` in the bundle `/bundles/NAME`, no options given but a console socket where a
 * terminal needs one.
 */
const referenceOptions = (name: string, spec: Spec): CreateOptions => ({
  id: name,
  bundle: `/bundles/${name}`,
  rootfs: resolvePath(`/bundles/${name}`, spec.root?.path ?? 'rootfs'),
  stateDirectory: `/run/tsrun/${name}`,
  noPivot: false,
  noNewKeyring: false,
  preserveFds: 0,
  listenFds: 0,
  ...(spec.process?.terminal === true ? { consoleSocket: '/run/console.sock' } : {}),
  foreground: false,
  systemdCgroup: false,
  rootless: false,
});
