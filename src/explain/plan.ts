/** `tsrun plan`: what `create` would perform in the same place, printed. Changes nothing. */

import { bundleOf } from '../cli/creation.ts';
import type { Invocation } from '../cli/invocation.ts';
import { print } from '../cli/output.ts';
import { prepareCreate } from '../container/prepare.ts';
import { probeHost } from '../container/probe.ts';
import { usage } from '../errors.ts';
import { realPath } from '../linux/paths.ts';
import { formatPlanJson, formatPlanText } from '../plan/print.ts';
import { bundleRequest } from './bundle.ts';

export function plan(invocation: Invocation): void {
  const format = invocation.values.text('format');
  if (format !== 'text' && format !== 'json') throw usage('invalid format option', 'plan');
  const request = bundleRequest(invocation, realPath(bundleOf(invocation)));
  const { plan } = prepareCreate(request, probeHost(), false);
  print(format === 'json' ? formatPlanJson(plan) : formatPlanText(plan));
}
