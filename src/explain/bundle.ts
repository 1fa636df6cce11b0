/** A request for verbs that plan a container and make none. */
import { creationOf } from '../cli/creation.ts';
import type { Invocation } from '../cli/invocation.ts';
import type { CreateRequest } from '../container/request.ts';
import { absolutePath } from '../linux/paths.ts';

/** A plan needs a name for its cgroup and state directory: the bundle's own where none is given. */
export function bundleRequest(
  invocation: Invocation,
  bundle: string,
  id = bundle.slice(bundle.lastIndexOf('/') + 1) || 'container',
): CreateRequest {
  return { ...creationOf(invocation, id), ...overlayOf(invocation), bundle };
}

/** --overlay, --overlay=tmpfs, --overlay=DIR. */
export function overlayOf({ values }: Invocation): Pick<CreateRequest, 'overlay'> {
  const value = values.text('overlay');
  if (value === undefined) return {};
  return { overlay: value === '' || value === 'tmpfs' ? '' : absolutePath(value) };
}
