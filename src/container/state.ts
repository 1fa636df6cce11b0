/** `state` and `list`: what is known of containers. */
import { SystemError } from '../linux/call.ts';
import { readTextIfExists } from '../linux/files.ts';
import { endingOf } from './ending.ts';
import { type Status, statusOf } from './status.ts';
import { load, loadIfReadable, type Stored, storedIds } from './store.ts';

/** In the order it is printed. */
export interface ContainerState {
  readonly ociVersion: string;
  readonly id: string;
  /** 0 when the container is stopped. */
  readonly pid: number;
  readonly status: Status;
  readonly bundle: string;
  readonly rootfs: string;
  /** RFC 3339, UTC, nanoseconds. */
  readonly created: string;
  readonly annotations?: { readonly [key: string]: string };
  /** How a stopped container ended, where that is known. */
  readonly exitStatus?: number;
  readonly exitSignal?: string;
  readonly oomKilled?: boolean;
  /** Who created it: a user's name or `#uid` in a list, empty from `state`, as runc does. */
  readonly owner: string;
}

/** One container; `container-missing` when there is none. */
export const readState = (root: string, id: string): ContainerState => stateOf(load(root, id), '');

export interface Listing {
  /** Sorted by id. */
  readonly containers: readonly ContainerState[];
  /** Names in the state root that are no container that can be read. */
  readonly unreadable: readonly string[];
}

/** All containers of a state root; one that cannot be read hides no other. */
export function listContainers(root: string): Listing {
  const containers: ContainerState[] = [];
  const unreadable: string[] = [];
  const names = userNames();
  for (const id of storedIds(root)) {
    const stored = readable(root, id);
    if (stored === undefined) unreadable.push(id);
    else containers.push(stateOf(stored, names(stored.record.uid)));
  }
  return { containers, unreadable };
}

function readable(root: string, id: string): Stored | undefined {
  try {
    return loadIfReadable(root, id);
  } catch (thrown) {
    if (thrown instanceof SystemError) return undefined;
    throw thrown;
  }
}

function stateOf(stored: Stored, owner: string): ContainerState {
  const { record } = stored;
  const status = statusOf(stored);
  return {
    ociVersion: record.ociVersion,
    id: record.id,
    pid: status === 'stopped' ? 0 : record.init_process_pid,
    status,
    bundle: record.bundle,
    rootfs: record.rootfs,
    created: record.created,
    ...(record.annotations === undefined ? {} : { annotations: record.annotations }),
    ...(status === 'stopped' ? endingOf(stored) : {}),
    owner,
  };
}

/** The host's /etc/passwd: `name:password:uid:…` a line. */
function userNames(): (uid: number) => string {
  let names: ReadonlyMap<string, string> | undefined;
  return (uid) => {
    names ??= new Map(
      (readTextIfExists('/etc/passwd') ?? '')
        .split('\n')
        .map((line) => line.split(':'))
        .map(([name = '', , number = '']) => [number, name]),
    );
    return names.get(String(uid)) ?? `#${uid}`;
  };
}
