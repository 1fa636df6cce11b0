/** Why a mount fails, for the reasons people ask about again and again, and what to change. */
import type { Mount, Spec } from '../generated/spec.ts';
import type { Failure } from './hint.ts';

type Rule = (failure: Failure, mount: Mount) => string | undefined;

/** A clause; undefined where the step belongs to no entry of mounts, or no rule knows it. */
export function mountHint(failure: Failure): string | undefined {
  const index = /^\/mounts\/(\d+)/.exec(failure.step.origin)?.[1];
  const mount = index === undefined ? undefined : failure.config.mounts?.[Number(index)];
  if (mount === undefined) return undefined;
  for (const rule of RULES) {
    const hint = rule(failure, mount);
    if (hint !== undefined) return hint;
  }
  return undefined;
}

const creates = ({ linux }: Spec, type: string): boolean =>
  linux?.namespaces?.some((namespace) => namespace.type === type && !namespace.path) === true;

const isBind = ({ options = [] }: Mount): boolean =>
  options.includes('bind') || options.includes('rbind');

const missingSource: Rule = ({ step: { op }, errno, exists }) => {
  if ((op.call !== 'open_tree' && op.call !== 'open_tree_attr') || errno !== 'ENOENT')
    return undefined;
  const parts = op.path.split('/');
  const existing = parts
    .map((_, i) => parts.slice(0, parts.length - i).join('/'))
    .find((path) => path !== '' && exists(path));
  return `the source is not there on this host: ${existing === undefined ? 'nothing of it is' : `${existing} is, what is below is not`}`;
};

const notBind: Rule = ({ errno }, mount) =>
  (errno === 'ENODEV' || errno === 'ENOENT' || errno === 'EINVAL') &&
  !isBind(mount) &&
  mount.source?.startsWith('/') === true &&
  [undefined, '', 'none', 'bind'].includes(mount.type)
    ? 'to mount a directory or a file, put bind or rbind among its options: the type alone does not'
    : undefined;

const unknownType: Rule = ({ errno }, { type }) =>
  errno === 'ENODEV'
    ? `the kernel knows no file system ${JSON.stringify(type ?? '')}: see /proc/filesystems, a module may be missing`
    : undefined;

const namespaceOf: { readonly [type: string]: string } = {
  sysfs: 'network',
  proc: 'pid',
  mqueue: 'ipc',
  cgroup: 'cgroup',
  cgroup2: 'cgroup',
};

/** In a user namespace these are for who owns the namespace they show. */
const notOwned: Rule = ({ errno, config }, { type = '' }) => {
  const needed = namespaceOf[type];
  if ((errno !== 'EPERM' && errno !== 'EACCES') || needed === undefined || !creates(config, 'user'))
    return undefined;
  if (!creates(config, needed)) {
    return `in a user namespace ${type} takes a new namespace of type ${needed}: add one, or bind the host's`;
  }
  return type === 'proc' || type === 'sysfs'
    ? `in a user namespace the kernel mounts ${type} only where one without masks is visible already: the caller's own has paths mounted over`
    : undefined;
};

const overlay: Rule = ({ errno, exists }, { type, options = [] }) => {
  if (type !== 'overlay') return undefined;
  const directories = (name: string) =>
    options
      .find((text) => text.startsWith(`${name}=`))
      ?.slice(name.length + 1)
      .split(':') ?? [];
  const all = ['lowerdir', 'upperdir', 'workdir'].flatMap((name) =>
    directories(name).map((path) => ({ name, path })),
  );
  const missing = all.find(({ path }) => path.startsWith('/') && !exists(path));
  if (missing !== undefined) return `${missing.name}: ${missing.path} is not there on this host`;
  if (directories('upperdir').length > 0 && directories('workdir').length === 0)
    return 'upperdir takes a workdir on the same file system';
  return errno === 'EINVAL'
    ? 'upperdir and workdir must be on one file system, which is no overlay itself'
    : undefined;
};

const idmapped: Rule = ({ step: { op }, errno }) =>
  op.call === 'mount_setattr' &&
  op.userns !== undefined &&
  (errno === 'EINVAL' || errno === 'EPERM')
    ? 'the file system of the source cannot be id-mapped by this kernel, or the caller does not own it'
    : undefined;

const SETS_ATTRIBUTES: readonly string[] = ['mount_setattr', 'open_tree_attr', 'remount_bind'];

const locked: Rule = ({ step: { op }, errno, config }) =>
  SETS_ATTRIBUTES.includes(op.call) && errno === 'EPERM' && creates(config, 'user')
    ? "in a user namespace the source's own nosuid, nodev, noexec, ro and atime cannot be taken away: keep them among the options"
    : undefined;

const unmakeable: Rule = ({ step: { op }, errno }, { destination }) => {
  if (op.call !== 'open_target' && op.call !== 'attach') return undefined;
  if (errno === 'EROFS')
    return `${destination} does not exist, and cannot be made in a read-only file system`;
  // attach says itself which of the two it is.
  if (op.call === 'open_target' && (errno === 'ENOTDIR' || errno === 'EISDIR'))
    return 'of source and destination one is a directory and the other is not';
  return errno === 'ELOOP'
    ? `${destination} leads through too many symbolic links of the root file system`
    : undefined;
};

const badOption: Rule = ({ step: { op }, errno, detail }, { type }) =>
  op.call === 'fsmount' && errno === 'EINVAL' && detail === ''
    ? `the file system ${type} refuses one of ${op.options.join(', ') || 'its options'}`
    : undefined;

const RULES: readonly Rule[] = [
  notBind,
  missingSource,
  overlay,
  unknownType,
  notOwned,
  idmapped,
  locked,
  unmakeable,
  badOption,
];
