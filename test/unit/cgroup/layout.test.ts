import { describe, expect, it } from 'vitest';
import { legacyLayout, unifiedLayout } from '../../../src/cgroup/layout.ts';

const MOUNTINFO = `31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime shared:9 - cgroup cgroup rw,cpu,cpuacct
35 31 0:32 /docker/abc /sys/fs/cgroup/memory ro,relatime - cgroup cgroup rw,memory
36 31 0:32 /docker/abc /mnt/again rw,relatime - cgroup cgroup rw,memory
37 31 0:33 / /sys/fs/cgroup/odd\\040name rw - cgroup cgroup rw,xattr,name=systemd
38 31 0:34 /elsewhere /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids
41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
`;
const OWN = `9:name=systemd:/init.scope
8:pids:/docker/abc
4:memory:/docker/abc/sub
3:cpuset:/
2:cpu,cpuacct:/docker/abc
0::/
`;

describe('legacyLayout', () => {
  it('finds each mounted v1 hierarchy once, and where in what is mounted tsrun is', () => {
    expect(legacyLayout(OWN, MOUNTINFO)).toEqual({
      version: 1,
      hierarchies: [
        {
          controllers: ['cpu', 'cpuacct'],
          mountpoint: '/sys/fs/cgroup/cpu,cpuacct',
          own: '/docker/abc',
        },
        { controllers: ['memory'], mountpoint: '/sys/fs/cgroup/memory', own: '/sub' },
        {
          controllers: ['name=systemd'],
          mountpoint: '/sys/fs/cgroup/odd name',
          own: '/init.scope',
        },
        { controllers: ['pids'], mountpoint: '/sys/fs/cgroup/pids', own: '/' },
      ],
    });
  });

  it('is none where nothing is mounted', () => {
    expect(legacyLayout(OWN, '31 23 0:28 / /sys rw - sysfs sysfs rw\n')).toEqual({ version: 0 });
  });
});

describe('unifiedLayout', () => {
  it('reads the controllers and the own cgroup', () => {
    expect(unifiedLayout('0::/user.slice/a\n', 'cpuset cpu io\n')).toEqual({
      version: 2,
      mountpoint: '/sys/fs/cgroup',
      own: '/user.slice/a',
      controllers: ['cpuset', 'cpu', 'io'],
    });
  });
});
