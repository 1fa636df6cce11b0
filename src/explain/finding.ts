/** What `check` finds: problems of a config with their kind, and what may have been meant. */
import type { Problem } from '../spec/problem.ts';
import { nearest, suggestProperty } from './suggest.ts';

/** The kinds: stable, as error codes are. */
export const KINDS = {
  'config-invalid': 'config.json breaks the specification or contradicts itself',
  'config-unsupported': 'the property is not carried out',
  'unknown-property': 'the runtime specification has no such property',
  'config-suspicious': 'the config is carried out, but perhaps not as it was meant',
  'host-lacks': 'this kernel or this host cannot do it',
} as const;

export type Kind = keyof typeof KINDS;

export interface Finding extends Problem {
  readonly kind: Kind;
  /** What may have been meant: a property or a value. */
  readonly suggestion?: string;
}

/** A problem found in the text alone. */
export function findingOf(problem: Problem): Finding {
  const kind = kindOf(problem);
  const suggestion = suggestionFor(problem, kind);
  return { ...problem, kind, ...(suggestion === undefined ? {} : { suggestion }) };
}

/** A problem of this host with a right config. */
export const hostFinding = (problem: Problem): Finding => ({ ...problem, kind: 'host-lacks' });

function kindOf({ severity, unsupported, message }: Problem): Kind {
  if (unsupported) return 'config-unsupported';
  if (severity === 'error') return 'config-invalid';
  return message.startsWith('is not a property of') ? 'unknown-property' : 'config-suspicious';
}

function suggestionFor({ path, got, expected }: Problem, kind: Kind): string | undefined {
  if (kind === 'unknown-property') return suggestProperty(path);
  if (got === undefined || expected === undefined || !got.startsWith('"')) return undefined;
  return nearest(got, expected.split(', '));
}
