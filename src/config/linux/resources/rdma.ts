/** linux.resources.rdma: handles and objects a device (config-linux.md "RDMA"; rdma.rst). */
import type { LinuxResources } from '../../../generated/spec.ts';
import { escapePointer } from '../../../spec/json.ts';
import { RESOURCES, type Setting } from './setting.ts';

export const planRdma = ({ rdma }: LinuxResources): readonly Setting[] =>
  Object.entries(rdma ?? {}).flatMap(([device, { hcaHandles, hcaObjects }]) => {
    const limits = [
      ...(hcaHandles === undefined ? [] : [`hca_handle=${hcaHandles}`]),
      ...(hcaObjects === undefined ? [] : [`hca_object=${hcaObjects}`]),
    ];
    const origin = `${RESOURCES}/rdma/${escapePointer(device)}`;
    const value = [device, ...limits].join(' ');
    return limits.length === 0 ? [] : [{ controller: 'rdma', file: 'rdma.max', value, origin }];
  });
