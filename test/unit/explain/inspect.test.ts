import { describe, expect, it } from 'vitest';
import { cgroupFacts } from '../../../src/explain/inspectCgroups.ts';
import { mountFacts } from '../../../src/explain/inspectMounts.ts';
import { capabilityNames, processFacts } from '../../../src/explain/inspectProcess.ts';
import { decodeWaitStatus } from '../../../src/linux/pidfdInfo.ts';
import { specOf } from '../context.ts';

describe('inspect', () => {
  it('capabilities by name, unknown ones by number', () => {
    expect(capabilityNames(0n)).toEqual([]);
    expect(capabilityNames((1n << 5n) | 1n)).toEqual(['CAP_CHOWN', 'CAP_KILL']);
    expect(capabilityNames(1n << 63n)).toEqual(['63']);
  });

  it('mounts: paths with blanks, the part a bind mount shows, the property of the last that covers a path', () => {
    const mountinfo = [
      '20 10 8:1 /srv/root / rw,relatime - ext4 /dev/vda rw',
      '21 20 0:5 / /a\\040b rw,nosuid shared:1 master:2 - tmpfs tmpfs rw',
      '22 20 0:6 /null /proc/keys rw - devtmpfs devtmpfs rw',
      '',
    ].join('\n');
    const spec = specOf({
      mounts: [{ destination: '/a b/', type: 'tmpfs' }],
      linux: { readonlyPaths: ['/proc/keys'], maskedPaths: ['/proc/keys'] },
    });
    expect(mountFacts(mountinfo, spec)).toEqual([
      {
        path: '/',
        type: 'ext4',
        source: '/dev/vda[/srv/root]',
        options: 'rw,relatime',
        origin: '/root',
      },
      { path: '/a b', type: 'tmpfs', source: 'tmpfs', options: 'rw,nosuid', origin: '/mounts/0' },
      {
        path: '/proc/keys',
        type: 'devtmpfs',
        source: 'devtmpfs[/null]',
        options: 'rw',
        origin: '/linux/maskedPaths/0',
      },
    ]);
  });

  it('cgroups: v1 and v2 alike, no limit as max, files that are missing left out', () => {
    const files: Record<string, string> = {
      '/v2/memory.current': '4096\n',
      '/v2/memory.max': 'max\n',
      '/v2/cpu.stat': 'usage_usec 12\nuser_usec 1\n',
      '/v2/memory.events': 'low 0\noom 1\noom_kill 2\n',
      '/v1/memory.usage_in_bytes': '1\n',
      '/v1/memory.limit_in_bytes': '9223372036854771712\n',
    };
    expect(cgroupFacts(['/v2', '/v1', '/none'], (path) => files[path])).toEqual([
      {
        directory: '/v2',
        values: [
          { name: 'memory, bytes', used: '4096', limit: 'max' },
          { name: 'cpu time, µs', used: '12' },
          { name: 'killed for memory', used: '2' },
        ],
      },
      { directory: '/v1', values: [{ name: 'memory, bytes', used: '1', limit: 'max' }] },
    ]);
  });

  it('the process: its number inside, seccomp by name', () => {
    const files: Record<string, string> = {
      status:
        'NSpid:\t812\t1\nUid:\t5\t5\t5\t5\nSeccomp:\t2\nSeccomp_filters:\t3\nNoNewPrivs:\t1\nCapEff:\t0000000000000001\n',
      cmdline: 'sleep\0' + '5\0',
    };
    expect(processFacts(812, (file) => files[file])).toMatchObject({
      pid: 812,
      pidInside: 1,
      command: 'sleep 5',
      uid: '5 5 5 5',
      seccomp: 'filter',
      seccompFilters: 3,
      noNewPrivileges: true,
      capabilities: { effective: ['CAP_CHOWN'], bounding: [] },
    });
  });
});

describe('decodeWaitStatus', () => {
  it.each([
    [0, { status: 0 }],
    [0x700, { status: 7 }],
    [9, { signal: 9 }],
    [0x8b, { signal: 11 }],
  ])('%i is %o', (word, ending) => {
    expect(decodeWaitStatus(word)).toEqual(ending);
  });
});
