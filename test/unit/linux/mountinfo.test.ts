import { describe, expect, it } from 'vitest';
import { hostPathOf, parseMountInfo } from '../../../src/linux/mountinfo.ts';

const HOST = `22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
30 22 0:29 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu
31 22 0:31 /sub /mnt/with\\040blank rw - tmpfs tmpfs rw
`;
const CONTAINER = `71 45 254:0 /srv/rootfs / rw - ext4 /dev/vda rw
72 71 0:99 / /proc rw - proc proc rw
73 71 254:0 /srv/data /data rw - ext4 /dev/vda rw
74 71 0:29 /web /sys/fs/cgroup/cpu ro master:3 - cgroup cgroup rw,cpu
75 71 0:31 /sub/x /x rw - tmpfs tmpfs rw
`;

const host = parseMountInfo(HOST);
const at = (mountpoint: string) => {
  const found = parseMountInfo(CONTAINER).find((mount) => mount.mountpoint === mountpoint);
  if (found === undefined) throw new Error(mountpoint);
  return found;
};

describe('parseMountInfo', () => {
  it('reads number, device, root, mount point and type, optional fields or not', () => {
    expect(host[0]).toEqual({
      number: '22',
      device: '254:0',
      root: '/',
      mountpoint: '/',
      type: 'ext4',
    });
    expect(at('/sys/fs/cgroup/cpu')).toMatchObject({ root: '/web', type: 'cgroup' });
  });
  it('decodes blanks', () => {
    expect(host[2]?.mountpoint).toBe('/mnt/with blank');
  });
});

describe('hostPathOf', () => {
  it.each([
    ['/', '/srv/rootfs'],
    ['/data', '/srv/data'],
    ['/sys/fs/cgroup/cpu', '/sys/fs/cgroup/cpu/web'],
    ['/x', '/mnt/with blank/x'],
  ])('finds where the host sees %s', (mountpoint, expected) => {
    expect(hostPathOf(at(mountpoint), host)).toBe(expected);
  });
  it('finds nothing of a file system that the container alone has', () => {
    expect(hostPathOf(at('/proc'), host)).toBeUndefined();
  });
});
