/**
 * linux.timeOffsets: what CLOCK_MONOTONIC and CLOCK_BOOTTIME are ahead of the host's in a new time
 * namespace, seconds and nanoseconds. config-linux.md "Time offsets", time_namespaces(7).
 */

import type { Spec, TimeOffset } from '../../generated/spec.ts';
import { O_RDONLY } from '../../linux/constants/file.ts';
import { CLONE_NEWTIME } from '../../linux/constants/process.ts';
import type { PlanContext } from '../../plan/context.ts';
import { INIT, type Step, step } from '../../plan/step.ts';
import { error, type Problem } from '../../spec/problem.ts';
import { createsNamespace, joinsNamespace, namespaceOrigin } from './namespaces.ts';

const ORIGIN = '/linux/timeOffsets';

/** Half of the kernel's KTIME_MAX in seconds: beyond it timens_offsets fails with ERANGE. */
const MAX_SECONDS = 4_611_686_018n;

const CLOCKS = ['monotonic', 'boottime'] as const;

export function checkTimeOffsets(spec: Spec): readonly Problem[] {
  const offsets = spec.linux?.timeOffsets;
  if (offsets === undefined) return [];
  const problems: Problem[] = [];
  if (joinsNamespace(spec, 'time') !== undefined)
    problems.push(error(ORIGIN, 'cannot be set in a time namespace that is joined'));
  else if (!createsNamespace(spec, 'time') && writtenOffsets(spec).length > 0)
    problems.push(
      error(
        ORIGIN,
        "is given, but time namespace isn't enabled: linux.namespaces has no entry of type time",
      ),
    );
  for (const clock of CLOCKS) problems.push(...checkOffset(`${ORIGIN}/${clock}`, offsets[clock]));
  return problems;
}

function checkOffset(path: string, offset: TimeOffset | undefined): readonly Problem[] {
  const problems: Problem[] = [];
  const seconds = BigInt(offset?.secs ?? 0);
  if (seconds > MAX_SECONDS || seconds < -MAX_SECONDS)
    problems.push(
      error(`${path}/secs`, `must be between -${MAX_SECONDS} and ${MAX_SECONDS}`, seconds),
    );
  if ((offset?.nanosecs ?? 0) > 999_999_999)
    problems.push(error(`${path}/nanosecs`, 'must be less than a second', offset?.nanosecs));
  return problems;
}

/** Lines of timens_offsets: `monotonic 86400 0`. */
const writtenOffsets = (spec: Spec): readonly string[] =>
  CLOCKS.flatMap((clock) => {
    const offset = spec.linux?.timeOffsets?.[clock];
    return offset === undefined ? [] : [`${clock} ${offset.secs ?? 0} ${offset.nanosecs ?? 0}\n`];
  });

/**
 * Makes the time namespace, sets its clocks while no process is in it, then enters it: unshare(2) leaves
 * the caller where it is, and only a child would be born inside. Init writes its own file, except where
 * it became root of a user namespace it joined: the file is then the host's root's, and the runtime writes.
 */
export function planTimeOffsets({ spec }: PlanContext): readonly Step[] {
  if (!createsNamespace(spec, 'time')) return [];
  const origin = namespaceOrigin(spec, 'time');
  const data = writtenOffsets(spec).join('');
  const write =
    joinsNamespace(spec, 'user') === undefined
      ? step('init', ORIGIN, { call: 'write', dirfd: 'proc', path: 'self/timens_offsets', data })
      : step('runtime', ORIGIN, { call: 'proc_write', pid: INIT, file: 'timens_offsets', data });
  return [
    step('init', origin, { call: 'unshare', flags: CLONE_NEWTIME }),
    ...(data === '' ? [] : [write]),
    step('init', origin, {
      call: 'openat',
      dirfd: 'proc',
      path: 'self/ns/time_for_children',
      flags: O_RDONLY,
      mode: 0,
      out: 'ns:time',
    }),
    step('init', origin, { call: 'setns', fd: 'ns:time', nstype: CLONE_NEWTIME }),
    step('init', origin, { call: 'close', fd: 'ns:time' }),
  ];
}
