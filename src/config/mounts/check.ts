/** What can be wrong with one entry of mounts[], whatever the kernel says later. */

import type { IdMapping, Mount, Spec } from '../../generated/spec.ts';
import { MS_BIND, MS_REMOUNT } from '../../linux/constants/mount.ts';
import { error, type Problem, warning } from '../../spec/problem.ts';
import { createsNamespace, joinsNamespace } from '../linux/namespaces.ts';
import { IGNORED_ON_BIND } from './attributes.ts';
import { checkDestination } from './destination.ts';
import { isBind, type MountEntry } from './entry.ts';
import { MOUNT_OPTIONS, splitData } from './options.ts';

/** What a right mount has: nearly every one is, and a config may have thousands. */
const NONE: readonly Problem[] = [];

export function checkMount(spec: Spec, entry: MountEntry): readonly Problem[] {
  const destination = checkDestination(entry);
  const kind = isBind(entry) ? checkBind(entry) : checkFilesystem(spec, entry);
  const idmap = checkIdmap(spec, entry);
  return destination.length + kind.length + idmap.length === 0
    ? NONE
    : [...destination, ...kind, ...idmap];
}

function checkBind({ mount, options, origin: path }: MountEntry): readonly Problem[] {
  const { flags, named, data, copyUp } = options;
  const hasSource = (flags & MS_REMOUNT) !== 0 || Boolean(mount.source);
  if (hasSource && data.length === 0 && !(named & IGNORED_ON_BIND) && !copyUp) return NONE;
  const problems: Problem[] = [];
  if (!hasSource) problems.push(error(`${path}/source`, 'is required: what a bind mount shows'));
  // runc refuses them since 1.2 and ignored them before; the validation programs of runtime-tools, and so
  // perhaps others, have configs with them.
  if (data.length > 0)
    problems.push(warning(`${path}/options`, 'options of a file system have no effect here', data));
  for (const [i, option] of (mount.options ?? []).entries()) {
    const { set = 0, copyUp: copies } = MOUNT_OPTIONS.get(option) ?? {};
    if (set & IGNORED_ON_BIND || copies)
      problems.push(warning(`${path}/options/${i}`, 'has no effect on a bind mount', option));
  }
  return problems;
}

function checkFilesystem(
  spec: Spec,
  { mount, options, origin: path }: MountEntry,
): readonly Problem[] {
  const { flags, copyUp } = options;
  const problems: Problem[] = [];
  if (mount.type === 'bind')
    problems.push(
      error(
        `${path}/type`,
        '"bind" is no file system: a bind mount takes the option "bind" or "rbind"',
        mount.options ?? [],
      ),
    );
  else if (!mount.type && !(flags & MS_REMOUNT))
    problems.push(error(`${path}/type`, 'is required for a mount that is no bind mount'));
  if (copyUp && mount.type !== 'tmpfs')
    problems.push(warning(`${path}/options`, 'tmpcopyup has an effect on a tmpfs alone'));
  return [...problems, ...checkMappedIds(spec, mount, path)];
}

/** devpts and tmpfs say no more than EINVAL to an owner that the user namespace does not map. */
function checkMappedIds(spec: Spec, mount: Mount, path: string): readonly Problem[] {
  if (!createsNamespace(spec, 'user')) return [];
  const maps = { uid: spec.linux?.uidMappings, gid: spec.linux?.gidMappings };
  return splitData(mount.options ?? []).flatMap((option) => {
    const [, kind, number] = /^(uid|gid)=(\d+)$/.exec(option) ?? [];
    if (kind !== 'uid' && kind !== 'gid') return [];
    const mappings = maps[kind];
    if (mappings === undefined || isMapped(mappings, Number(number))) return [];
    return [
      error(
        `${path}/options`,
        `${option} is not mapped by linux.${kind}Mappings: the kernel refuses the mount`,
        option,
      ),
    ];
  });
}

const isMapped = (mappings: readonly IdMapping[], id: number): boolean =>
  mappings.some(({ containerID, size }) => id >= containerID && id < containerID + size);

function checkIdmap(spec: Spec, { mount, options, origin: path }: MountEntry): readonly Problem[] {
  const { idmap, flags } = options;
  const uids = mount.uidMappings?.length ?? 0;
  const gids = mount.gidMappings?.length ?? 0;
  if (idmap === undefined && uids + gids === 0) return NONE;
  const problems: Problem[] = [];
  if (!(flags & MS_BIND) || flags & MS_REMOUNT)
    problems.push(error(path, 'id-mapped mounts are supported for bind mounts alone'));
  if ((uids === 0) !== (gids === 0))
    problems.push(
      error(
        `${path}/${uids === 0 ? 'uidMappings' : 'gidMappings'}`,
        'is required: an id-mapped mount takes both mappings or none',
      ),
    );
  const ofContainer = (spec.linux?.uidMappings?.length ?? 0) > 0 || joinsNamespace(spec, 'user');
  if (uids + gids === 0 && !ofContainer)
    problems.push(
      error(path, 'has no uidMappings and gidMappings, and the container has no user namespace'),
    );
  return problems;
}
