/** Bind mounts: a file or directory of the host seen in the container. */

import type { IdMapping, Spec } from '../../generated/spec.ts';
import { AT_RECURSIVE, O_RDONLY } from '../../linux/constants/file.ts';
import {
  MOUNT_ATTR_IDMAP,
  MS_REC,
  MS_SLAVE,
  OPEN_TREE_CLONE,
} from '../../linux/constants/mount.ts';
import type { PlanContext } from '../../plan/context.ts';
import { type Actor, type Slot, type Step, step } from '../../plan/step.ts';
import { hasNamespace, joinsNamespace } from '../linux/namespaces.ts';
import { oncePer } from '../once.ts';
import { attach, openDestination, setPropagation, setRecursiveAttributes } from './attach.ts';
import { bindAttributes } from './attributes.ts';
import {
  bindSource,
  hasMountApi,
  initStep,
  isBind,
  isRemount,
  MOUNT,
  type MountEntry,
  TARGET,
} from './entry.ts';
import { planBindMount2, planRemount } from './mount2.ts';
import type { ParsedOptions } from './options.ts';

/**
 * The sources that only the host's root can reach or map, opened before the container's namespaces
 * exist: all of them with a user namespace, whose root may have no way to them, and id-mapped ones, which
 * take CAP_SYS_ADMIN over their file system.
 */
export const planBindSources = (
  context: PlanContext,
  entries: readonly MountEntry[],
): readonly Step[] =>
  entriesOfOuter(context, entries).flatMap((entry) => [
    openSource(context, 'outer', entry, sourceSlot(entry)),
    ...detachFromHost(context, entry),
    ...planIdmap(context, entries, entry),
  ]);

/** The mount is made from a clone of its source, given its attributes, then attached. */
export function planBind(context: PlanContext, entry: MountEntry): readonly Step[] {
  if (isRemount(entry)) return planBindRemount(context, entry);
  const rules = rulesOf(context);
  if (!rules.allByOuter && !isIdmapped(entry)) return planBindByInit(context, entry, rules);
  const fd = sourceSlot(entry);
  return [...attachSource(context, entry, fd), initStep(entry, { call: 'close', fd })];
}

/** The same, whoever could open the source. */
export function planBindByInit(
  context: PlanContext,
  entry: MountEntry,
  rules = rulesOf(context),
): readonly Step[] {
  if (!hasMountApi(context)) return planBindMount2(context, entry);
  const change = rules.changeOf(entry.options);
  const isWhole = (entry.options.flags & MS_REC) !== 0;
  return change === undefined || isWhole
    ? [openSource(context, 'init', entry, MOUNT), ...attachSource(context, entry, MOUNT)]
    : [openSourceWith(context, entry, change), ...attach(entry, MOUNT)];
}

/** In one call where the attributes are not for all that comes along: open_tree_attr(2) has one flag for both. */
const openSourceWith = (context: PlanContext, entry: MountEntry, change: Change): Step =>
  initStep(entry, {
    call: 'open_tree_attr',
    path: bindSource(context, entry),
    flags: OPEN_TREE_CLONE,
    attr_set: change.set,
    attr_clr: change.clear,
    out: MOUNT,
  });

/** `bind` with `remount`: the attributes of the mount that is already there. */
export const planBindRemount = (context: PlanContext, entry: MountEntry): readonly Step[] =>
  hasMountApi(context)
    ? [
        openDestination(entry, TARGET),
        ...setAttributes(context, entry, TARGET),
        ...setRecursiveAttributes(entry, TARGET),
        ...setPropagation(entry, TARGET),
      ]
    : planRemount(entry);

const attachSource = (context: PlanContext, entry: MountEntry, fd: Slot): readonly Step[] => [
  ...setAttributes(context, entry, fd),
  ...attach(entry, fd),
];

const sourceSlot = ({ index }: MountEntry): Slot => `source:${index}`;

function entriesOfOuter(
  context: PlanContext,
  entries: readonly MountEntry[],
): readonly MountEntry[] {
  const { allByOuter } = rulesOf(context);
  return entries.filter(
    (entry) => (allByOuter || isIdmapped(entry)) && isBind(entry) && !isRemount(entry),
  );
}

const isIdmapped = ({ mount, options }: MountEntry): boolean =>
  options.idmap !== undefined || mount.uidMappings !== undefined;

interface BindRules {
  /** The sources of all bind mounts are opened by outer. */
  readonly allByOuter: boolean;
  /** What options change of a source's attributes; the same for equal lists of options. */
  readonly changeOf: (options: ParsedOptions) => Change | undefined;
}

/** What holds for all bind mounts of a container. */
const rulesOf = oncePer((context: PlanContext): BindRules => {
  const { spec, host } = context;
  // Locked attributes cannot be replaced: a user namespace keeps those its creator did not give it.
  const mayBeLocked = hasNamespace(spec, 'user') || host.inUserNamespace;
  return {
    allByOuter: opensAllByOuter(context),
    changeOf: oncePer((options: ParsedOptions) => attributeChange(options, !mayBeLocked)),
  };
});

/** In a joined mount namespace init alone can open sources: outer's are of another one. */
function opensAllByOuter(context: PlanContext): boolean {
  const { spec, host, options } = context;
  if (options.intoContainer) return true;
  return (
    hasMountApi(context) &&
    host.euid === 0 &&
    hasNamespace(spec, 'user') &&
    joinsNamespace(spec, 'mount') === undefined
  );
}

const openSource = (context: PlanContext, actor: Actor, entry: MountEntry, out: Slot): Step =>
  step(actor, entry.origin, {
    call: 'open_tree',
    path: bindSource(context, entry),
    flags: OPEN_TREE_CLONE | (entry.options.flags & MS_REC ? AT_RECURSIVE : 0),
    out,
  });

/**
 * A clone made in the host's mount namespace is a peer of the host's mount: what the container mounts
 * below would appear on the host. With a shared rootfs that is what the config asks for; but never with a
 * user namespace, where the kernel too makes every mount a slave.
 */
const detachFromHost = ({ spec }: PlanContext, entry: MountEntry): readonly Step[] =>
  spec.linux?.rootfsPropagation?.endsWith('shared') && !hasNamespace(spec, 'user')
    ? []
    : [
        step('outer', entry.origin, {
          call: 'mount_setattr',
          fd: sourceSlot(entry),
          flags: AT_RECURSIVE,
          attr_set: 0n,
          attr_clr: 0n,
          propagation: BigInt(MS_SLAVE),
        }),
      ];

function setAttributes(context: PlanContext, entry: MountEntry, fd: Slot): readonly Step[] {
  const change = rulesOf(context).changeOf(entry.options);
  if (change === undefined) return [];
  return [
    initStep(entry, {
      call: 'mount_setattr',
      fd,
      flags: 0,
      attr_set: change.set,
      attr_clr: change.clear,
      propagation: 0n,
    }),
  ];
}

interface Change {
  readonly set: bigint;
  readonly clear: bigint;
}

function attributeChange(options: ParsedOptions, replace: boolean): Change | undefined {
  const change = bindAttributes(options, replace);
  return change && { set: BigInt(change.set), clear: BigInt(change.clear) };
}

/**
 * An id-mapped mount (`idmap`, `ridmap`, uidMappings): files of the source's owners appear as the
 * mapping's. The mapping is that of a user namespace; mounts with equal mappings share one.
 */
function planIdmap(
  context: PlanContext,
  entries: readonly MountEntry[],
  entry: MountEntry,
): readonly Step[] {
  const maps = idmapOf(context.spec, entry);
  if (maps === undefined) return [];
  const first = entries.find(
    (other) => isBind(other) && idmapOf(context.spec, other)?.key === maps.key,
  );
  const userns: Slot = `idmap:${first?.index ?? entry.index}`;
  return [
    ...(first === undefined || first === entry ? [openIdmap(entry, maps, userns)] : []),
    step('outer', entry.origin, {
      call: 'mount_setattr',
      fd: sourceSlot(entry),
      flags: entry.options.idmap === 'ridmap' ? AT_RECURSIVE : 0,
      attr_set: BigInt(MOUNT_ATTR_IDMAP),
      attr_clr: 0n,
      propagation: 0n,
      userns,
    }),
  ];
}

const openIdmap = (entry: MountEntry, maps: Idmap, out: Slot): Step =>
  step(
    'outer',
    entry.origin,
    maps.path === undefined
      ? { call: 'create_userns', uid_map: maps.uidMap, gid_map: maps.gidMap, out }
      : { call: 'openat', path: maps.path, flags: O_RDONLY, mode: 0, out },
  );

interface Idmap {
  /** Equal for equal mappings. */
  readonly key: string;
  readonly uidMap: string;
  readonly gidMap: string;
  /** The user namespace that already has the mapping. */
  readonly path: string | undefined;
}

/** The mount's own mappings; else the container's: those of linux, or of the namespace it joins. */
function idmapOf(spec: Spec, { mount, options }: MountEntry): Idmap | undefined {
  const own = mount.uidMappings !== undefined || mount.gidMappings !== undefined;
  if (!own && options.idmap === undefined) return undefined;
  const { uidMappings = [], gidMappings = [] } = own ? mount : (spec.linux ?? {});
  const path = own || uidMappings.length > 0 ? undefined : joinsNamespace(spec, 'user');
  const [uidMap, gidMap] = [formatMap(uidMappings), formatMap(gidMappings)];
  return { key: `${path ?? ''}\n${uidMap}\n${gidMap}`, uidMap, gidMap, path };
}

/** As /proc/PID/uid_map takes it: user_namespaces(7). */
const formatMap = (mappings: readonly IdMapping[]): string =>
  mappings.map(({ containerID, hostID, size }) => `${containerID} ${hostID} ${size}\n`).join('');
