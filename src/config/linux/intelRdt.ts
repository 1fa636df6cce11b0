/**
 * linux.intelRdt: a share of the cache and of memory bandwidth, and their monitoring (config-linux.md
 * "IntelRdt"; x86/resctrl.rst). A class of service is a directory of the resctrl file system; who is in
 * its file `tasks` gets what its file `schemata` says, and so do all children.
 */

import type { IntelRdt, Spec } from '../../generated/spec.ts';
import type { PlanContext } from '../../plan/context.ts';
import { type ConfigPath, type Step, step } from '../../plan/step.ts';
import { error, type Problem } from '../../spec/problem.ts';

/** Where a step of this property comes from; `delete` removes the directories these make. */
export const INTEL_RDT = '/linux/intelRdt';

/** The class that all processes are in. */
const ROOT_CLASS = '/';

/** Directories of resctrl that are no classes. */
const RESERVED = ['info', 'mon_groups', 'mon_data', '.', '..'];

export function checkIntelRdt(spec: Spec): readonly Problem[] {
  const rdt = askedOf(spec);
  if (rdt === undefined) return [];
  const { closID } = rdt;
  const isName =
    closID === undefined ||
    closID === ROOT_CLASS ||
    (/^[^/\0\n]+$/.test(closID) && !RESERVED.includes(closID));
  const { l3CacheSchema } = rdt;
  const lines = [
    // Two kinds of cache, code's and data's, are two lines (config-linux.md: SHOULD NOT).
    ...(l3CacheSchema?.includes('\0')
      ? [notALine(`${INTEL_RDT}/l3CacheSchema`, l3CacheSchema)]
      : []),
    ...schemataOf(rdt).flatMap(({ origin, line }) =>
      line.includes('\n') || line.includes('\0') ? [notALine(origin, line)] : [],
    ),
  ];
  return [
    ...(isName ? [] : [error(`${INTEL_RDT}/closID`, 'is no name of a class of service', closID)]),
    ...lines,
  ];
}

const notALine = (origin: ConfigPath, text: string): Problem =>
  error(origin, 'is not one line', text);

/** What the machine must have: the file system, and the class itself where nothing says what it is. */
export function checkHostIntelRdt({ spec, host }: PlanContext): readonly Problem[] {
  const rdt = askedOf(spec);
  if (rdt === undefined) return [];
  if (host.resctrl === undefined) {
    return [error(INTEL_RDT, 'needs the resctrl file system, which is not mounted on this host')];
  }
  const { closID } = rdt;
  const isThere = closID === undefined || classExists(host.resctrl.groups, closID);
  return isThere || schemataOf(rdt).length > 0
    ? []
    : [error(`${INTEL_RDT}/closID`, 'is a class of service that does not exist', closID)];
}

const classExists = (groups: readonly string[], closID: string): boolean =>
  closID === ROOT_CLASS || groups.includes(closID);

/** An object without members asks for nothing. */
function askedOf({ linux }: Pick<Spec, 'linux'>): IntelRdt | undefined {
  const rdt = linux?.intelRdt;
  return rdt === undefined || Object.keys(rdt).length === 0 ? undefined : rdt;
}

/**
 * The lines for `schemata`, in the order in which a later one counts for more. Beside memBwSchema what
 * l3CacheSchema says of bandwidth does not count.
 */
const schemataOf = ({ l3CacheSchema = '', memBwSchema, schemata = [] }: IntelRdt) => [
  ...l3CacheSchema
    .split('\n')
    .filter((line) => line !== '' && !(memBwSchema && line.startsWith('MB:')))
    .map((line) => ({ origin: `${INTEL_RDT}/l3CacheSchema`, line })),
  ...(memBwSchema ? [{ origin: `${INTEL_RDT}/memBwSchema`, line: memBwSchema }] : []),
  ...schemata.map((line, i) => ({ origin: `${INTEL_RDT}/schemata/${i}`, line })),
];

/** The class and the monitoring group, by the runtime; only what is missing is made. */
export function planIntelRdt({ spec, host, options }: PlanContext): readonly Step[] {
  const rdt = askedOf(spec);
  if (rdt === undefined || host.resctrl === undefined) return [];
  const { mountpoint, groups } = host.resctrl;
  const closID = rdt.closID ?? options.id;
  const path = directoryOf(mountpoint, closID);
  const mkdir = (directory: string) =>
    step('runtime', INTEL_RDT, { call: 'mkdir', path: directory, mode: 0o755 });
  return [
    ...(classExists(groups, closID) ? [] : [mkdir(path)]),
    // resctrl takes the lines of one write as a whole: either all of them hold or none does.
    ...schemataSteps(path, rdt),
    ...(isMonitored(rdt) ? [mkdir(monitoringGroup(path, options.id))] : []),
  ];
}

function schemataSteps(path: string, rdt: IntelRdt): readonly Step[] {
  const lines = schemataOf(rdt);
  const [first] = lines;
  if (first === undefined) return [];
  const data = lines.map(({ line }) => `${line}\n`).join('');
  const origin = lines.length === 1 ? first.origin : INTEL_RDT;
  return [step('runtime', origin, { call: 'write', path: `${path}/schemata`, data })];
}

/**
 * The executor moves itself, 0, before it clones init, which inherits both groups; so does that of `exec`,
 * where resctrl is still mounted.
 */
export function planJoinIntelRdt({ spec, host, options }: PlanContext): readonly Step[] {
  const rdt = askedOf(spec);
  if (rdt === undefined || host.resctrl === undefined) return [];
  const path = directoryOf(host.resctrl.mountpoint, rdt.closID ?? options.id);
  const groups = [path, ...(isMonitored(rdt) ? [monitoringGroup(path, options.id)] : [])];
  return groups.map((group) =>
    step('outer', INTEL_RDT, { call: 'write', path: `${group}/tasks`, data: '0' }),
  );
}

/** What `update` may change of a class; its name and its monitoring are what they were made as. */
export type SchemataUpdate = Pick<IntelRdt, 'l3CacheSchema' | 'memBwSchema'>;

/** `update`: the lines asked for, into the class the container has; the others stay. */
export function planUpdateIntelRdt(
  mountpoint: string,
  closID: string,
  asked: SchemataUpdate,
): readonly Step[] {
  return schemataSteps(directoryOf(mountpoint, closID), asked);
}

const directoryOf = (mountpoint: string, closID: string): string =>
  closID === ROOT_CLASS ? mountpoint : `${mountpoint}/${closID}`;

const monitoringGroup = (path: string, id: string): string => `${path}/mon_groups/${id}`;

/** runtime-spec 1.1 and 1.2 named two kinds of monitoring, which are one group. */
const isMonitored = ({ enableMonitoring, enableCMT, enableMBM }: IntelRdt): boolean =>
  enableMonitoring === true || enableCMT === true || enableMBM === true;
