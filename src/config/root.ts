/**
 * root: the container's root directory and whether it is read-only. config.md "Root"; pivot_root(2).
 * Outer's chdir has made the rootfs the working directory of init.
 */

import type { Spec } from '../generated/spec.ts';
import { AT_RECURSIVE, O_DIRECTORY, O_PATH } from '../linux/constants/file.ts';
import {
  MNT_DETACH,
  MOUNT_ATTR_RDONLY,
  MS_BIND,
  MS_MOVE,
  MS_PRIVATE,
  MS_RDONLY,
  MS_REC,
  MS_SLAVE,
  OPEN_TREE_CLONE,
} from '../linux/constants/mount.ts';
import type { PlanContext } from '../plan/context.ts';
import { type Op, type Slot, type Step, step } from '../plan/step.ts';
import { error, type Problem } from '../spec/problem.ts';
import { mountLabel } from './linux/mountLabel.ts';
import { hasNamespace, mountsOnHost } from './linux/namespaces.ts';
import { hasMountApi, ROOT } from './mounts/entry.ts';

const ORIGIN = '/root/path';

/** The host's root while the container's takes its place. */
const OLD_ROOT: Slot = 'old-root';

const DIRECTORY = { flags: O_PATH | O_DIRECTORY, mode: 0 } as const;

export function checkRoot(spec: Spec): readonly Problem[] {
  if (spec.root === undefined) return [error('/root', 'is required')];
  const problems: Problem[] = [];
  if (spec.root.path === '') problems.push(error(ORIGIN, 'must not be empty'));
  if (spec.root.path.includes('\0')) problems.push(error(ORIGIN, 'must not contain NUL'));
  return problems;
}

/** Of a container without a mount namespace: with one init refuses it, as the kernel's pivot_root(2) does. */
export const checkHostRoot = ({ host }: PlanContext): readonly Problem[] =>
  host.mountsOnRoot === true
    ? [error(ORIGIN, 'is the host’s root directory: mounts over it would be for nobody to see')]
    : [];

const COVER: Slot = 'rootfs-cover';
const TREE: Slot = 'rootfs-tree';

/** The rootfs mounted over itself on the host, twice: of a container without a mount namespace. */
export const ROOTFS_MOUNTS: readonly Slot[] = [COVER, TREE];

/**
 * The mounts below which all others of a container are that has no mount namespace: taken away, they take
 * all with them. state.json names them before they are attached, so that `delete` finds them whatever
 * happens in between. Of the host's own mounts none is changed: where they are shared, the first appears
 * and goes in other mount namespaces as well, and so has nothing mounted in it; the second, with what is
 * mounted in the rootfs already, is attached to the first when that is private.
 */
export function planHostRootfs({ spec, options }: PlanContext): readonly Step[] {
  if (!mountsOnHost(spec)) return [];
  const path = options.rootfs;
  const ops: readonly Op[] = [
    { call: 'open_tree', path, flags: OPEN_TREE_CLONE, out: COVER },
    { call: 'open_tree', path, flags: OPEN_TREE_CLONE | AT_RECURSIVE, out: TREE },
    { call: 'save_state', status: 'creating' },
    { call: 'move_mount', from: COVER, path },
    { call: 'mount', target_fd: COVER, flags: BigInt(MS_PRIVATE) },
    { call: 'move_mount', from: TREE, to: COVER },
    { call: 'mount', target_fd: TREE, flags: BigInt(MS_PRIVATE | MS_REC) },
  ];
  return ops.map((op) => step('runtime', ORIGIN, op));
}

/**
 * Makes the rootfs a mount of its own, which pivot_root demands, and the slot root. Its parent must be
 * private: else the new mount would appear on the host too, and pivot_root is EINVAL.
 */
export function planRootfs(context: PlanContext): readonly Step[] {
  if (context.options.overlay !== undefined) return attachOverlay(context);
  if (!hasNamespace(context.spec, 'mount')) return root([openDirectory('.', ROOT)]);
  return hasMountApi(context) ? CLONED_ROOTFS : root(bindRootfs(context));
}

/**
 * --overlay: the directories of the upper layer, owned as the rootfs is, for their own are the root
 * directory's of the container.
 */
export function planOverlayDirectories({ options }: PlanContext): readonly Step[] {
  const { overlay, rootfs } = options;
  if (overlay === undefined) return NONE;
  const made = [
    { call: 'mkdir', path: overlay, mode: 0o711 },
    { call: 'mkdir', path: `${overlay}/upper`, mode: 0o755, like: rootfs },
    { call: 'mkdir', path: `${overlay}/work`, mode: 0o700 },
  ] as const;
  return made.map((op) => step('runtime', ORIGIN, op, { ignore: ['EEXIST'] }));
}

/** By outer, whose rights the overlay keeps: those of a user namespace's root reach neither layer. */
export const planOverlay = (context: PlanContext): readonly Step[] =>
  context.options.overlay === undefined || context.host.euid !== 0
    ? NONE
    : [step('outer', ORIGIN, overlayMount(context, context.options.overlay))];

const NONE: readonly Step[] = [];

function overlayMount(context: PlanContext, directory: string): Op {
  const label = mountLabel(context, 'overlay');
  return {
    call: 'fsmount',
    fstype: 'overlay',
    source: 'overlay',
    options: [
      `lowerdir=${context.options.rootfs.replaceAll(/[\\:]/g, '\\$&')}`,
      `upperdir=${directory}/upper`,
      `workdir=${directory}/work`,
      // Without root of the host no other attributes can be written.
      ...(context.host.euid === 0 ? [] : ['userxattr']),
      ...(label === undefined ? [] : [`context=${label}`]),
    ],
    attributes: 0,
    out: ROOT,
  };
}

const attachOverlay = (context: PlanContext): readonly Step[] =>
  root([
    { call: 'private_parent', not_root: 0 },
    ...(context.host.euid === 0 ? [] : [overlayMount(context, context.options.overlay ?? '')]),
    { call: 'move_mount', from: ROOT, path: '.' },
    { call: 'fchdir', fd: ROOT },
  ]);

/** Behind the bind, the path alone leads to the new mount: the working directory is below it. */
const bindRootfs = ({ options }: PlanContext): readonly Op[] => [
  { call: 'private_parent', not_root: 1 },
  { call: 'mount', source: '.', target: '.', flags: BigInt(MS_BIND | MS_REC) },
  openDirectory(options.rootfs, ROOT),
  { call: 'fchdir', fd: ROOT },
];

/**
 * Leaves the host's file systems behind; the working directory is the rootfs. In the host's own mount
 * namespace by chroot(2) alone, `--no-pivot` or not: a moved root would be the host's.
 */
export function planPivot(context: PlanContext): readonly Step[] {
  if (!hasNamespace(context.spec, 'mount')) return root(CHROOT);
  if (context.options.noPivot) return root(moveRoot(context));
  return hasMountApi(context) ? PIVOT : PIVOT_OF_MOUNT_2;
}

const CHROOT: readonly Op[] = [
  { call: 'chroot', path: '.' },
  { call: 'chdir', path: '/' },
];

/**
 * The old root ends up mounted over the new one, at `.`: no directory for it is needed. It becomes a
 * slave before it is detached, lest the host's own mounts go with it.
 */
const pivotRoot = (...enslaveOldRoot: readonly Op[]): readonly Op[] => [
  openDirectory('/', OLD_ROOT),
  { call: 'pivot_root', new_root: '.', put_old: '.' },
  ...enslaveOldRoot,
  { call: 'umount2', path: '.', flags: MNT_DETACH },
  { call: 'close', fd: OLD_ROOT },
  { call: 'chdir', path: '/' },
];

/**
 * `--no-pivot`, for a rootfs on the initial ramfs. The host's mounts stay in the namespace, out of reach
 * behind chroot; but a whole procfs or sysfs among them would let the container mount one without the
 * masks it should have.
 */
const moveRoot = (context: PlanContext): readonly Op[] => [
  { call: 'umount_pseudo', proc: 'proc', except: context.options.rootfs },
  hasMountApi(context)
    ? { call: 'move_mount', from: ROOT, path: '/' }
    : { call: 'mount', source: '.', target: '/', flags: BigInt(MS_MOVE) },
  ...CHROOT,
];

/** The mount of the root alone, not what is mounted in it. */
export const planRootReadonly = (context: PlanContext): readonly Step[] =>
  context.spec.root?.readonly
    ? [
        step(
          'init',
          '/root/readonly',
          hasMountApi(context)
            ? {
                call: 'mount_setattr',
                fd: ROOT,
                flags: 0,
                attr_set: BigInt(MOUNT_ATTR_RDONLY),
                attr_clr: 0n,
                propagation: 0n,
              }
            : { call: 'remount_bind', fd: ROOT, flags: BigInt(MS_RDONLY), cleared: 0n },
        ),
      ]
    : [];

const root = (ops: readonly Op[]): readonly Step[] => ops.map((op) => step('init', ORIGIN, op));

const openDirectory = (path: string, out: Slot): Op => ({
  call: 'openat',
  path,
  ...DIRECTORY,
  out,
});

const CLONED_ROOTFS = root([
  { call: 'private_parent', not_root: 1 },
  { call: 'open_tree', path: '.', flags: OPEN_TREE_CLONE | AT_RECURSIVE, out: ROOT },
  { call: 'move_mount', from: ROOT, path: '.' },
  { call: 'fchdir', fd: ROOT },
]);

const PIVOT = root(
  pivotRoot({
    call: 'mount_setattr',
    fd: OLD_ROOT,
    flags: AT_RECURSIVE,
    attr_set: 0n,
    attr_clr: 0n,
    propagation: BigInt(MS_SLAVE),
  }),
);

const PIVOT_OF_MOUNT_2 = root(
  pivotRoot(
    { call: 'fchdir', fd: OLD_ROOT },
    { call: 'mount', target: '.', flags: BigInt(MS_SLAVE | MS_REC) },
  ),
);
