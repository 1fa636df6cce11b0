/** `tsrun features`: what this tsrun supports, for engines to ask (features.md, features-linux.md). */
import { memoryPolicyFeatures } from '../config/linux/memoryPolicy.ts';
import { seccompFeatures } from '../config/linux/seccomp.ts';
import { mountOptionNames } from '../config/mounts/options.ts';
import { UNSUPPORTED } from '../config/unsupported.ts';
import type { Features } from '../generated/spec.ts';
import { CAPABILITIES } from '../linux/constants/capabilities.ts';
import { formatJson } from '../spec/formatJson.ts';
import { OCI_VERSION, OCI_VERSION_MIN } from '../spec/version.ts';
import type { Invocation } from './invocation.ts';
import { print } from './output.ts';
import { COMMIT, VERSION } from './version.ts';

export const features = (_invocation: Invocation): void =>
  print(`${formatJson(supportedFeatures(), '    ')}\n`);

/** A property that the table of unsupported ones refuses is not claimed. */
const isCarriedOut = (pointer: string): boolean =>
  !UNSUPPORTED.some(({ pattern, verdict }) => pattern === pointer && verdict === 'refuse');

/** Independent of the host: what tsrun can do where the kernel can. */
export const supportedFeatures = (): Features => ({
  ociVersionMin: OCI_VERSION_MIN,
  ociVersionMax: OCI_VERSION,
  hooks: [
    'prestart',
    'createRuntime',
    'createContainer',
    'startContainer',
    'poststart',
    'poststop',
  ],
  mountOptions: mountOptionNames(),
  linux: {
    namespaces: ['cgroup', 'ipc', 'mount', 'network', 'pid', 'time', 'user', 'uts'],
    capabilities: CAPABILITIES,
    cgroup: {
      v1: true,
      v2: true,
      systemd: true,
      systemdUser: true,
      rdma: isCarriedOut('/linux/resources/rdma'),
    },
    seccomp: { enabled: true, ...seccompFeatures() },
    apparmor: { enabled: true },
    selinux: { enabled: true },
    intelRdt: { enabled: true, schemata: true, monitoring: true },
    memoryPolicy: memoryPolicyFeatures(),
    mountExtensions: { idmap: { enabled: true } },
    netDevices: { enabled: isCarriedOut('/linux/netDevices') },
  },
  annotations: {
    'tsrun.version': VERSION,
    'tsrun.commit': COMMIT,
    // The name that engines look for, whoever the runtime is.
    'org.opencontainers.runc.checkpoint.enabled': 'true',
  },
  // They name a file of CRIU's options, and properties of a systemd unit.
  potentiallyUnsafeConfigAnnotations: ['org.criu.config', 'org.systemd.property.'],
});
