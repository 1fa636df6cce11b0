/**
 * Device rules as cgroup v1 keeps them: what happens to all devices, and exceptions of it
 * (cgroup-v1/devices.rst). An exception is known by its type and numbers; a line that takes a part of a
 * wider one away has no effect in the kernel, so what rules in their order mean is worked out here.
 */
import { error, type Problem } from '../../../../spec/problem.ts';
import { oncePer } from '../../../once.ts';
import { ANY, type DeviceRule, MKNOD, READ, WRITE } from '../devices.ts';
import type { Setting } from '../setting.ts';

interface DeviceList {
  readonly allowsRest: boolean;
  /** By type and numbers (`c 1:3`); access is that of all rules for it, origin the first's. */
  readonly exceptions: ReadonlyMap<string, DeviceRule>;
  /** Rules that no list of exceptions can express. */
  readonly inexpressible: readonly DeviceRule[];
}

const keyOf = ({ type, major, minor }: DeviceRule): string =>
  `${type} ${numberOf(major)}:${numberOf(minor)}`;

const numberOf = (n: number): string => (n === ANY ? '*' : `${n}`);

/** What rules whose first is for everything amount to. */
const listOf = oncePer((rules: readonly DeviceRule[]): DeviceList => {
  const [first, ...rest] = rules;
  const allowsRest = first?.allow ?? false;
  const exceptions = new Map<string, DeviceRule>();
  const inexpressible: DeviceRule[] = [];
  for (const rule of rest) {
    if (rule.allow !== allowsRest) {
      const key = keyOf(rule);
      const known = exceptions.get(key);
      exceptions.set(
        key,
        known === undefined ? rule : withAccess(known, known.access | rule.access),
      );
      continue;
    }
    for (const [key, exception] of exceptions) {
      if ((exception.access & rule.access) === 0 || !overlap(rule, exception)) continue;
      const access = exception.access & ~rule.access;
      if (!covers(rule, exception)) inexpressible.push(rule);
      else if (access === 0) exceptions.delete(key);
      else exceptions.set(key, withAccess(exception, access));
    }
  }
  return { allowsRest, exceptions, inexpressible };
});

const withAccess = (rule: DeviceRule, access: number): DeviceRule => ({ ...rule, access });

const covers = (wide: DeviceRule, narrow: DeviceRule): boolean =>
  wide.type === narrow.type &&
  (wide.major === ANY || wide.major === narrow.major) &&
  (wide.minor === ANY || wide.minor === narrow.minor);

const overlap = (a: DeviceRule, b: DeviceRule): boolean =>
  a.type === b.type &&
  (a.major === ANY || b.major === ANY || a.major === b.major) &&
  (a.minor === ANY || b.minor === ANY || a.minor === b.minor);

/**
 * Rules that take away a part of what a wider one gave: cgroup v1 would not, and says nothing. A default
 * device that a wide rule of the config forbids stays forbidden.
 */
export const checkExpressible = (rules: readonly DeviceRule[]): readonly Problem[] =>
  [...new Set(listOf(rules).inexpressible.map(({ origin }) => origin))]
    .filter((origin) => origin !== '')
    .map((origin) =>
      error(origin, 'cannot be carried out with cgroup v1: it is a part of what a wider rule says'),
    );

/** Lines for devices.allow and devices.deny of a cgroup whose rules are unknown. */
export function deviceLines(rules: readonly DeviceRule[]): readonly Setting[] {
  const { allowsRest, exceptions } = listOf(rules);
  return [
    setting(allowsRest, 'a *:* rwm', rules[0]?.origin ?? ''),
    ...[...exceptions.values()].map((rule) => line(!allowsRest, rule, rule.access)),
  ];
}

/**
 * Lines that lead from old rules to new ones: only what differs, and what is given before what is taken,
 * so that nothing both allow is forbidden meanwhile. Everything anew where the rest is treated otherwise:
 * the kernel forgets all exceptions then.
 */
export function deviceTransition(
  from: readonly DeviceRule[],
  to: readonly DeviceRule[],
): readonly Setting[] {
  const old = listOf(from);
  const next = listOf(to);
  if (old.allowsRest !== next.allowsRest) return deviceLines(to);
  const added = differences(next, old).map(([rule, access]) =>
    line(!next.allowsRest, rule, access),
  );
  const gone = differences(old, next).map(([rule, access]) => line(next.allowsRest, rule, access));
  return next.allowsRest ? [...gone, ...added] : [...added, ...gone];
}

/** The exceptions of `a`, each with the access that `b` lacks of it. */
const differences = (a: DeviceList, b: DeviceList): readonly (readonly [DeviceRule, number])[] =>
  [...a.exceptions].flatMap(([key, rule]) => {
    const access = rule.access & ~(b.exceptions.get(key)?.access ?? 0);
    return access === 0 ? [] : [[rule, access] as const];
  });

const line = (allow: boolean, rule: DeviceRule, access: number): Setting =>
  setting(allow, `${keyOf(rule)} ${accessText(access)}`, rule.origin);

const setting = (allow: boolean, value: string, origin: string): Setting => ({
  controller: 'devices',
  file: allow ? 'devices.allow' : 'devices.deny',
  value,
  origin,
});

const accessText = (access: number): string =>
  `${access & READ ? 'r' : ''}${access & WRITE ? 'w' : ''}${access & MKNOD ? 'm' : ''}`;
