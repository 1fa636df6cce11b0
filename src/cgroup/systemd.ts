/**
 * systemd as the one who makes cgroups: transient units through its D-Bus interface
 * (org.freedesktop.systemd1(5)).
 */
import { SystemError, unless } from '../linux/call.ts';
import type { DbusItem, DbusValue } from '../linux/constants/dbus.ts';
import { errnoNumber } from '../linux/constants/errno.ts';
import { DbusConnection, DbusError, type Reply } from '../linux/dbus.ts';
import { readTextIfExists } from '../linux/files.ts';
import { getenv, geteuid, type Pid } from '../linux/processes.ts';
import { monotonicMs } from '../linux/time.ts';

/** `user`: the manager of a user's own session. */
export type Bus = 'system' | 'user';

/** A unit of systemd's, and how long it may take to do something with it. */
export interface Unit {
  readonly name: string;
  readonly bus: Bus;
  readonly timeoutMs: number;
}

export interface UnitProperty {
  readonly name: string;
  readonly value: DbusValue;
  /** systemd may be too old to know it: then the unit goes without. */
  readonly isOptional: boolean;
}

/** A call that failed because of one property of the unit. */
export class UnitPropertyError extends Error {
  override readonly name = 'UnitPropertyError';
  readonly property: string;

  constructor(property: string, message: string) {
    super(message);
    this.property = property;
  }
}

const MANAGER = {
  destination: 'org.freedesktop.systemd1',
  path: '/org/freedesktop/systemd1',
  interface: 'org.freedesktop.systemd1.Manager',
} as const;

/**
 * Makes and starts a transient unit with `pid` in it, and waits until systemd is done. A failed unit of
 * the same name is cleared away first. SystemError: EEXIST, ETIMEDOUT, EACCES, EINVAL, EIO with systemd's
 * words; UnitPropertyError when systemd refuses a property.
 */
export function startUnit(unit: Unit, properties: readonly UnitProperty[], pid?: Pid): void {
  const pids: readonly UnitProperty[] =
    pid === undefined
      ? []
      : [{ name: 'PIDs', value: { type: 'au', value: [pid] }, isOptional: false }];
  talk(unit, (manager) => {
    manager.subscribe();
    const all = [...properties, ...pids];
    let job: Reply;
    try {
      job = startWithout(manager, unit, all);
    } catch (thrown) {
      if (!isError(thrown, 'org.freedesktop.systemd1.UnitExists')) throw thrown;
      // Slices are shared, and stay.
      if (unit.name.endsWith('.slice')) return;
      resetFailed(manager, unit.name);
      job = startWithout(manager, unit, all);
    }
    const result = manager.waitForJob(job);
    if (result === 'done') return;
    resetFailed(manager, unit.name);
    throw new SystemError('systemd', errnoNumber('EIO'), `the job ended as "${result}"`);
  });
}

/** Properties of a running unit, until it ends. */
export function setUnit(unit: Unit, properties: readonly UnitProperty[]): void {
  if (properties.length === 0) return;
  talk(unit, (manager) => {
    withoutUnknown(properties, (known) => {
      const body = [unit.name, true, known.map(({ name, value }) => [name, value])];
      manager.call('SetUnitProperties', 'sba(sv)', body, '');
    });
    // systemd answers before it writes the files, and writes them before it hears the next question.
    manager.call('GetUnit', 's', [unit.name], 'o');
  });
}

/**
 * Moves a process to the cgroup of a unit of which systemd has delegated it, `subgroup` (`''` or `/a/b`)
 * below it. A user's systemd asks the system's where it may not do so itself. SystemError as startUnit.
 */
export function attachToUnit(unit: Unit, subgroup: string, pid: Pid): void {
  talk(unit, (manager) => {
    manager.call('AttachProcessesToUnit', 'ssau', [unit.name, subgroup, [pid]], '');
  });
}

/** Stops a unit, with all its processes, and forgets how it ended. No failure when there is none. */
export function stopUnit(unit: Unit): void {
  talk(unit, (manager) => {
    manager.subscribe();
    ignoring('org.freedesktop.systemd1.NoSuchUnit', () => {
      manager.waitForJob(manager.call('StopUnit', 'ss', [unit.name, 'replace'], 'o'));
      resetFailed(manager, unit.name);
    });
  });
}

interface Manager {
  readonly call: (
    member: string,
    signature: string,
    body: readonly DbusItem[],
    result: string,
  ) => Reply;
  readonly subscribe: () => void;
  /** How a job ended: `done`, `failed`, `canceled`, `timeout`, `dependency`, `skipped`. */
  readonly waitForJob: (job: Reply) => string;
}

/** A conversation with the unit's manager that ends when its time is over. */
function talk(unit: Unit, conversation: (manager: Manager) => void): void {
  const deadline = monotonicMs() + unit.timeoutMs;
  try {
    const connection = connect(unit.bus, deadline);
    try {
      conversation(managerOf(connection, deadline));
    } finally {
      connection.close();
    }
  } catch (thrown) {
    throw asSystemError(unit, thrown);
  }
}

function managerOf(connection: DbusConnection, deadline: number): Manager {
  const call: Manager['call'] = (member, signature, body, result) =>
    connection.call({ ...MANAGER, member, signature, body, result }, deadline);
  return {
    call,
    subscribe: () => {
      const { destination: sender, ...about } = MANAGER;
      connection.expect({ sender, ...about, member: 'JobRemoved' }, deadline);
      // systemd tells its peers of everything anyway.
      if (connection.kind === 'peer') return;
      ignoring('org.freedesktop.systemd1.AlreadySubscribed', () => call('Subscribe', '', [], ''));
    },
    waitForJob: ({ sender, body: [job] }) => {
      for (;;) {
        const { signature, body } = connection.nextSignal(sender, deadline);
        if (signature === 'uoss' && body[1] === job) return String(body[3]);
      }
    },
  };
}

/**
 * Root: systemd's own socket, as systemctl does, which saves the way over the bus and half of the messages. Others,
 * who said which bus they want, and where there is no such socket: the bus; and a user's own systemd where none
 * runs.
 */
function connect(bus: Bus, deadline: number): DbusConnection {
  const uid = outerUid();
  const directory = bus === 'system' ? '/run' : (getenv('XDG_RUNTIME_DIR') ?? `/run/user/${uid}`);
  const peer = () => new DbusConnection(`${directory}/systemd/private`, uid, 'peer', deadline);
  const isRoot = bus === 'system' && uid === 0;
  const isDirect = isRoot && getenv('DBUS_SYSTEM_BUS_ADDRESS') === undefined;
  const overBus = () => new DbusConnection(busSocket(bus, directory), uid, 'bus', deadline);
  const [first, second] = isDirect ? [peer, overBus] : [overBus, peer];
  return unless(['ENOENT', 'ECONNREFUSED'], first) ?? second();
}

const busSocket = (bus: Bus, directory: string): string =>
  bus === 'system'
    ? (pathOf(getenv('DBUS_SYSTEM_BUS_ADDRESS')) ?? `${directory}/dbus/system_bus_socket`)
    : (pathOf(getenv('DBUS_SESSION_BUS_ADDRESS')) ?? `${directory}/bus`);

/** The first socket with a path of an address like `unix:path=/run/user/1000/bus;tcp:…`. */
function pathOf(address: string | undefined): string | undefined {
  for (const each of address?.split(';') ?? []) {
    const [, path] = /^unix:(?:.*,)?path=([^,]+)/.exec(each) ?? [];
    if (path === undefined) continue;
    return path.replace(/%([0-9a-fA-F]{2})/g, (_, hex: string) =>
      String.fromCharCode(Number.parseInt(hex, 16)),
    );
  }
  return undefined;
}

/** This user as the bus knows it, which is outside of any user namespace tsrun may be in. */
function outerUid(): number {
  const uid = geteuid();
  for (const line of (readTextIfExists('/proc/self/uid_map') ?? '').split('\n')) {
    const [inside = -1, outside = -1, count = 0] = line.trim().split(/\s+/).map(Number);
    if (uid >= inside && uid < inside + count) return outside + uid - inside;
  }
  return uid;
}

const startWithout = (manager: Manager, { name }: Unit, properties: readonly UnitProperty[]) =>
  withoutUnknown(properties, (known) => {
    const list = known.map((property) => [property.name, property.value]);
    return manager.call('StartTransientUnit', 'ssa(sv)a(sa(sv))', [name, 'replace', list, []], 'o');
  });

/** systemd refuses the whole for one property it does not know: the optional ones go, one by one. */
function withoutUnknown<T>(
  properties: readonly UnitProperty[],
  attempt: (known: readonly UnitProperty[]) => T,
): T {
  try {
    return attempt(properties);
  } catch (thrown) {
    if (!(thrown instanceof DbusError)) throw thrown;
    const refused = properties.find(({ name }) => mentions(thrown.message, name));
    if (refused === undefined) throw thrown;
    if (!isUnknown(thrown) || !refused.isOptional) {
      throw new UnitPropertyError(refused.name, thrown.message);
    }
    return withoutUnknown(
      properties.filter((property) => property !== refused),
      attempt,
    );
  }
}

const mentions = (message: string, name: string): boolean =>
  message.split(/[^A-Za-z0-9]+/).includes(name);

const isUnknown = (thrown: DbusError): boolean =>
  isError(thrown, 'org.freedesktop.DBus.Error.PropertyReadOnly') ||
  isError(thrown, 'org.freedesktop.DBus.Error.UnknownProperty');

const resetFailed = (manager: Manager, name: string): void =>
  ignoring('org.freedesktop.systemd1.NoSuchUnit', () =>
    manager.call('ResetFailedUnit', 's', [name], ''),
  );

function ignoring(errorName: string, attempt: () => void): void {
  try {
    attempt();
  } catch (thrown) {
    if (!isError(thrown, errorName)) throw thrown;
  }
}

const isError = (thrown: unknown, errorName: string): boolean =>
  thrown instanceof DbusError && thrown.errorName === errorName;

/** Errors of D-Bus as the errno they are like. */
const ERRNO: Readonly<Record<string, `E${string}`>> = {
  'org.freedesktop.systemd1.UnitExists': 'EEXIST',
  'org.freedesktop.systemd1.NoSuchUnit': 'ENOENT',
  'org.freedesktop.DBus.Error.AccessDenied': 'EACCES',
  'org.freedesktop.DBus.Error.InteractiveAuthorizationRequired': 'EACCES',
  'org.freedesktop.DBus.Error.InvalidArgs': 'EINVAL',
  'org.freedesktop.DBus.Error.PropertyReadOnly': 'EINVAL',
};

function asSystemError(unit: Unit, thrown: unknown): unknown {
  if (thrown instanceof DbusError) {
    return new SystemError(
      'systemd',
      errnoNumber(ERRNO[thrown.errorName] ?? 'EIO'),
      thrown.message,
    );
  }
  if (thrown instanceof SystemError && thrown.errno === errnoNumber('ETIMEDOUT')) {
    const seconds = unit.timeoutMs / 1000;
    const story = `no answer about ${unit.name} within ${seconds} s`;
    return new SystemError('systemd', thrown.errno, story);
  }
  return thrown;
}
