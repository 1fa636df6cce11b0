import { describe, expect, it } from 'vitest';
import {
  checkHostNetDevices,
  checkNetDevices,
  planNetDevices,
} from '../../../../src/config/linux/netDevices.ts';
import type { Spec } from '../../../../src/generated/spec.ts';
import { contextOf, specOfLinux } from '../../context.ts';

type Devices = NonNullable<NonNullable<Spec['linux']>['netDevices']>;

const spec = (netDevices: Devices): Spec =>
  specOfLinux({ netDevices, namespaces: [{ type: 'network' }] });
const problems = (netDevices: Devices) => checkNetDevices(spec(netDevices)).map(({ path }) => path);

describe('linux.netDevices', () => {
  it('asks for nothing when it is empty', () => {
    expect(checkNetDevices(specOfLinux({ netDevices: {} }))).toEqual([]);
    expect(planNetDevices(contextOf(spec({})))).toEqual([]);
  });

  it('are moved by the runtime to where init is, under their own name or another', () => {
    expect(planNetDevices(contextOf(spec({ eth1: {}, eth2: { name: 'net0' } })))).toEqual([
      {
        actor: 'runtime',
        origin: '/linux/netDevices/eth1',
        op: { call: 'netdev_move', host: 'eth1', name: 'eth1', pid: 'init' },
      },
      {
        actor: 'runtime',
        origin: '/linux/netDevices/eth2',
        op: { call: 'netdev_move', host: 'eth2', name: 'net0', pid: 'init' },
      },
    ]);
  });

  it('need a network namespace', () => {
    expect(checkNetDevices(specOfLinux({ netDevices: { eth1: {} } }))).toMatchObject([
      { path: '/linux/netDevices', message: expect.stringContaining('NET namespace') },
    ]);
  });

  it.each(['', '.', '..', 'a/b', 'a:b', 'a b', 'eth%d', 'é', 'x'.repeat(16)])(
    'refuses %j as a name on the host',
    (host) => {
      expect(problems({ [host]: {} })).toHaveLength(1);
    },
  );

  it('refuses such names in the container, takes one of 15 bytes', () => {
    expect(problems({ eth1: { name: 'a/b' } })).toEqual(['/linux/netDevices/eth1']);
    expect(problems({ eth1: { name: 'x'.repeat(15) } })).toEqual([]);
  });

  it('refuses one name for two devices', () => {
    expect(problems({ eth1: { name: 'net0' }, net0: {} })).toEqual(['/linux/netDevices/net0']);
  });

  it('are not for rootless containers', () => {
    const context = contextOf(spec({ eth1: {} }), { options: { rootless: true } });
    expect(checkHostNetDevices(context)).toMatchObject([{ path: '/linux/netDevices' }]);
    expect(checkHostNetDevices(contextOf(spec({ eth1: {} })))).toEqual([]);
  });
});
