/** linux.resources.network: class and priorities of packets, cgroup v1 alone (net_cls.rst, net_prio.rst). */
import type { LinuxResources } from '../../../generated/spec.ts';
import { error, type Problem } from '../../../spec/problem.ts';
import { type CgroupVersion, RESOURCES, type Setting } from './setting.ts';

const POINTER = `${RESOURCES}/network`;

/** What this version of cgroups cannot do. */
export function limitsOfNetwork({ network }: LinuxResources, version: CgroupVersion) {
  if (version === 1 || network === undefined) return [];
  const asked: readonly Problem[] = [
    ...(network.classID ? [error(`${POINTER}/classID`, 'cannot be set with cgroup v2')] : []),
    ...(network.priorities?.length
      ? [error(`${POINTER}/priorities`, 'cannot be set with cgroup v2')]
      : []),
  ];
  return asked;
}

export function planNetwork(
  { network }: LinuxResources,
  version: CgroupVersion,
): readonly Setting[] {
  if (version === 2 || network === undefined) return [];
  const { classID, priorities } = network;
  return [
    ...(classID
      ? [
          {
            controller: 'net_cls',
            file: 'net_cls.classid',
            value: `${classID}`,
            origin: `${POINTER}/classID`,
          },
        ]
      : []),
    ...(priorities ?? []).map(({ name, priority }, i) => ({
      controller: 'net_prio',
      file: 'net_prio.ifpriomap',
      value: `${name} ${priority}`,
      origin: `${POINTER}/priorities/${i}`,
    })),
  ];
}
