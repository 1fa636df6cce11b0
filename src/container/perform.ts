/** The runtime's own steps: one row an operation, performed in the host's namespaces. */
import { delegateCgroup } from '../cgroup/delegate.ts';
import { replaceDeviceProgram } from '../cgroup/devices.ts';
import { createCgroup } from '../cgroup/directory.ts';
import {
  attachToUnit,
  setUnit,
  startUnit,
  type Unit,
  type UnitProperty,
} from '../cgroup/systemd.ts';
import { engine } from '../engine/current.ts';
import { OPS, RUNTIME_CALLS, type RuntimeCall } from '../generated/ops.ts';
import { failedWith, SystemError } from '../linux/call.ts';
import { errnoNumber } from '../linux/constants/errno.ts';
import { AT_FDCWD } from '../linux/constants/file.ts';
import {
  chdir,
  type Fd,
  mkdir,
  openat,
  release,
  replaceFile,
  writeExisting,
} from '../linux/files.ts';
import { copyOwner } from '../linux/look.ts';
import { changePropagation, moveMount, openTree } from '../linux/mounts.ts';
import { moveNetDevice } from '../linux/netDevice.ts';
import { openProcess } from '../linux/pidfd.ts';
import { prlimit, spawn, waitFor } from '../linux/processes.ts';
import { connectUnix, listenAt, newUnixSocket, send, streamPair } from '../linux/sockets.ts';
import { WrittenFile } from '../linux/writtenFile.ts';
import { INIT, type Op, OUTER, PIDFD, type Slot } from '../plan/step.ts';
import { parseGvariant } from '../spec/gvariant.ts';
import type { StateRecord } from './record.ts';

/** What a runtime step may use besides its arguments. */
export interface Performance {
  readonly slots: Slots;
  /** Of the runtime's step that follows at once. */
  readonly next: Op | undefined;
  /** Makes the container's directory its own. */
  readonly claim: () => void;
  /** Brings state.json to this status. */
  readonly saveState: (status: StateRecord['status']) => void;
  /** Runs a hook to its end in the host's namespaces; throws what its failure is. */
  readonly runHook: (hook: Operation<'hook'>) => void;
}

type Operation<K extends RuntimeCall> = Extract<Op, { readonly call: K }>;

/** Performs one operation; SystemError when it fails. */
export function performOperation(op: Op, performance: Performance): void {
  const perform = PERFORMERS.get(op.call);
  if (perform === undefined) throw new RangeError(`${op.call} is no operation of the runtime`);
  perform(op, performance);
}

const isOperation = <K extends RuntimeCall>(call: K, op: Op): op is Operation<K> =>
  op.call === call;

const OPERATIONS: {
  readonly [K in RuntimeCall]: (op: Operation<K>, performance: Performance) => void;
} = {
  openat: (op, { slots }) => {
    const dirfd = op.dirfd === undefined ? AT_FDCWD : slots.get(op.dirfd);
    slots.set(op.out, openat(dirfd, op.path, op.flags, op.mode));
  },
  write: (op, { slots, next }) => {
    if (op.dirfd !== undefined) writeExisting(op.path, op.data, slots.get(op.dirfd));
    else slots.written.write(op.path, op.data, isWriteTo(op.path, next));
  },
  write_any: (op) => writeAny(op.paths, op.data),
  chdir: (op) => chdir(op.path),
  send_fd: (op, { slots }) => {
    send(slots.get(op.socket), engine().encodeUtf8(op.payload), [slots.get(op.fd)]);
  },
  prlimit: (op, { slots }) => {
    prlimit(op.pid === undefined ? 0 : slots.get(op.pid), op.resource, op.soft, op.hard);
  },
  hook: (op, { runHook }) => runHook(op),
  mkdir: (op) => {
    mkdir(op.path, op.mode);
    if (op.like !== undefined) copyOwner(op.like, op.path);
  },
  open_tree: (op, { slots }) => {
    const dirfd = op.dirfd === undefined ? AT_FDCWD : slots.get(op.dirfd);
    slots.set(op.out, openTree(dirfd, op.path, op.flags));
  },
  move_mount: (op, { slots }) => {
    moveMount(slots.get(op.from), op.to === undefined ? AT_FDCWD : slots.get(op.to), op.path);
  },
  mount: (op, { slots }) => {
    if (op.target_fd === undefined || op.fstype !== undefined || op.source !== undefined) {
      throw new RangeError('the runtime mounts nothing: it changes propagation');
    }
    changePropagation(slots.get(op.target_fd), Number(op.flags));
  },
  bpf_device: (op) => replaceDeviceProgram(op.path, op.program),
  open_process: (op, { slots }) => {
    const { pidfd, directory } = openProcess(
      { pid: op.pid, startTime: Number(op.start_time) },
      { pidfd: op.pidfd !== undefined, directory: op.directory !== undefined },
    );
    if (op.pidfd !== undefined && pidfd !== undefined) slots.set(op.pidfd, pidfd);
    if (op.directory !== undefined && directory !== undefined) slots.set(op.directory, directory);
  },
  cgroup_create: (op, { slots }) => {
    const member = op.member === undefined ? undefined : slots.get(op.member);
    createCgroup(op.mountpoint, op.path, op.version, op.controllers, member);
  },
  unit_property: (op, { slots }) => {
    const value = parseGvariant(op.value);
    if (value === undefined) throw new RangeError(`${op.value} is no GVariant text`);
    slots.unitProperties.push({ name: op.name, value, isOptional: op.required === 0 });
  },
  start_unit: (op, { slots }) => {
    startUnit(unitOf(op), slots.unitProperties.splice(0), slots.get(op.pid));
  },
  attach_unit: (op, { slots }) => attachToUnit(unitOf(op), op.subgroup, slots.get(op.pid)),
  set_unit: (op, { slots }) => setUnit(unitOf(op), slots.unitProperties.splice(0)),
  cgroup_delegate: (op) => delegateCgroup(op.path, op.uid),
  netdev_move: (op, { slots }) => moveNetDevice(op.host, op.name, slots.get(op.pid)),
  proc_write: (op, { slots }) => {
    writeExisting(`/proc/${slots.get(op.pid)}/${op.file}`, op.data);
  },
  newidmap: (op, { slots }) => {
    const args = [op.program, String(slots.get(op.pid)), ...op.map];
    const ending = waitFor(
      spawn({ path: op.program, args, env: engine().environ, keep: [0, 1, 2] }),
    );
    if (ending !== undefined && 'status' in ending && ending.status === 0) return;
    throw new SystemError('newidmap', errnoNumber('EPERM'), 'the program has written why');
  },
  socket: (op, { slots }) => slots.set(op.out, newUnixSocket()),
  claim: (_op, { claim }) => claim(),
  listen: (op, { slots }) => listenAt(slots.get(op.socket), op.path),
  connect: (op, { slots }) => slots.set(op.out, connectUnix(op.path)),
  socketpair: (op, { slots }) => {
    const [out, peer] = streamPair();
    slots.set(op.out, out);
    slots.set(op.peer, peer);
  },
  save_state: (op, { saveState }) => {
    if (op.status !== 'creating' && op.status !== 'created') {
      throw new RangeError(`${op.status} is no status that is saved`);
    }
    saveState(op.status);
  },
  write_pid_file: (op, { slots }) => {
    const slash = op.path.lastIndexOf('/');
    const temporary = `${op.path.slice(0, slash)}/.${op.path.slice(slash + 1)}`;
    replaceFile(op.path, temporary, engine().encodeUtf8(String(slots.get(op.pid))), 0o644);
  },
};

const isWriteTo = (path: string, op: Op | undefined): boolean =>
  op?.call === 'write' && op.path === path && op.dirfd === undefined;

/** Each, though one is enough. */
function writeAny(paths: readonly string[], data: readonly string[]): void {
  let refused: unknown;
  let isWritten = false;
  paths.forEach((path, i) => {
    try {
      writeExisting(path, data[i] ?? '');
      isWritten = true;
    } catch (thrown) {
      if (!failedWith(thrown, 'ENOENT', 'EOPNOTSUPP')) throw thrown;
      refused = thrown;
    }
  });
  if (!isWritten) throw refused;
}

const performer =
  <K extends RuntimeCall>(call: K) =>
  (op: Op, performance: Performance): void => {
    if (isOperation(call, op)) OPERATIONS[call](op, performance);
  };

const PERFORMERS: ReadonlyMap<string, (op: Op, performance: Performance) => void> = new Map(
  RUNTIME_CALLS.map((call) => [call, performer(call)]),
);

const unitOf = (op: Operation<'start_unit' | 'set_unit' | 'attach_unit'>): Unit => ({
  name: op.unit,
  bus: op.bus === 'user' ? 'user' : 'system',
  timeoutMs: op.timeout_ms,
});

/** The values of slots on the runtime's side: descriptors, and pids of the executor and of init. */
export class Slots {
  private readonly values = new Map<Slot, number>();
  /** What the next step may write to as well. */
  readonly written = new WrittenFile();
  /** Of the unit that the next step is about. */
  readonly unitProperties: UnitProperty[] = [];

  get(slot: Slot): number {
    const value = this.values.get(slot);
    if (value !== undefined) return value;
    // Init opens it, and says nothing where it cannot: who needs none goes by the pid.
    if (slot === PIDFD) throw new SystemError('pidfd_open', errnoNumber('ENOSYS'), 'pidfd of init');
    throw new RangeError(`slot ${slot} is empty`);
  }

  has(slot: Slot): boolean {
    return this.values.has(slot);
  }

  /** Writing a slot again closes the descriptor it held. */
  set(slot: Slot, value: number): void {
    this.closeSlot(slot);
    this.values.set(slot, value);
  }

  /** Takes a descriptor out: it is the caller's to close. */
  take(slot: Slot): Fd | undefined {
    const value = this.values.get(slot);
    this.values.delete(slot);
    return value;
  }

  all(): ReadonlyMap<Slot, number> {
    return this.values;
  }

  closeAll(): void {
    for (const slot of [...this.values.keys()]) this.closeSlot(slot);
  }

  private closeSlot(slot: Slot): void {
    const value = this.take(slot);
    if (value !== undefined && slot !== INIT && slot !== OUTER) release(value);
  }
}

/**
 * Whether a step lacks a slot it cannot do without: the step that fills it was ignored, so is this. Not a pidfd:
 * that it is missing is told by `Slots.get`.
 */
export const lacksSlot = (op: Op, slots: Slots): boolean => {
  const needed = NEEDED_SLOTS.get(op.call);
  if (needed === undefined) return false;
  const values: Readonly<Record<string, unknown>> = op;
  return needed.some((name) => {
    const slot = values[name];
    return typeof slot === 'string' && slot !== PIDFD && !slots.has(slot);
  });
};

/** Whether a step of the runtime uses what is in a slot. */
export const usesSlot = (op: Op, slot: Slot): boolean => {
  const fields = USED_SLOTS.get(op.call);
  if (fields === undefined) return false;
  const values: Readonly<Record<string, unknown>> = op;
  return fields.some((name) => values[name] === slot);
};

/** The operations of the runtime that have fields of these types, to the names of those. */
const fieldsOf = (...types: readonly string[]): ReadonlyMap<string, readonly string[]> =>
  new Map(
    RUNTIME_CALLS.flatMap((call) => {
      const { fields } = OPS[call];
      const names = fields.flatMap(({ name, type }) => (types.includes(type) ? [name] : []));
      return names.length === 0 ? [] : [[call, names] as const];
    }),
  );

const NEEDED_SLOTS = fieldsOf('slot');
const USED_SLOTS = fieldsOf('slot', 'slot?');
