import { describe, expect, it } from 'vitest';
import { checkSysctl, planSysctl, sysctlPath } from '../../../../src/config/linux/sysctl.ts';
import type { LinuxNamespace } from '../../../../src/generated/spec.ts';
import { contextOf, specOfLinux } from '../../context.ts';

const setting = (key: string, ...namespaces: readonly LinuxNamespace[]) =>
  specOfLinux({ namespaces, sysctl: { [key]: '1' } });

const IPC = { type: 'ipc' } as const;
const NET = { type: 'network' } as const;
const UTS = { type: 'uts' } as const;
const USER = { type: 'user' } as const;

describe('linux.sysctl', () => {
  it.each([
    ['net.ipv4.ip_forward', 'net/ipv4/ip_forward'],
    ['net/ipv4/ip_forward', 'net/ipv4/ip_forward'],
    ['net.ipv4.conf.eth0/100.forwarding', 'net/ipv4/conf/eth0.100/forwarding'],
    ['net/ipv4/conf/eth0.100/forwarding', 'net/ipv4/conf/eth0.100/forwarding'],
  ])('reads %s as %s', (key, path) => {
    expect(sysctlPath(key)).toBe(path);
  });

  it('is written through the host’s procfs by init, whose namespaces count', () => {
    expect(planSysctl(contextOf(setting('net/core/somaxconn', NET)))).toEqual([
      {
        actor: 'init',
        origin: '/linux/sysctl/net~1core~1somaxconn',
        op: { call: 'write', dirfd: 'proc', path: 'sys/net/core/somaxconn', data: '1' },
      },
    ]);
  });

  it.each([
    ['kernel.msgmax', IPC],
    ['kernel.shm_rmid_forced', IPC],
    ['fs.mqueue.msg_max', IPC],
    ['net.ipv4.ip_forward', NET],
    ['net.ipv4.ip_forward', { type: 'network', path: '/run/netns/a' } as const],
    ['kernel.domainname', UTS],
    ['user.max_user_namespaces', USER],
  ])('accepts %s with its namespace', (key, namespace) => {
    expect(checkSysctl(setting(key, namespace))).toEqual([]);
  });

  it.each([
    ['kernel.msgmax', NET, 'is not allowed in the hosts ipc namespace'],
    ['net.ipv4.ip_forward', IPC, 'is not allowed in host network namespace'],
    [
      'net.ipv4.ip_forward',
      { type: 'network', path: '/proc/self/ns/net' } as const,
      'is not allowed in host network namespace',
    ],
    ['kernel.hostname', UTS, 'is not allowed as it conflicts with the OCI hostname field'],
    ['kernel.domainname', NET, 'is not in a separate kernel namespace'],
    ['user.max_user_namespaces', NET, 'is not in a separate kernel namespace'],
    ['vm.swappiness', IPC, 'is not in a separate kernel namespace'],
    ['net/../kernel/core_pattern', NET, 'is no name of a kernel parameter'],
    ['net..ipv4', NET, 'is no name of a kernel parameter'],
    ['', NET, 'is no name of a kernel parameter'],
  ])('refuses %s with %o', (key, namespace, message) => {
    expect(checkSysctl(setting(key, namespace))).toMatchObject([{ severity: 'error', message }]);
  });
});
