/**
 * linux.sysctl: kernel parameters, only those that belong to a namespace of the container's own.
 * config-linux.md "Sysctl", sysctl(8).
 */

import type { Spec } from '../../generated/spec.ts';
import type { PlanContext } from '../../plan/context.ts';
import { type Step, step } from '../../plan/step.ts';
import { escapePointer } from '../../spec/json.ts';
import { error, type Problem } from '../../spec/problem.ts';
import { hasNamespace, joinsNamespace } from './namespaces.ts';

const IPC_PARAMETERS = new Set([
  'kernel/msgmax',
  'kernel/msgmnb',
  'kernel/msgmni',
  'kernel/sem',
  'kernel/shmall',
  'kernel/shmmax',
  'kernel/shmmni',
  'kernel/shm_rmid_forced',
]);

const origin = (key: string) => `/linux/sysctl/${escapePointer(key)}`;

/**
 * The path below /proc/sys. The first separator says which of the two a name uses; the other one is
 * then part of a component: `net.ipv4.conf.eth0/100.forwarding` is `net/ipv4/conf/eth0.100/forwarding`.
 */
export function sysctlPath(key: string): string {
  const first = /[./]/.exec(key)?.[0];
  return first === '.' ? key.replaceAll(/[./]/g, (c) => (c === '.' ? '/' : '.')) : key;
}

export const checkSysctl = (spec: Spec): readonly Problem[] =>
  Object.entries(spec.linux?.sysctl ?? {}).flatMap(([key, value]) => {
    const path = sysctlPath(key);
    const reason = value.includes('\0') ? 'must not contain NUL' : refusal(spec, path);
    return reason === undefined ? [] : [error(origin(key), reason)];
  });

/** Why a parameter may not be set; undefined when it may. Words and list are runc's. */
function refusal(spec: Spec, path: string): string | undefined {
  if (path.includes('\0') || path.split('/').some((part) => ['', '.', '..'].includes(part)))
    return 'is no name of a kernel parameter';
  if (IPC_PARAMETERS.has(path) || path.startsWith('fs/mqueue/'))
    return hasNamespace(spec, 'ipc') ? undefined : 'is not allowed in the hosts ipc namespace';
  if (path.startsWith('net/'))
    return hasPrivateNetwork(spec) ? undefined : 'is not allowed in host network namespace';
  if (path === 'kernel/hostname')
    return 'is not allowed as it conflicts with the OCI hostname field';
  if (path === 'kernel/domainname' && hasNamespace(spec, 'uts')) return undefined;
  if (path.startsWith('user/') && hasNamespace(spec, 'user')) return undefined;
  return 'is not in a separate kernel namespace';
}

const hasPrivateNetwork = (spec: Spec) =>
  hasNamespace(spec, 'network') && joinsNamespace(spec, 'network') !== '/proc/self/ns/net';

/**
 * Through the host's procfs, opened before anything of the container was mounted: what a path reaches
 * depends on the namespaces of who writes, and a /proc of the container could be something else
 * (CVE-2025-52881).
 */
export const planSysctl = ({ spec }: PlanContext): readonly Step[] =>
  Object.entries(spec.linux?.sysctl ?? {}).map(([key, value]) =>
    step('init', origin(key), {
      call: 'write',
      dirfd: 'proc',
      path: `sys/${sysctlPath(key)}`,
      data: value,
    }),
  );
