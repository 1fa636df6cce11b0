/**
 * state.json: what is known of a container between the verbs. Members that tools read out of runc's
 * state.json have its names.
 */
import type { Unit } from '../cgroup/systemd.ts';
import type { MountIdentity } from '../linux/mounts.ts';
import type { Step } from '../plan/step.ts';

export interface StateRecord {
  readonly id: string;
  readonly ociVersion: string;
  /** `creating` until everything is made; whether init lives and runs is asked of the machine. */
  readonly status: 'creating' | 'created';
  /** 0 until init exists. */
  readonly init_process_pid: number;
  /** Clock ticks since boot, /proc/PID/stat. */
  readonly init_process_start: number;
  /** RFC 3339, UTC, nanoseconds. */
  readonly created: string;
  readonly bundle: string;
  readonly rootfs: string;
  /** Who created it. */
  readonly uid: number;
  readonly annotations?: { readonly [key: string]: string };
  /** The container's own cgroup directories, one a hierarchy. */
  readonly cgroup_paths: readonly string[];
  /** Of those the one that can be frozen; absent where none can. */
  readonly freezer?: string;
  /** The mounts of the rootfs over itself, of a container without a mount namespace: `delete`'s to take away. */
  readonly rootfs_mounts?: readonly MountIdentity[];
  /** Directories of resctrl that were made for the container. */
  readonly resctrl_groups?: readonly string[];
  /** The systemd unit whose cgroup that is. */
  readonly systemd_unit?: Unit;
  /** Init is no PID 1 of its own: the rest of the container does not end with it. */
  readonly shares_pid_namespace: boolean;
  /** It is in its caller's session keyring: `exec` stays in its own caller's too. */
  readonly no_new_keyring: boolean;
  /** What init does when `start` says go, and the place of the first of it in the plan: for blame. */
  readonly behind_accept: { readonly first: number; readonly steps: readonly Step[] };
  /** Steps of the runtime after `start` and after `delete`: the poststart and poststop hooks. */
  readonly poststart: readonly Step[];
  readonly poststop: readonly Step[];
}

/** JSON of a record. Numbers, bytes and filters of steps, which no message shows, are left out. */
export const printRecord = (record: StateRecord): string =>
  // Of a plain `run` there are no steps: nothing to look for, in each of its members.
  hasSteps(record) ? JSON.stringify(record, shownOfStep) : JSON.stringify(record);

const hasSteps = ({ behind_accept, poststart, poststop }: StateRecord): boolean =>
  behind_accept.steps.length + poststart.length + poststop.length > 0;

const shownOfStep = (key: string, value: unknown): unknown =>
  (key === 'filter' && typeof value === 'object') ||
  typeof value === 'bigint' ||
  value instanceof Uint8Array
    ? undefined
    : value;

/** A record from its JSON; undefined when the text is none. */
export function parseRecord(text: string): StateRecord | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  return isRecord(value) ? value : undefined;
}

function isRecord(value: unknown): value is StateRecord {
  if (typeof value !== 'object' || value === null) return false;
  const members = new Map<string, unknown>(Object.entries(value));
  const all = (is: (member: unknown) => boolean, ...keys: readonly (keyof StateRecord)[]) =>
    keys.every((key) => is(members.get(key)));
  const orAbsent = (is: (member: unknown) => boolean, key: keyof StateRecord) =>
    !members.has(key) || is(members.get(key));
  return (
    all(isString, 'id', 'ociVersion', 'status', 'created', 'bundle', 'rootfs') &&
    all(Number.isSafeInteger, 'init_process_pid', 'init_process_start', 'uid') &&
    all(isBoolean, 'shares_pid_namespace', 'no_new_keyring') &&
    all(isBehindAccept, 'behind_accept') &&
    all(listOf(isString), 'cgroup_paths') &&
    all(listOf(isStep), 'poststart', 'poststop') &&
    orAbsent(
      (member) => entriesOf(member)?.every(([, text]) => isString(text)) === true,
      'annotations',
    ) &&
    orAbsent(isString, 'freezer') &&
    orAbsent(
      listOf((member) => entriesOf(member) !== undefined),
      'rootfs_mounts',
    ) &&
    orAbsent(listOf(isString), 'resctrl_groups') &&
    orAbsent(isUnit, 'systemd_unit')
  );
}

const isString = (value: unknown): boolean => typeof value === 'string';
const isBoolean = (value: unknown): boolean => typeof value === 'boolean';
const listOf =
  (is: (item: unknown) => boolean) =>
  (value: unknown): boolean =>
    Array.isArray(value) && value.every(is);

/** Undefined for what is no object. */
const entriesOf = (value: unknown): readonly [string, unknown][] | undefined =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
    ? Object.entries(value)
    : undefined;

const membersOf = (value: unknown): ReadonlyMap<string, unknown> => new Map(entriesOf(value));

function isBehindAccept(value: unknown): boolean {
  const members = membersOf(value);
  return Number.isSafeInteger(members.get('first')) && listOf(isStep)(members.get('steps'));
}

function isStep(value: unknown): boolean {
  const members = membersOf(value);
  return (
    isString(members.get('actor')) &&
    isString(members.get('origin')) &&
    isString(membersOf(members.get('op')).get('call'))
  );
}

function isUnit(value: unknown): boolean {
  const members = membersOf(value);
  return (
    isString(members.get('name')) &&
    isString(members.get('bus')) &&
    Number.isSafeInteger(members.get('timeoutMs'))
  );
}
