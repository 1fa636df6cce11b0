/** `tsrun update`: limits from flags, or from a file of linux.resources as JSON. */
import type { SchemataUpdate } from '../config/linux/intelRdt.ts';
import { update as updateContainer } from '../container/update.ts';
import { engine } from '../engine/current.ts';
import { invalidValue, usage } from '../errors.ts';
import type { BlockIo, Cpu, Integer64, LinuxResources, Memory, Pids } from '../generated/spec.ts';
import { readAll, readText } from '../linux/files.ts';
import { loadResources } from '../spec/load.ts';
import { type Invocation, idOf } from './invocation.ts';
import type { Values } from './parse.ts';

export function update(invocation: Invocation): void {
  const { values, globals, log } = invocation;
  const asked = resourcesOf(values, log.warning);
  const schemata = schemataOf(values);
  updateContainer(globals.root, idOf(invocation), asked, schemata, log.warning);
}

/** Not of linux.resources, so these may stand beside --resources. */
function schemataOf(values: Values): SchemataUpdate {
  const l3CacheSchema = values.text('l3-cache-schema');
  const memBwSchema = values.text('mem-bw-schema');
  return { ...(l3CacheSchema && { l3CacheSchema }), ...(memBwSchema && { memBwSchema }) };
}

function resourcesOf(values: Values, warn: (message: string) => void): LinuxResources {
  const file = values.text('resources');
  if (!file) {
    for (const flag of OBSOLETE.filter((name) => values.text(name))) {
      warn(`--${flag} is obsolete and ignored: the kernel counts this as memory`);
    }
    return resourcesOfFlags(values);
  }
  const others = FLAGS.filter((flag) => values.text(flag));
  if (others.length > 0) throw usage(`--resources excludes --${others[0]}`, 'update');
  const text = file === '-' ? engine().decodeUtf8(readAll(0)) : readText(file);
  const { value, warnings } = loadResources(text, file === '-' ? 'standard input' : file);
  for (const warning of warnings) warn(warning);
  return value;
}

const OBSOLETE: readonly string[] = ['kernel-memory', 'kernel-memory-tcp'];

const FLAGS: readonly string[] = [
  ...['blkio-weight', 'cpu-period', 'cpu-quota', 'cpu-burst', 'cpu-share', 'cpu-rt-period'],
  ...['cpu-rt-runtime', 'cpuset-cpus', 'cpuset-mems', 'memory', 'memory-reservation'],
  ...['memory-swap', 'pids-limit', 'cpu-idle', ...OBSOLETE],
];

/** The resources the flags name; a flag that is empty was not given, as with runc. */
export function resourcesOfFlags(values: Values): LinuxResources {
  const integer = (flag: string) => given(values, flag, parseInteger);
  const bytes = (flag: string) => given(values, flag, parseBytes);
  const text = (flag: string) => given(values, flag, (value) => value);
  const small = (flag: string) => given(values, flag, (value) => Number(parseInteger(value, flag)));
  const memory: Memory = withoutUndefined({
    limit: bytes('memory'),
    reservation: bytes('memory-reservation'),
    swap: bytes('memory-swap'),
  });
  const cpu: Cpu = withoutUndefined({
    shares: integer('cpu-share'),
    quota: integer('cpu-quota'),
    period: integer('cpu-period'),
    burst: integer('cpu-burst'),
    realtimeRuntime: integer('cpu-rt-runtime'),
    realtimePeriod: integer('cpu-rt-period'),
    cpus: text('cpuset-cpus'),
    mems: text('cpuset-mems'),
    idle: small('cpu-idle'),
  });
  const pids: Pids = withoutUndefined({ limit: integer('pids-limit') });
  const blockIO: BlockIo = withoutUndefined({ weight: small('blkio-weight') });
  return {
    ...(Object.keys(memory).length > 0 && { memory }),
    ...(Object.keys(cpu).length > 0 && { cpu }),
    ...(Object.keys(pids).length > 0 && { pids }),
    ...(Object.keys(blockIO).length > 0 && { blockIO }),
  };
}

function given<T>(values: Values, flag: string, parse: (value: string, flag: string) => T) {
  const value = values.text(flag);
  return value ? parse(value, flag) : undefined;
}

type Defined<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

/** The members that have a value. */
function withoutUndefined<T extends object>(members: T): Defined<T> {
  const result: Defined<T> = { ...members };
  for (const name in result) if (result[name] === undefined) delete result[name];
  return result;
}

function parseInteger(text: string, flag: string): Integer64 {
  if (!/^-?\d{1,20}$/.test(text)) throw invalidValue(flag, text);
  return exact(BigInt(text), text, flag);
}

const UNITS: readonly string[] = ['', 'k', 'm', 'g', 't', 'p'];

/** `512m`, `1.5GiB`, `-1`: a power of 1024, as docker and runc read memory sizes. */
function parseBytes(text: string, flag: string): Integer64 {
  if (text === '-1') return -1;
  const [, whole = '', fraction = '', unit = ''] =
    /^(\d+)(?:\.(\d+))? ?([kmgtp]?)i?b?$/i.exec(text) ?? [];
  if (whole === '') throw invalidValue(flag, text);
  const size = 1024n ** BigInt(UNITS.indexOf(unit.toLowerCase()));
  const part = (BigInt(fraction || 0) * size) / 10n ** BigInt(fraction.length);
  return exact(BigInt(whole) * size + part, text, flag);
}

const MOST = 2n ** 64n - 1n;
const LEAST = -(2n ** 63n);

/** A number where it holds the value, as JSON.parse makes one. */
function exact(value: bigint, text: string, flag: string): Integer64 {
  if (value > MOST || value < LEAST) throw invalidValue(flag, text);
  return Number.isSafeInteger(Number(value)) ? Number(value) : value;
}
