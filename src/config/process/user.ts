/**
 * process.user: the ids the program runs with, inside the container's user namespace, and its umask.
 * config.md "User", credentials(7).
 */

import type { IdMapping, Spec } from '../../generated/spec.ts';
import type { PlanContext } from '../../plan/context.ts';
import { type Step, step } from '../../plan/step.ts';
import { error, type Problem } from '../../spec/problem.ts';
import { createsNamespace, joinsNamespace } from '../linux/namespaces.ts';
import { deniesSetgroups, toHostId } from '../linux/uidMappings.ts';

const ORIGIN = '/process/user';

const DEFAULT_UMASK = 0o022;

/** (uid_t)-1 means "unchanged" to setresuid(2). */
const NO_ID = 0xffff_ffff;

export function checkUser(spec: Spec): readonly Problem[] {
  const { uid = 0, gid = 0, umask = 0, additionalGids = [] } = spec.process?.user ?? {};
  const creates = createsNamespace(spec, 'user');
  const uidMap = creates ? spec.linux?.uidMappings : undefined;
  const gidMap = creates ? spec.linux?.gidMappings : undefined;
  return [
    ...checkId(`${ORIGIN}/uid`, uid, uidMap),
    ...checkId(`${ORIGIN}/gid`, gid, gidMap),
    ...additionalGids.flatMap((id, i) => checkId(`${ORIGIN}/additionalGids/${i}`, id, gidMap)),
    ...(umask > 0o777 ? [error(`${ORIGIN}/umask`, 'must be at most 0777 (511)', umask)] : []),
  ];
}

function checkId(path: string, id: number, map: readonly IdMapping[] | undefined) {
  if (id === NO_ID) return [error(path, 'is no id', id)];
  // Without a map at all, the map is what is missing: checkIdMappings says so.
  const isMapped = map === undefined || map.length === 0 || toHostId(map, id) !== undefined;
  return isMapped ? [] : [error(path, 'is not mapped in the user namespace', id)];
}

export const planUmask = ({ spec }: PlanContext): readonly Step[] => [
  step('init', `${ORIGIN}/umask`, {
    call: 'umask',
    mask: spec.process?.user?.umask ?? DEFAULT_UMASK,
  }),
];

/**
 * Gives the standard streams to the user, so that /dev/stdout can be opened, then becomes that user.
 * Groups first, while there is the right to; the uid last, for it takes the rights away.
 */
export function planUser(context: PlanContext): readonly Step[] {
  const { uid = 0, gid = 0 } = context.spec.process?.user ?? {};
  return [
    step('init', `${ORIGIN}/uid`, { call: 'chown_stdio', uid }),
    ...planGroups(context),
    step('init', `${ORIGIN}/gid`, { call: 'setgid', gid }),
    step('init', `${ORIGIN}/uid`, { call: 'setuid', uid }),
  ];
}

/**
 * An empty list too: the groups of the caller are not the container's. Where setgroups(2) was given up
 * for the id map (user_namespaces(7)) they cannot be dropped, here or in the namespace tsrun was put in;
 * that fails only if groups were asked for.
 */
function planGroups({ spec, host }: PlanContext): readonly Step[] {
  const gids = spec.process?.user?.additionalGids ?? [];
  if (gids.length === 0 && deniesSetgroups({ spec, host })) return [];
  const mayBeDenied = host.inUserNamespace || joinsNamespace(spec, 'user') !== undefined;
  const extra = gids.length === 0 && mayBeDenied ? { ignore: ['EPERM'] as const } : {};
  return [step('init', `${ORIGIN}/additionalGids`, { call: 'setgroups', gids }, extra)];
}
