/** hostname: what gethostname(2) returns in the container. config.md "Hostname", sethostname(2). */

import type { Spec } from '../generated/spec.ts';
import type { PlanContext } from '../plan/context.ts';
import { type Step, step } from '../plan/step.ts';
import { error, type Problem } from '../spec/problem.ts';
import { hasNamespace } from './linux/namespaces.ts';

const ORIGIN = '/hostname';

/** The kernel's __NEW_UTS_LEN, of the domain name too. */
export const UTS_NAME_BYTES = 64;

export const checkHostname = (spec: Spec): readonly Problem[] =>
  checkUtsName(spec, ORIGIN, 'hostname', spec.hostname);

/** What hostname and domainname have in common. An empty name is none, as runc has it. */
export function checkUtsName(
  spec: Spec,
  path: string,
  what: string,
  name: string | undefined,
): readonly Problem[] {
  if (!name) return [];
  const problems: Problem[] = [];
  if (!hasNamespace(spec, 'uts'))
    problems.push(error(path, `unable to set ${what} without a private UTS namespace`));
  if (name.includes('\0')) problems.push(error(path, 'must not contain NUL', name));
  // A UTF-16 unit is at most three bytes.
  if (name.length * 3 > UTS_NAME_BYTES && utf8Length(name) > UTS_NAME_BYTES)
    problems.push(error(path, `must have at most ${UTS_NAME_BYTES} bytes`, name));
  return problems;
}

/** Bytes of a text in UTF-8; a lone surrogate is encoded as U+FFFD, in three. */
function utf8Length(text: string): number {
  let bytes = 0;
  for (const character of text) {
    const point = character.codePointAt(0) ?? 0;
    bytes += point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
  }
  return bytes;
}

export const planHostname = ({ spec }: PlanContext): readonly Step[] =>
  spec.hostname ? [step('init', ORIGIN, { call: 'sethostname', name: spec.hostname })] : [];
