/** linux.namespaces: each of the eight types made, joined by path, and shared when it is not named. */
import { readFileSync, readlinkSync, statSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { isV2 } from './cgroupFiles.ts';
import {
  addNamespace,
  addUserNamespace,
  type Config,
  grant,
  type NamespaceType,
  removeNamespace,
} from './config.ts';
import { isTsrun, until, useContainers } from './runtime.ts';

const t = useContainers();

/** config.json's name of a namespace, and the kernel's in /proc/<pid>/ns. */
const TYPES: readonly [NamespaceType, string][] = [
  ['pid', 'pid'],
  ['network', 'net'],
  ['mount', 'mnt'],
  ['ipc', 'ipc'],
  ['uts', 'uts'],
  ['user', 'user'],
  ['cgroup', 'cgroup'],
  ['time', 'time'],
];
/** runc 1.1.5 follows runtime-spec 1.0.2, which has no time namespaces. */
const known = TYPES.filter(([type]) => isTsrun || type !== 'time');

const own = (name: string) => readlinkSync(`/proc/self/ns/${name}`);
const links = 'for n in pid net mnt ipc uts user cgroup time; do readlink /proc/self/ns/$n; done';

/** With every type the runtime knows, each of them new. */
const allNew = (config: Config): void => {
  addUserNamespace(config);
  addNamespace(config, 'cgroup');
  if (isTsrun) addNamespace(config, 'time');
};

/** Nothing of the host's is left out that mounts of the base config need. */
const withoutMounts = (config: Config, ...destinations: string[]): void => {
  config.mounts = config.mounts.filter((one) => !destinations.includes(one.destination));
};

describe('linux.namespaces', () => {
  it('makes all of them at once', () => {
    const { stdout, stderr, status } = t.sh(links, allNew);
    expect({ stderr, status }).toEqual({ stderr: '', status: 0 });
    const inside = stdout.trim().split('\n');
    expect(inside.length).toBe(8);
    for (const [, name] of known) expect(inside).not.toContain(own(name));
  });

  it.each(known)('makes a new %s namespace', (type, name) => {
    const { stdout, stderr } = t.sh(`readlink /proc/self/ns/${name}`, (config) => {
      if (type === 'user') addUserNamespace(config);
      else if (!config.linux.namespaces.some((one) => one.type === type)) {
        addNamespace(config, type);
      }
    });
    expect(stderr).toBe('');
    expect(stdout).toMatch(new RegExp(`^${name}:\\[\\d+\\]\n$`));
    expect(stdout.trim()).not.toBe(own(name));
  });

  // A mount namespace that is not named: hostMounts.test.ts.
  it.each(known.filter(([type]) => type !== 'mount'))(
    'shares the %s namespace of the runtime when it is not named',
    (type, name) => {
      const { stdout, stderr } = t.sh(`readlink /proc/self/ns/${name}`, (config) => {
        removeNamespace(config, type);
        if (type === 'uts') delete config.hostname;
        // sysfs and mqueue can be mounted by the owner of the namespace they show.
        if (type === 'network') withoutMounts(config, '/sys');
        if (type === 'ipc') withoutMounts(config, '/dev/mqueue');
      });
      expect(stderr).toBe('');
      expect(stdout.trim()).toBe(own(name));
    },
  );

  it.each(known)('joins a %s namespace by path', async (type, name) => {
    const holder = t.create((config) => {
      allNew(config);
      config.process.args = ['sleep', '1000'];
    });
    expect(holder.result.stderr).toBe('');
    t.call(['start', holder.id]);
    const path = `/proc/${t.state(holder.id).pid}/ns/${name}`;
    const joined = readlinkSync(path);
    const guest = t.create((config) => {
      removeNamespace(config, type);
      addNamespace(config, type, path);
      config.process.args = ['sh', '-c', `readlink /proc/self/ns/${name}; exec sleep 1000`];
      if (type === 'uts') delete config.hostname;
      if (type === 'user' && !isTsrun) {
        // runc 1.1.5 wants them, though the namespace has its own.
        const mapping = { containerID: 0, hostID: 100000, size: 65536 };
        config.linux.uidMappings = [mapping];
        config.linux.gidMappings = [mapping];
      }
      // The holder's mount namespace has the holder's root: the guest brings nothing of its own.
      if (type === 'mount') config.root.path = t.rootfs;
    });
    if (type === 'mount' && guest.result.status !== 0) {
      // Its root lies outside of what the joined namespace shows; that must be said, not guessed.
      expect(guest.result.stderr).not.toBe('');
      return;
    }
    expect(guest.result.stderr).toBe('');
    expect(t.call(['start', guest.id])).toMatchObject({ status: 0, stderr: '' });
    await until(() => guest.output() !== '', 'the guest to write');
    expect(guest.output().trim()).toBe(joined);
    expect(readlinkSync(`/proc/${t.state(guest.id).pid}/ns/${name}`)).toBe(joined);
  });

  it('starts the process as PID 1 of a new pid namespace', () => {
    expect(t.sh('echo $$').stdout).toBe('1\n');
  });

  it('sees the processes of a pid namespace it joins', () => {
    const holder = t.create((config) => {
      config.process.args = ['sleep', '4321'];
    });
    t.call(['start', holder.id]);
    const { pid } = t.state(holder.id);
    const { stdout } = t.sh('cat /proc/1/cmdline', (config) => {
      removeNamespace(config, 'pid');
      addNamespace(config, 'pid', `/proc/${pid}/ns/pid`);
    });
    expect(stdout).toBe('sleep\x004321\0');
  });

  it('brings loopback up in a new network namespace', () => {
    const { stdout } = t.sh('ip address show lo && ping -c 1 -W 2 127.0.0.1', (config) => {
      grant(config, 'CAP_NET_RAW');
    });
    expect(stdout).toContain('LOOPBACK,UP');
    expect(stdout).toContain('inet 127.0.0.1/8');
    expect(stdout).toContain('1 packets received');
  });

  it('shows its own cgroup as / in a cgroup namespace', () => {
    const { stdout } = t.sh('cat /proc/self/cgroup', (config) => addNamespace(config, 'cgroup'));
    for (const line of stdout.trim().split('\n')) {
      if (/:(memory|pids):/.test(line)) expect(line).toMatch(/:\/$/);
    }
    expect(stdout).toMatch(isV2 ? /^0::\/\n$/ : /:pids:\/\n/);
  });

  it.each<[string, (config: Config) => void]>([
    [
      'the same type twice',
      (config) => {
        addNamespace(config, 'pid');
      },
    ],
    [
      'a path that does not exist',
      (config) => {
        removeNamespace(config, 'network');
        addNamespace(config, 'network', '/proc/1/ns/no-such');
      },
    ],
    [
      'a path to a namespace of another type',
      (config) => {
        removeNamespace(config, 'network');
        addNamespace(config, 'network', '/proc/self/ns/uts');
      },
    ],
    [
      'a path to something that is no namespace',
      (config) => {
        removeNamespace(config, 'network');
        addNamespace(config, 'network', '/etc/hostname');
      },
    ],
    [
      'a type there is not',
      (config) => {
        config.linux.namespaces.push({ type: 'quantum' as NamespaceType });
      },
    ],
    ['a host name without a uts namespace', (config) => removeNamespace(config, 'uts')],
  ])('refuses %s', (_what, edit) => {
    const result = t.run(edit);
    expect(result.status).toBe(1);
    expect(result.stderr).not.toBe('');
    expect(result.stdout).toBe('');
  });
});

describe('linux.uidMappings, linux.gidMappings', () => {
  it('are what /proc/self/uid_map and gid_map say', () => {
    const { stdout, stderr } = t.sh('cat /proc/self/uid_map /proc/self/gid_map', (config) => {
      addNamespace(config, 'user');
      config.linux.uidMappings = [
        { containerID: 0, hostID: 100000, size: 1000 },
        { containerID: 1000, hostID: 200000, size: 5 },
      ];
      config.linux.gidMappings = [{ containerID: 0, hostID: 300000, size: 10 }];
    });
    expect(stderr).toBe('');
    expect(stdout.trim().replaceAll(/ +/g, ' ').split('\n')).toEqual([
      ' 0 100000 1000'.trim(),
      ' 1000 200000 5',
      ' 0 300000 10',
    ]);
  });
  it('make the process root inside and somebody else outside', async () => {
    const { id, output } = t.create((config) => {
      addUserNamespace(config);
      config.process.args = ['sh', '-c', 'id -u; id -g; exec sleep 1000'];
    });
    t.call(['start', id]);
    await until(() => output() === '0\n0\n', 'the process to write');
    const { pid } = t.state(id);
    expect(statSync(`/proc/${pid}`)).toMatchObject({ uid: 100000, gid: 100000 });
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    expect(status).toMatch(/^Uid:\t100000\t100000\t100000\t100000$/m);
    expect(status).toMatch(/^Gid:\t100000\t100000\t100000\t100000$/m);
  });
  it("leave /dev/mqueue to the container's root", () => {
    const { stdout } = t.sh('stat -c %u /dev/mqueue', addUserNamespace);
    expect(stdout).toBe('0\n');
  });
  // runc 1.1.5 drops them without a word.
  it.runIf(isTsrun)('need a user namespace', () => {
    const result = t.run((config) => {
      config.linux.uidMappings = [{ containerID: 0, hostID: 100000, size: 1 }];
    });
    expect(result.status).toBe(1);
  });
});

describe('linux.timeOffsets', () => {
  // runtime-spec 1.1; runc 1.1.5 has no time namespaces.
  it.runIf(isTsrun)('shift the clocks the process sees', () => {
    const uptime = Number(readFileSync('/proc/uptime', 'utf8').split(' ')[0]);
    const { stdout, stderr } = t.sh('cat /proc/uptime /proc/self/timens_offsets', (config) => {
      addNamespace(config, 'time');
      config.linux.timeOffsets = {
        monotonic: { secs: 172800, nanosecs: 5 },
        boottime: { secs: 604800 },
      };
    });
    expect(stderr).toBe('');
    const [first = '', ...offsets] = stdout.trim().split('\n');
    expect(Number(first.split(' ')[0]) - uptime).toBeGreaterThan(604799);
    expect(Number(first.split(' ')[0]) - uptime).toBeLessThan(604900);
    expect(offsets.map((line) => line.split(/\s+/))).toEqual([
      ['monotonic', '172800', '5'],
      ['boottime', '604800', '0'],
    ]);
  });
  it.runIf(isTsrun)('need a time namespace of their own', () => {
    const result = t.run((config) => {
      config.linux.timeOffsets = { boottime: { secs: 1 } };
    });
    expect(result.status).toBe(1);
    expect(result.stderr).toContain('timeOffsets');
  });
});

describe('hostname', () => {
  it('is what the process sees', () => {
    const { stdout } = t.sh('hostname; cat /proc/sys/kernel/hostname', (config) => {
      config.hostname = 'named-by-config';
    });
    expect(stdout).toBe('named-by-config\nnamed-by-config\n');
  });
});

describe('domainname', () => {
  // runtime-spec 1.1; runc 1.1.5 ignores what it does not know.
  it.runIf(isTsrun)('is what the process sees', () => {
    const { stdout } = t.sh('cat /proc/sys/kernel/domainname', (config) => {
      config.domainname = 'example.org';
    });
    expect(stdout).toBe('example.org\n');
  });
});

describe('linux.sysctl', () => {
  it('sets values of the namespaces the container has', () => {
    const { stdout, stderr } = t.sh(
      'cat /proc/sys/net/ipv4/ip_forward /proc/sys/kernel/shmmax /proc/sys/fs/mqueue/msg_max',
      (config) => {
        config.linux.sysctl = {
          'net.ipv4.ip_forward': '1',
          'kernel.shmmax': '16777216',
          'fs.mqueue.msg_max': '7',
        };
      },
    );
    expect({ stdout, stderr }).toEqual({ stdout: '1\n16777216\n7\n', stderr: '' });
  });
  it.each([
    ['of the whole host', 'vm.overcommit_memory'],
    ['that config.json has a property for', 'kernel.hostname'],
    ['that do not exist', 'net.ipv4.no_such_thing'],
  ])('refuses values %s', (_what, key) => {
    const result = t.run((config) => {
      config.linux.sysctl = { [key]: '1' };
    });
    expect(result.status).toBe(1);
    expect(result.stderr).toContain(key.split('.').at(-1));
  });
  it('refuses a value of a namespace shared with the host', () => {
    const result = t.run((config) => {
      removeNamespace(config, 'network');
      config.linux.sysctl = { 'net.ipv4.ip_forward': '1' };
    });
    expect(result.status).toBe(1);
    expect(result.stderr).toContain('net.ipv4.ip_forward');
  });
});
