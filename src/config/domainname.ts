/** domainname: the NIS domain name of the container. config.md "Domainname", setdomainname(2). */

import type { Spec } from '../generated/spec.ts';
import type { PlanContext } from '../plan/context.ts';
import { type Step, step } from '../plan/step.ts';
import type { Problem } from '../spec/problem.ts';
import { checkUtsName } from './hostname.ts';

const ORIGIN = '/domainname';

export const checkDomainname = (spec: Spec): readonly Problem[] =>
  checkUtsName(spec, ORIGIN, 'domainname', spec.domainname);

export const planDomainname = ({ spec }: PlanContext): readonly Step[] =>
  spec.domainname ? [step('init', ORIGIN, { call: 'setdomainname', name: spec.domainname })] : [];
