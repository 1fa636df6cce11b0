/** Where containers are remembered: `<root>/<id>/` with state.json, config.json and the start socket. */
import { engine } from '../engine/current.ts';
import { containerExists, containerMissing, invalidId, TsrunError } from '../errors.ts';
import { failedWith, SystemError, unless } from '../linux/call.ts';
import {
  AT_FDCWD,
  F_OK,
  LOCK_EX,
  LOCK_NB,
  O_DIRECTORY,
  O_NOFOLLOW,
  O_RDONLY,
} from '../linux/constants/file.ts';
import { SIGNALS } from '../linux/constants/signals.ts';
import {
  access,
  close,
  closing,
  DT_DIR,
  type Fd,
  flock,
  listDirectory,
  mkdir,
  mkdirAll,
  openat,
  openDirectory,
  openPath,
  readDirectory,
  readText,
  readTextIfExists,
  release,
  rename,
  replaceFile,
  rmdir,
  unlink,
  writeNewFile,
} from '../linux/files.ts';
import { lockHolder } from '../linux/locks.ts';
import { detachMount } from '../linux/mounts.ts';
import { signalProcess } from '../linux/pidfd.ts';
import { getenv, geteuid } from '../linux/processes.ts';
import { monotonicMs, sleepMs } from '../linux/time.ts';
import { START_SOCKET } from '../plan/lifecycle.ts';
import { parseRecord, printRecord, type StateRecord } from './record.ts';

const STATE_FILE = 'state.json';
const CONFIG_FILE = 'config.json';

/** A container on disk. */
export interface Stored {
  readonly directory: string;
  readonly record: StateRecord;
}

/** The default of --root: as runc chooses it, with this program's name. */
export function defaultRoot(isRootless: boolean): string {
  const runtimeDirectory = getenv('XDG_RUNTIME_DIR');
  return isRootless && runtimeDirectory !== undefined && runtimeDirectory !== ''
    ? `${runtimeDirectory}/tsrun`
    : '/run/tsrun';
}

/** Whether --root defaults to the user's own directory: not root, or root of a user namespace only. */
export const isRootlessByDefault = (inUserNamespace: boolean): boolean =>
  geteuid() !== 0 || (inUserNamespace && getenv('USER') !== 'root');

/** An id is of the characters runc allows, and no path. */
const isId = (id: string): boolean => /^[\w+.-]+$/.test(id) && id !== '.' && id !== '..';

/** Throws `id-invalid` for what is no id. */
export function checkId(id: string): void {
  if (!isId(id)) throw invalidId(id);
}

export const directoryOf = (root: string, id: string): string => `${root}/${id}`;

/**
 * Makes a container's directory and fills it with its config, by this process alone, which gets the lock of it;
 * `container-exists` when it is taken. Of a claim that fails nothing is left.
 */
export function claim(directory: string, configText: string): Fd {
  try {
    mkdir(directory, 0o711);
  } catch (thrown) {
    throw failedWith(thrown, 'EEXIST') ? containerExists() : thrown;
  }
  return claimDirectory(directory, engine().encodeUtf8(configText));
}

/** Where a container's directory is to be: `id-invalid` for what is no id. The root is made where it is missing. */
export function newDirectory(root: string, id: string): string {
  checkId(id);
  mkdirAll(root, isInRuntimeDirectory(root) ? 0o1700 : 0o700);
  return directoryOf(root, id);
}

/**
 * Until the lock is had, a `delete --force` may take the new directory away, and another `create` make it
 * again. Whose config.json is in it, has it: written below the descriptor, and only where there is none.
 */
function claimDirectory(directory: string, config: Uint8Array): Fd {
  try {
    const lock = openDirectory(directory);
    flock(lock, LOCK_EX, directory);
    writeNewFile(lock, CONFIG_FILE, config, `${directory}/${CONFIG_FILE}`);
    return lock;
  } catch (thrown) {
    if (failedWith(thrown, 'EEXIST', 'ENOENT')) throw containerExists();
    // Only one that is empty goes: whose it is now is not known.
    unless(['ENOENT', 'ENOTEMPTY'], () => rmdir(directory));
    throw thrown;
  }
}

/**
 * What has no sticky bit may be cleared away there when it is old: XDG Base Directory Specification,
 * "XDG_RUNTIME_DIR".
 */
function isInRuntimeDirectory(root: string): boolean {
  const runtimeDirectory = getenv('XDG_RUNTIME_DIR') ?? '';
  return runtimeDirectory !== '' && root.startsWith(`${runtimeDirectory}/`);
}

/** Reads a container; `container-missing` when there is none, or nothing that can be read as one. */
export function load(root: string, id: string): Stored {
  checkId(id);
  const stored = loadIfReadable(root, id);
  if (stored === undefined) throw containerMissing();
  return stored;
}

/** A container, or undefined when its directory or its state.json is missing or broken. */
export function loadIfReadable(root: string, id: string): Stored | undefined {
  const directory = directoryOf(root, id);
  const text = readTextIfExists(stateFileOf(directory));
  const record = text === undefined ? undefined : parseRecord(text);
  return record === undefined ? undefined : { directory, record };
}

/** Whether there is a state.json, readable or not: without one nothing has been made for the container. */
export const hasState = (directory: string): boolean => access(stateFileOf(directory), F_OK);

/** The names of containers in the state root, sorted; none when there is no state root. */
export const storedIds = (root: string): readonly string[] =>
  listDirectory(root)
    .filter(({ name, type }) => type === DT_DIR && isId(name))
    .map(({ name }) => name)
    .sort();

/** A record and the state.json that says it. */
export interface PrintedRecord {
  readonly record: StateRecord;
  readonly bytes: Uint8Array;
}

export const printed = (record: StateRecord): PrintedRecord => ({
  record,
  bytes: engine().encodeUtf8(printRecord(record)),
});

/** Writes state.json: a reader sees the old or the new one. */
export const saveRecord = (directory: string, record: StateRecord): void =>
  savePrinted(directory, printed(record));

/**
 * Writes what state.json will be, for `saveStaged`. False when that cannot be: for who saves it in full to say.
 */
export const stage = (directory: string, { bytes }: PrintedRecord): boolean => {
  const name = stagedFileOf(directory);
  try {
    writeNewFile(AT_FDCWD, name, bytes, name);
    return true;
  } catch (thrown) {
    if (!(thrown instanceof SystemError)) throw thrown;
    return false;
  }
};

export const saveStaged = (directory: string): void =>
  rename(stagedFileOf(directory), stateFileOf(directory));

const stagedFileOf = (directory: string): string => `${directory}/.${STATE_FILE}.next`;

export const savePrinted = (directory: string, { bytes }: PrintedRecord): void =>
  replaceFile(stateFileOf(directory), `${directory}/.${STATE_FILE}`, bytes, 0o600);

/**
 * Changes the kept config, which `create` has written as it was read (what the bundle holds may change while
 * the container lives): a reader sees the old or the new one.
 */
export const replaceConfig = (directory: string, text: string): void =>
  replaceFile(
    `${directory}/${CONFIG_FILE}`,
    `${directory}/.${CONFIG_FILE}`,
    engine().encodeUtf8(text),
    0o600,
  );

/** The config the container was created from, with what `update` has changed since. */
export const savedConfig = (directory: string): string => readText(`${directory}/${CONFIG_FILE}`);

export const stateFileOf = (directory: string): string => `${directory}/${STATE_FILE}`;

/** Where the agent of a watched filter listens until it was connected to; it goes with the directory. */
export const seccompSocketOf = (directory: string): string => `${directory}/seccomp.sock`;

export const startSocketOf = (directory: string): string => `${directory}/${START_SOCKET}`;

const LOCK_POLL_MS = 10;

/** How long a verb that is in the way of `delete --force` may take to get out of it. */
const GRACE_MS = 300;

/**
 * Locks a container against other verbs that change it. Undefined when its directory is gone, also when it
 * went while the lock was waited for (another container may have its name by now), or has never been a
 * container's. A `create` holds the lock to its end; after `patienceMs` of waiting `container-state` is thrown.
 * With `force` whoever holds it is killed before that: a hook may keep it for ever.
 */
export function lockContainer(
  directory: string,
  patienceMs: number,
  force = false,
): Fd | undefined {
  const lock = unless(['ENOENT'], () => openDirectory(directory));
  if (lock === undefined) return undefined;
  const begin = monotonicMs();
  let grace = begin + GRACE_MS;
  while (!flock(lock, LOCK_EX | LOCK_NB, directory)) {
    const now = monotonicMs();
    if (now > begin + patienceMs) {
      release(lock);
      throw new TsrunError('container-state', 'container is in use by another command');
    }
    if (force && now > grace) {
      const holder = lockHolder(lock);
      if (holder !== undefined) signalProcess(holder, SIGNALS.SIGKILL);
      grace = now + GRACE_MS;
    }
    sleepMs(LOCK_POLL_MS);
  }
  if (access(CONFIG_FILE, F_OK, lock)) return lock;
  release(lock);
  return undefined;
}

/** How long another verb may take that changes the same container. */
const VERB_PATIENCE_MS = 10_000;

/** Runs `use` with a container nobody else changes meanwhile; `container-missing` when there is none. */
export function withLocked<T>(root: string, id: string, use: (stored: Stored) => T): T {
  const { directory } = load(root, id);
  const lock = lockContainer(directory, VERB_PATIENCE_MS);
  if (lock === undefined) throw containerMissing();
  try {
    return use(load(root, id));
  } finally {
    release(lock);
  }
}

/** Whether some process holds the lock. */
export function isLocked(directory: string): boolean {
  const lock = unless(['ENOENT'], () => openDirectory(directory));
  if (lock === undefined) return false;
  const locked = !flock(lock, LOCK_EX | LOCK_NB, directory);
  release(lock);
  return locked;
}

/** A file of the state directory; a mount over it goes first (container/ending.ts). */
function removeFile(name: string, directory: Fd): void {
  if (unless(['EBUSY'], () => unlink(name, directory) ?? true) === true) return;
  closing(openPath(name, directory), detachMount);
  unlink(name, directory);
}

/** Removes a container's directory with all that is in it. No failure when it is gone. */
export function removeDirectory(directory: string): void {
  unless(['ENOENT'], () => {
    emptyDirectory(openDirectory(directory), directory);
    rmdir(directory);
  });
}

/**
 * Of one that `run --overlay` keeps there the container has decided what is in it: directories in each other,
 * deeper than a path may be long, or than descriptors may be open. So names are looked up in what is above them,
 * and `..` leads back, for nothing of the container runs any more. Closes `top`.
 */
function emptyDirectory(top: Fd, detail: string): void {
  const above: { readonly name: string; readonly left: string[] }[] = [];
  let here = top;
  const enter = (name: string, flags = 0): void => {
    const entered = openat(here, name, O_RDONLY | O_DIRECTORY | flags);
    close(here);
    here = entered;
  };
  try {
    let left = removeFiles(here, detail);
    for (;;) {
      const name = left.pop();
      if (name !== undefined) {
        above.push({ name, left });
        enter(name, O_NOFOLLOW);
        left = removeFiles(here, detail);
        continue;
      }
      const done = above.pop();
      if (done === undefined) return;
      enter('..');
      rmdir(done.name, here);
      left = done.left;
    }
  } finally {
    close(here);
  }
}

/** The directories among what was there; the rest is gone. */
function removeFiles(directory: Fd, detail: string): string[] {
  const directories: string[] = [];
  for (const { name, type } of readDirectory(directory, detail)) {
    if (type === DT_DIR) directories.push(name);
    else unless(['ENOENT'], () => removeFile(name, directory));
  }
  return directories;
}
