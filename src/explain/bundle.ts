/** A request for verbs that plan a container and make none. */
import { creationOf } from '../cli/creation.ts';
import type { Invocation } from '../cli/invocation.ts';
import type { CreateRequest } from '../container/request.ts';

/** A plan needs a name for its cgroup and state directory: the bundle's own where none is given. */
export function bundleRequest(
  invocation: Invocation,
  bundle: string,
  id = bundle.slice(bundle.lastIndexOf('/') + 1) || 'container',
): CreateRequest {
  return { ...creationOf(invocation, id), bundle };
}
