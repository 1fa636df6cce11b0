/**
 * linux.uidMappings and linux.gidMappings: which ids of the host the ids in a new user namespace are.
 * config-linux.md "User namespace mappings", user_namespaces(7).
 */

import type { IdMapping, Spec } from '../../generated/spec.ts';
import type { PlanContext } from '../../plan/context.ts';
import { INIT, type Step, step } from '../../plan/step.ts';
import { error, type Problem } from '../../spec/problem.ts';
import { createsNamespace, hasNamespace } from './namespaces.ts';

/** The kernel's UID_GID_MAP_MAX_EXTENTS, since Linux 4.15. */
const MAX_EXTENTS = 340;

/** The id -1 is no id: setresuid(2) takes it for "unchanged". */
const ID_END = 0xffff_ffff;

type Kind = 'uid' | 'gid';
const KINDS: readonly Kind[] = ['uid', 'gid'];

const origin = (kind: Kind) => `/linux/${kind}Mappings`;

const mappings = (spec: Spec, kind: Kind): readonly IdMapping[] =>
  spec.linux?.[`${kind}Mappings`] ?? [];

/** The host's id of an id in the container; undefined when it has none. */
export function toHostId(map: readonly IdMapping[], id: number): number | undefined {
  const extent = map.find((m) => id >= m.containerID && id < m.containerID + m.size);
  return extent === undefined ? undefined : extent.hostID + (id - extent.containerID);
}

export function checkIdMappings(spec: Spec): readonly Problem[] {
  return KINDS.flatMap((kind) => {
    const map = mappings(spec, kind);
    if (createsNamespace(spec, 'user')) return checkMap(kind, map);
    // With a path the maps describe what is joined; runc 1.1 demands them, so engines write both.
    if (map.length === 0 || hasNamespace(spec, 'user')) return [];
    return [
      error(
        origin(kind),
        "is given, but user namespace isn't enabled: linux.namespaces has no entry of type user",
      ),
    ];
  });
}

function checkMap(kind: Kind, map: readonly IdMapping[]): readonly Problem[] {
  if (map.length === 0)
    return [error(origin(kind), 'is required: a new user namespace has no ids without it')];
  if (map.length > MAX_EXTENTS)
    return [error(origin(kind), `must have at most ${MAX_EXTENTS} entries`, map.length)];
  const problems = map.flatMap((extent, i) => checkExtent(`${origin(kind)}/${i}`, extent, map, i));
  if (problems.length === 0 && toHostId(map, 0) === undefined)
    problems.push(
      error(origin(kind), 'must map container ID 0: the container is set up as its root'),
    );
  return problems;
}

/** An extent may not be empty, run over the last id, or meet another on either side. */
function checkExtent(
  path: string,
  extent: IdMapping,
  map: readonly IdMapping[],
  index: number,
): readonly Problem[] {
  if (extent.size === 0) return [error(`${path}/size`, 'must not be 0')];
  const problems: Problem[] = [];
  for (const side of ['containerID', 'hostID'] as const) {
    const end = extent[side] + extent.size;
    if (end > ID_END) problems.push(error(`${path}/${side}`, 'with size exceeds the last id', end));
    const earlier = map
      .slice(0, index)
      .findIndex((other) => extent[side] < other[side] + other.size && other[side] < end);
    if (earlier >= 0) problems.push(error(`${path}/${side}`, `overlaps entry ${earlier}`));
  }
  return problems;
}

/**
 * Writes the maps of a new user namespace: by the runtime, because their ids are the host's. Root writes
 * them itself; anybody else may map only his own id, and that of his group only after giving up
 * setgroups(2); for more there are newuidmap(1) and newgidmap(1), which ask /etc/subuid.
 */
export function planIdMappings({ spec, host }: PlanContext): readonly Step[] {
  if (!createsNamespace(spec, 'user')) return [];
  return KINDS.flatMap((kind) => {
    const map = mappings(spec, kind);
    const program = host.idmapTools[`new${kind}map`];
    if (host.euid !== 0 && program !== undefined && !mapsOnly(map, own(host, kind)))
      return [
        step('runtime', origin(kind), { call: 'newidmap', program, pid: INIT, map: numbers(map) }),
      ];
    const write = (file: string, data: string) =>
      step('runtime', origin(kind), { call: 'proc_write', pid: INIT, file, data });
    return [
      ...(kind === 'gid' && deniesSetgroups({ spec, host }) ? [write('setgroups', 'deny')] : []),
      write(`${kind}_map`, map.map((m) => `${m.containerID} ${m.hostID} ${m.size}\n`).join('')),
    ];
  });
}

/** setgroups(2) is given up for the right to map one's own group; user_namespaces(7). */
export const deniesSetgroups = ({ spec, host }: Pick<PlanContext, 'spec' | 'host'>): boolean =>
  host.euid !== 0 &&
  createsNamespace(spec, 'user') &&
  (host.idmapTools.newgidmap === undefined || mapsOnly(mappings(spec, 'gid'), host.egid));

const own = (host: PlanContext['host'], kind: Kind) => (kind === 'uid' ? host.euid : host.egid);

const mapsOnly = (map: readonly IdMapping[], hostId: number): boolean =>
  map.length === 1 && map[0]?.size === 1 && map[0].hostID === hostId;

const numbers = (map: readonly IdMapping[]): readonly string[] =>
  map.flatMap((m) => [`${m.containerID}`, `${m.hostID}`, `${m.size}`]);

/**
 * Init becomes root of the new user namespace; before, it is there as an id that has no name. Behind the
 * time offsets: a process whose ids have changed is no longer dumpable, and its files in /proc belong to
 * the host's root, proc(5).
 */
export const planBecomeRoot = ({ spec }: PlanContext): readonly Step[] =>
  createsNamespace(spec, 'user')
    ? [
        step('init', origin('gid'), { call: 'setgid', gid: 0 }),
        step('init', origin('uid'), { call: 'setuid', uid: 0 }),
      ]
    : [];
