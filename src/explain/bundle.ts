/** A request for verbs that plan a container and make none. */
import { creationOf } from '../cli/creation.ts';
import type { Invocation } from '../cli/invocation.ts';
import type { CreateRequest } from '../container/request.ts';

/** A plan needs a name for its cgroup and state directory: the bundle's own. */
export function bundleRequest(invocation: Invocation, bundle: string): CreateRequest {
  const id = bundle.slice(bundle.lastIndexOf('/') + 1) || 'container';
  return { ...creationOf(invocation, id), bundle };
}
