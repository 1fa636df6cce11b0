/**
 * linux.namespaces: which views the container has of its own (an entry without path: created), which it
 * joins (with path), and which it shares with the host (no entry). config-linux.md "Namespaces",
 * namespaces(7).
 */

import type { LinuxNamespace, Spec } from '../../generated/spec.ts';
import { O_RDONLY } from '../../linux/constants/file.ts';
import {
  CLONE_NEWCGROUP,
  CLONE_NEWIPC,
  CLONE_NEWNET,
  CLONE_NEWNS,
  CLONE_NEWPID,
  CLONE_NEWTIME,
  CLONE_NEWUSER,
  CLONE_NEWUTS,
  PR_SET_DUMPABLE,
} from '../../linux/constants/process.ts';
import type { PlanContext } from '../../plan/context.ts';
import { type Slot, type Step, step } from '../../plan/step.ts';
import { error, type Problem, warning } from '../../spec/problem.ts';
import { oncePer } from '../once.ts';

export type NamespaceType = LinuxNamespace['type'];

export const NAMESPACES: Readonly<Record<NamespaceType, number>> = {
  cgroup: CLONE_NEWCGROUP,
  ipc: CLONE_NEWIPC,
  mount: CLONE_NEWNS,
  network: CLONE_NEWNET,
  pid: CLONE_NEWPID,
  time: CLONE_NEWTIME,
  user: CLONE_NEWUSER,
  uts: CLONE_NEWUTS,
};

/**
 * Made by init itself: behind its join of the cgroup; behind clone3, which knows no CLONE_NEWTIME; and
 * next to a new user namespace ipc, whose message queues belong to the user who makes it, and whom
 * clone3 would not have mapped yet.
 */
const isUnsharedByInit = (spec: Spec, type: NamespaceType): boolean =>
  type === 'cgroup' || type === 'time' || (type === 'ipc' && createsNamespace(spec, 'user'));

/**
 * Made by outer, beside the runtime, which makes the cgroups meanwhile: a network takes the kernel longer than
 * all else before clone3. With a user namespace they are clone3's, for they must belong to it.
 */
const isUnsharedByOuter = (spec: Spec, type: NamespaceType): boolean =>
  (type === 'network' || type === 'ipc' || type === 'uts') && !hasNamespace(spec, 'user');

const ORIGIN = '/linux/namespaces';

/** By their types: nearly every planner asks for some. */
const entries = oncePer(
  (spec: Spec): ReadonlyMap<NamespaceType, LinuxNamespace> =>
    new Map((spec.linux?.namespaces ?? []).map((namespace) => [namespace.type, namespace])),
);

/** An empty path is no path, as in every config written by a Go program. */
const entry = (spec: Spec, type: NamespaceType): LinuxNamespace | undefined =>
  entries(spec).get(type);

/** The container does not share the host's namespace of this type: it has a new one or joins one. */
export const hasNamespace = (spec: Spec, type: NamespaceType): boolean =>
  entry(spec, type) !== undefined;

/** A new namespace of this type is made for the container. */
export function createsNamespace(spec: Spec, type: NamespaceType): boolean {
  const namespace = entry(spec, type);
  return namespace !== undefined && !namespace.path;
}

/**
 * Without a mount namespace of its own the container's mounts are the host's: below its rootfs, which is
 * mounted over itself for them, until `delete` takes that away.
 */
export const mountsOnHost = (spec: Spec): boolean =>
  !hasNamespace(spec, 'mount') && ((spec.mounts ?? []).length > 0 || spec.root?.readonly === true);

/** The path of the namespace the container joins; undefined when it creates one or shares the host's. */
export const joinsNamespace = (spec: Spec, type: NamespaceType): string | undefined =>
  entry(spec, type)?.path || undefined;

/** `/linux/namespaces/2`: where the entry of this type stands; the list itself when there is none. */
export function namespaceOrigin(spec: Spec, type: NamespaceType): string {
  const index = spec.linux?.namespaces?.findIndex((namespace) => namespace.type === type) ?? -1;
  return index < 0 ? ORIGIN : `${ORIGIN}/${index}`;
}

export function checkNamespaces(spec: Spec): readonly Problem[] {
  const problems: Problem[] = [];
  const seen = new Set<NamespaceType>();
  for (const [i, { type, path }] of (spec.linux?.namespaces ?? []).entries()) {
    if (seen.has(type)) problems.push(error(`${ORIGIN}/${i}/type`, 'is listed twice', type));
    seen.add(type);
    if (path && !path.startsWith('/'))
      problems.push(error(`${ORIGIN}/${i}/path`, 'must be an absolute path', path));
  }
  if (mountsOnHost(spec))
    problems.push(
      warning(ORIGIN, 'has no entry of type mount: the mounts are made on the host, until delete'),
    );
  return problems;
}

/** There `/` would get the container's propagation, and pivot_root(2) would take it from every process. */
export const checkJoinedMountNamespace = ({ spec, host }: PlanContext): readonly Problem[] =>
  host.joinsOwnMountNamespace === true
    ? [
        error(
          `${namespaceOrigin(spec, 'mount')}/path`,
          "is the mount namespace tsrun is in, whose root the container's would replace; without the entry they share it",
          joinsNamespace(spec, 'mount'),
        ),
      ]
    : [];

/**
 * Joins namespaces by path, and goes to the bundle's root file system, which init finds in its working
 * directory. All descriptors are opened before the first setns, behind which the paths may mean something
 * else. With privileges the user namespace comes last: it may lack rights over the others and over the
 * way to the rootfs. Without, it comes first: it is what gives the right to join them.
 */
export function planJoinNamespaces({ spec, host, options }: PlanContext): readonly Step[] {
  const joined = (spec.linux?.namespaces ?? []).flatMap(({ type, path }, i) =>
    path ? [{ type, path, origin: `${ORIGIN}/${i}` }] : [],
  );
  const others = joined.filter(({ type }) => type !== 'user').map(join);
  const user = joined
    .filter(({ type }) => type === 'user')
    .flatMap((one) => [join(one), ...becomeRoot(one)]);
  const toRootfs = step('outer', '/root/path', { call: 'chdir', path: options.rootfs });
  return [
    ...joined.map(open),
    // What has joined can be traced by those inside: not dumpable, it keeps its descriptors to itself
    // (CVE-2016-9962).
    ...(joined.length > 0 ? [step('outer', ORIGIN, NOT_DUMPABLE)] : []),
    ...(host.euid === 0 ? [...others, toRootfs, ...user] : [...user, ...others, toRootfs]),
  ];
}

interface Joined {
  readonly type: NamespaceType;
  readonly path: string;
  readonly origin: string;
}

const slotOf = (type: NamespaceType): Slot => `ns:${type}`;

/** PR_SET_DUMPABLE 0: nobody may trace the caller, or reach its descriptors through /proc. */
export const NOT_DUMPABLE = {
  call: 'prctl',
  option: PR_SET_DUMPABLE,
  arg2: 0n,
  arg3: 0n,
  arg4: 0n,
  arg5: 0n,
} as const;

/** Behind setns(2) the ids are still those of the host, which the user namespace may not map. */
const becomeRoot = ({ origin }: Joined): readonly Step[] => [
  step('outer', origin, { call: 'setgid', gid: 0 }),
  step('outer', origin, { call: 'setuid', uid: 0 }),
];

const open = ({ type, path, origin }: Joined): Step =>
  step('outer', origin, { call: 'openat', path, flags: O_RDONLY, mode: 0, out: slotOf(type) });

const join = ({ type, origin }: Joined): Step =>
  step('outer', origin, { call: 'setns', fd: slotOf(type), nstype: NAMESPACES[type] });

/**
 * Whether clone3 puts init into its cgroup (v2, CLONE_INTO_CGROUP, 5.7). Not from a user namespace that was
 * joined: its root may not write to cgroups of the host's (EACCES). Then the executor moves before it joins.
 */
export const clonesIntoCgroup = ({ spec, host }: PlanContext): boolean =>
  host.cgroup.version === 2 && host.kernel.cloneIntoCgroup && !entry(spec, 'user')?.path;

/** What needs neither the cgroup nor the mounts of the container; the first two steps of outer. */
export function planEarlyNamespaces({ spec }: PlanContext): readonly Step[] {
  const flags = createdFlags(spec).byOuter;
  if (flags === 0) return [];
  const unshare = step('outer', ORIGIN, { call: 'unshare', flags });
  return hasEarlyLoopback(spec) ? [unshare, linkUp(spec, 'outer')] : [unshare];
}

const hasEarlyLoopback = (spec: Spec): boolean =>
  createsNamespace(spec, 'network') && isUnsharedByOuter(spec, 'network');

/** Flags of the new namespaces that outer makes, and of those clone3 does. */
const createdFlags = oncePer((spec: Spec) => {
  const flags = { byOuter: 0, byClone: 0 };
  for (const { type, path } of spec.linux?.namespaces ?? []) {
    if (path || isUnsharedByInit(spec, type)) continue;
    flags[isUnsharedByOuter(spec, type) ? 'byOuter' : 'byClone'] |= NAMESPACES[type];
  }
  return flags;
});

/** One clone3 with a flag for every other namespace created; on cgroup v2 init is born in its cgroup. */
export function planClone(context: PlanContext): readonly Step[] {
  return [
    step('outer', ORIGIN, {
      call: 'clone3',
      flags: BigInt(createdFlags(context.spec).byClone),
      cgroup: clonesIntoCgroup(context) ? 'cgroup' : undefined,
    }),
  ];
}

/** The cgroup a process is in when it unshares becomes the root of the new namespace's view. */
export const planCgroupNamespace = ({ spec }: PlanContext): readonly Step[] =>
  createsNamespace(spec, 'cgroup')
    ? [
        step('init', namespaceOrigin(spec, 'cgroup'), {
          call: 'unshare',
          flags: CLONE_NEWCGROUP,
        }),
      ]
    : [];

/** Behind the change to the user namespace's root: /dev/mqueue is then root's. */
export const planIpcNamespace = ({ spec }: PlanContext): readonly Step[] =>
  createsNamespace(spec, 'ipc') && isUnsharedByInit(spec, 'ipc')
    ? [step('init', namespaceOrigin(spec, 'ipc'), { call: 'unshare', flags: CLONE_NEWIPC })]
    : [];

/** A new network namespace has one interface, `lo`, which is down. */
const linkUp = (spec: Spec, actor: 'outer' | 'init'): Step =>
  step(actor, namespaceOrigin(spec, 'network'), { call: 'link_up', name: 'lo' });

export const planLoopback = ({ spec }: PlanContext): readonly Step[] =>
  createsNamespace(spec, 'network') && !hasEarlyLoopback(spec) ? [linkUp(spec, 'init')] : [];
