/** `tsrun plan`: what `create` would perform in the same place, printed. Changes nothing. */

import { creationOf } from '../cli/creation.ts';
import type { Invocation } from '../cli/invocation.ts';
import { print } from '../cli/output.ts';
import { prepareCreate } from '../container/prepare.ts';
import { probeHost } from '../container/probe.ts';
import { usage } from '../errors.ts';
import { formatPlanJson, formatPlanText } from '../plan/print.ts';

export function plan(invocation: Invocation): void {
  const format = invocation.values.text('format');
  if (format !== 'text' && format !== 'json') throw usage('invalid format option', 'plan');
  const request = creationOf(invocation);
  // A plan needs a name for its cgroup and state directory: the bundle's own.
  const id = request.bundle.slice(request.bundle.lastIndexOf('/') + 1) || 'container';
  const { plan } = prepareCreate({ ...request, id }, probeHost(), false);
  print(format === 'json' ? formatPlanJson(plan) : formatPlanText(plan));
}
