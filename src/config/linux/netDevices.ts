/**
 * linux.netDevices: network interfaces of the host that become the container's, with their addresses
 * (config-linux.md "Network Devices"). The kernel gives a physical one back when the container's network
 * namespace ends, and removes a virtual one.
 */

import type { Spec } from '../../generated/spec.ts';
import type { PlanContext } from '../../plan/context.ts';
import { INIT, type Step, step } from '../../plan/step.ts';
import { escapePointer } from '../../spec/json.ts';
import { error, type Problem } from '../../spec/problem.ts';
import { hasNamespace } from './namespaces.ts';

const ORIGIN = '/linux/netDevices';

/** IFNAMSIZ of net/if.h, without the NUL. */
const MAX_NAME_BYTES = 15;

const origin = (host: string) => `${ORIGIN}/${escapePointer(host)}`;

const devices = ({ linux }: Spec): readonly (readonly [host: string, name: string])[] =>
  Object.entries(linux?.netDevices ?? {}).map(([host, { name }]) => [host, name || host]);

export function checkNetDevices(spec: Spec): readonly Problem[] {
  const all = devices(spec);
  if (all.length === 0) return [];
  if (!hasNamespace(spec, 'network')) {
    return [error(ORIGIN, 'unable to move network devices without a NET namespace')];
  }
  return all.flatMap(([host, name], i) => {
    const wrong = [host, name].find((each) => !isInterfaceName(each));
    if (wrong !== undefined) {
      return [error(origin(host), 'is no name of a network interface', wrong)];
    }
    const isTaken = all.slice(0, i).some(([, other]) => other === name);
    return isTaken ? [error(origin(host), 'gets a name that another device has too', name)] : [];
  });
}

/** dev_valid_name() of the kernel, and `%`, which asks it to find a number. All ASCII: bytes are letters. */
const isInterfaceName = (name: string): boolean =>
  /^[!-~]+$/.test(name) &&
  name.length <= MAX_NAME_BYTES &&
  !/[/:%]/.test(name) &&
  name !== '.' &&
  name !== '..';

/** Taking an interface from the host's namespace takes CAP_NET_ADMIN in it. */
export const checkHostNetDevices = ({ spec, options }: PlanContext): readonly Problem[] =>
  options.rootless && devices(spec).length > 0
    ? [error(ORIGIN, 'network devices are not supported for rootless containers')]
    : [];

/** By the runtime, while init waits in its network namespace. */
export const planNetDevices = ({ spec }: PlanContext): readonly Step[] =>
  devices(spec).map(([host, name]) =>
    step('runtime', origin(host), { call: 'netdev_move', host, name, pid: INIT }),
  );
