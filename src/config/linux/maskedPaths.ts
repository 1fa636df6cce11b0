/**
 * linux.maskedPaths: paths the container shall not read: a file becomes /dev/null, a directory an empty
 * read-only tmpfs. A path that is not there is passed over. config-linux.md "Masked Paths".
 */

import type { Spec } from '../../generated/spec.ts';
import { O_PATH } from '../../linux/constants/file.ts';
import {
  MOUNT_ATTR_NODEV,
  MOUNT_ATTR_NOEXEC,
  MOUNT_ATTR_NOSUID,
  MOUNT_ATTR_RDONLY,
  MS_PRIVATE,
  OPEN_TREE_CLONE,
} from '../../linux/constants/mount.ts';
import type { PlanContext } from '../../plan/context.ts';
import { type Slot, type Step, step } from '../../plan/step.ts';
import { error, type Problem } from '../../spec/problem.ts';
import { hasMountApi, ROOT } from '../mounts/entry.ts';
import { mountLabel } from './mountLabel.ts';
import { hasNamespace } from './namespaces.ts';

const ORIGIN = '/linux/maskedPaths';

const FILE: Slot = 'mask-file';
const DIRECTORY: Slot = 'mask-directory';

export const checkMaskedPaths = (spec: Spec): readonly Problem[] =>
  checkRestrictedPaths(spec, ORIGIN, spec.linux?.maskedPaths);

/** What maskedPaths and readonlyPaths ask alike. */
export function checkRestrictedPaths(
  spec: Spec,
  origin: string,
  paths: readonly string[] = [],
): readonly Problem[] {
  const wrong = paths.flatMap((path, i) => {
    if (path.includes('\0')) return [error(`${origin}/${i}`, 'must not contain NUL', path)];
    return path.startsWith('/') ? [] : [error(`${origin}/${i}`, 'must be an absolute path', path)];
  });
  const missing =
    paths.length > 0 && !hasNamespace(spec, 'mount')
      ? [error(origin, 'unable to restrict sys entries without a private MNT namespace')]
      : [];
  return [...missing, ...wrong];
}

/**
 * The /dev/null is the host's, opened before pivot_root: the one of the image could be anything
 * (CVE-2025-31133). One tmpfs serves all directories.
 */
export function planMaskedPaths(context: PlanContext): readonly Step[] {
  const paths = context.spec.linux?.maskedPaths ?? [];
  if (paths.length === 0 || !hasNamespace(context.spec, 'mount')) return [];
  const withMountApi = hasMountApi(context);
  return [
    ...(withMountApi ? masks(context) : MASKS_OF_MOUNT_2),
    ...paths.map((path, i) =>
      step(
        'init',
        `${ORIGIN}/${i}`,
        {
          call: 'mask',
          root: ROOT,
          path,
          file: FILE,
          ...(withMountApi ? { directory: DIRECTORY } : {}),
        },
        { ignore: ['ENOENT'] },
      ),
    ),
  ];
}

const masks = (context: PlanContext): readonly Step[] => [
  step('init', ORIGIN, {
    call: 'open_tree',
    path: '/dev/null',
    flags: OPEN_TREE_CLONE,
    out: FILE,
  }),
  // The host's /dev is shared where systemd runs: a slave of it CRIU finds no master for when it restores.
  step('init', ORIGIN, {
    call: 'mount_setattr',
    fd: FILE,
    flags: 0,
    attr_set: 0n,
    attr_clr: 0n,
    propagation: BigInt(MS_PRIVATE),
  }),
  step('init', ORIGIN, {
    call: 'fsmount',
    fstype: 'tmpfs',
    source: 'tmpfs',
    options: ['ro', 'mode=755', ...contextOption(context)],
    attributes: MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC,
    out: DIRECTORY,
  }),
];

function contextOption(context: PlanContext): readonly string[] {
  const label = mountLabel(context, 'tmpfs');
  return label === undefined ? [] : [`context=${label}`];
}

const MASKS_OF_MOUNT_2: readonly Step[] = [
  step('init', ORIGIN, { call: 'openat', path: '/dev/null', flags: O_PATH, mode: 0, out: FILE }),
];
