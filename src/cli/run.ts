/** `tsrun run`: exits as the container does, or at once with --detach. */
import type { RunRequest } from '../container/request.ts';
import { run as runContainer } from '../container/run.ts';
import { creationOf } from './creation.ts';
import type { Invocation } from './invocation.ts';

export const run = (invocation: Invocation): void => runContainer(runRequestOf(invocation));

export function runRequestOf(invocation: Invocation): RunRequest {
  const { values } = invocation;
  return {
    ...creationOf(invocation),
    detach: values.isSet('detach'),
    keep: values.isSet('keep'),
    noSubreaper: values.isSet('no-subreaper'),
  };
}
