/**
 * process.capabilities: five sets of names. Without the property, and for every set it leaves out, the
 * set is empty (as with runc). config.md "Linux Process", capabilities(7).
 */

import type { Capabilities, Spec } from '../../generated/spec.ts';
import { CAPABILITIES } from '../../linux/constants/capabilities.ts';
import { PR_CAPBSET_READ, PR_SET_KEEPCAPS } from '../../linux/constants/process.ts';
import type { HostFacts, PlanContext } from '../../plan/context.ts';
import { type Step, step } from '../../plan/step.ts';
import { error, type Problem, warning } from '../../spec/problem.ts';

const ORIGIN = '/process/capabilities';

type SetName = keyof Capabilities;
const SETS: readonly SetName[] = ['bounding', 'effective', 'inheritable', 'permitted', 'ambient'];

const NUMBERS: ReadonlyMap<string, number> = new Map(CAPABILITIES.map((name, i) => [name, i]));
const MASKS: readonly bigint[] = CAPABILITIES.map((_, i) => 1n << BigInt(i));

/** `CAP_KILL` → 5; undefined for a name tsrun does not know. */
export const capabilityNumber = (name: string): number | undefined => NUMBERS.get(name);

export function checkCapabilities(spec: Spec): readonly Problem[] {
  const sets = spec.process?.capabilities;
  if (sets === undefined) return [];
  return [...SETS.flatMap((set) => checkSet(sets, set)), ...checkAmbient(sets)];
}

/** A later kernel may know more names, so an unknown one is left out and said, as runc does. */
function checkSet(sets: Capabilities, set: SetName): readonly Problem[] {
  const problems: Problem[] = [];
  const permitted = sets.permitted ?? [];
  sets[set]?.forEach((name, i) => {
    const isKnown = NUMBERS.has(name);
    if (isKnown && (set !== 'effective' || permitted.includes(name))) return;
    const path = `${ORIGIN}/${set}/${i}`;
    problems.push(
      isKnown
        ? error(path, 'is not in permitted: capset(2) would refuse it', name)
        : warning(path, 'is no known capability: ignored', name),
    );
  });
  return problems;
}

/** One warning for all: the default config of runc has a few, which no kernel ever raised. */
function checkAmbient(sets: Capabilities): readonly Problem[] {
  const { ambient = [], permitted = [], inheritable = [] } = sets;
  const missing = ambient.filter(
    (name) => NUMBERS.has(name) && !(permitted.includes(name) && inheritable.includes(name)),
  );
  const text = 'holds what is not both permitted and inheritable: cannot be raised, ignored';
  return missing.length === 0 ? [] : [warning(`${ORIGIN}/ambient`, text, missing)];
}

/** The names as a mask of what this kernel knows. */
function maskOf(names: readonly string[] | undefined, host: HostFacts): bigint {
  let mask = 0n;
  for (const name of names ?? []) {
    const number = NUMBERS.get(name);
    if (number !== undefined && number <= host.lastCap) mask |= MASKS[number] ?? 0n;
  }
  return mask;
}

/** While init may still (CAP_SETPCAP), and before inheritable, which the bounding set limits. */
export function planBoundingSet({ spec, host }: PlanContext): readonly Step[] {
  const keep = maskOf(spec.process?.capabilities?.bounding, host);
  return [
    ...planUnknownToKernel({ spec, host }),
    step('init', `${ORIGIN}/bounding`, { call: 'capbset_drop', keep }),
  ];
}

/** Known names this kernel does not know: it is asked for them, so that its answer is a warning. */
function planUnknownToKernel({ spec, host }: Pick<PlanContext, 'spec' | 'host'>): readonly Step[] {
  if (CAPABILITIES.length - 1 <= host.lastCap) return [];
  const sets = spec.process?.capabilities ?? {};
  const names = new Set(SETS.flatMap((set) => sets[set] ?? []));
  return [...names].flatMap((name) => {
    const number = NUMBERS.get(name);
    if (number === undefined || number <= host.lastCap) return [];
    const read = { call: 'prctl', option: PR_CAPBSET_READ, arg2: BigInt(number) } as const;
    return [
      step(
        'init',
        ORIGIN,
        { ...read, arg3: 0n, arg4: 0n, arg5: 0n },
        { ignore: ['EINVAL'], warn: true },
      ),
    ];
  });
}

/** A change from uid 0 to another would empty the permitted set before capset can choose from it. */
export const planKeepCapabilities = ({ spec }: PlanContext): readonly Step[] =>
  (spec.process?.user?.uid ?? 0) === 0
    ? []
    : [
        step('init', ORIGIN, {
          call: 'prctl',
          option: PR_SET_KEEPCAPS,
          arg2: 1n,
          arg3: 0n,
          arg4: 0n,
          arg5: 0n,
        }),
      ];

/**
 * Behind setuid, which changes the sets. Ambient last: raising takes permitted and inheritable. A
 * kernel before 4.3 or SECBIT_NO_CAP_AMBIENT_RAISE refuses, which is worth a warning, as with runc.
 */
export function planCapabilities({ spec, host }: PlanContext): readonly Step[] {
  const sets = spec.process?.capabilities ?? {};
  const permitted = maskOf(sets.permitted, host);
  const inheritable = maskOf(sets.inheritable, host);
  const effective = maskOf(sets.effective, host);
  return [
    step('init', ORIGIN, { call: 'capset', effective, permitted, inheritable }),
    step(
      'init',
      `${ORIGIN}/ambient`,
      { call: 'cap_ambient', set: maskOf(sets.ambient, host) & permitted & inheritable },
      { ignore: ['EPERM', 'EINVAL'], warn: true },
    ),
  ];
}
