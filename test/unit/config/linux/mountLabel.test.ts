import { describe, expect, it } from 'vitest';
import { planMaskedPaths } from '../../../../src/config/linux/maskedPaths.ts';
import { checkMountLabel, checkMountLabelHost } from '../../../../src/config/linux/mountLabel.ts';
import { planMounts } from '../../../../src/config/mounts.ts';
import type { HostFacts } from '../../../../src/plan/context.ts';
import { contextOf, HOST, opsOf, specOf, specOfLinux } from '../../context.ts';

const LABEL = 'system_u:object_r:container_file_t:s0:c1,c2';
const SELINUX: Partial<HostFacts> = { lsm: { apparmor: false, selinux: true } };
const OLD_KERNEL = { ...SELINUX, kernel: { ...HOST.kernel, mountApi: false } };

const contextFor = (type: string, host: Partial<HostFacts>) =>
  contextOf(
    specOf({
      mounts: [{ destination: '/a', type, source: type, options: ['size=1m'] }],
      linux: { namespaces: [{ type: 'mount' }], mountLabel: LABEL, maskedPaths: ['/b'] },
    }),
    { host },
  );

describe('linux.mountLabel', () => {
  it.each(['tmpfs', 'devpts', 'overlay'])('is the context of a new %s', (type) => {
    expect(opsOf(planMounts(contextFor(type, SELINUX)))).toContainEqual(
      expect.objectContaining({ call: 'fsmount', options: ['size=1m', `context=${LABEL}`] }),
    );
  });
  it('stands in quotes for mount(2), whose options commas separate', () => {
    expect(opsOf(planMounts(contextFor('tmpfs', OLD_KERNEL)))).toContainEqual(
      expect.objectContaining({ call: 'mount', data: `size=1m,context="${LABEL}"` }),
    );
  });
  it.each(['proc', 'sysfs', 'cgroup2'])('is not for %s, which the kernel labels', (type) => {
    expect(JSON.stringify(opsOf(planMounts(contextFor(type, SELINUX))), printable)).not.toContain(
      LABEL,
    );
  });
  it('is an attribute of the root of a message queue', () => {
    expect(planMounts(contextFor('mqueue', SELINUX))).toContainEqual(
      expect.objectContaining({
        op: { call: 'setxattr', fd: 'mount', name: 'security.selinux', value: LABEL },
        ignore: ['EOPNOTSUPP'],
      }),
    );
  });
  it('is that of the directory that covers masked ones', () => {
    expect(opsOf(planMaskedPaths(contextFor('tmpfs', SELINUX)))).toContainEqual(
      expect.objectContaining({
        call: 'fsmount',
        options: ['ro', 'mode=755', `context=${LABEL}`],
      }),
    );
  });
  it('is refused on a host without SELinux', () => {
    const spec = specOfLinux({ mountLabel: LABEL });
    expect(checkMountLabelHost(contextOf(spec))).toMatchObject([
      { path: '/linux/mountLabel', severity: 'error' },
    ]);
    expect(checkMountLabelHost(contextOf(spec, { host: SELINUX }))).toEqual([]);
  });
  it.each(['a"b', 'a\0b'])('may not be %j', (mountLabel) => {
    expect(checkMountLabel(specOfLinux({ mountLabel }))).toMatchObject([
      { path: '/linux/mountLabel' },
    ]);
  });
});

const printable = (_key: string, value: unknown) =>
  typeof value === 'bigint' ? value.toString() : value;
