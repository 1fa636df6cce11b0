import { describe, expect, it } from 'vitest';
import {
  checkExpressible,
  deviceLines,
  deviceTransition,
} from '../../../../../../src/config/linux/resources/devices/list.ts';
import { deviceRules } from '../../../../../../src/config/linux/resources/devices.ts';
import type { DeviceCgroup } from '../../../../../../src/generated/spec.ts';

const DENY_ALL: DeviceCgroup = { allow: false };
const FUSE: DeviceCgroup = { allow: true, type: 'c', major: 10, minor: 229, access: 'rwm' };
const DISK: DeviceCgroup = { allow: true, type: 'b', major: 8, minor: 0, access: 'r' };

const transition = (from: readonly DeviceCgroup[], to: readonly DeviceCgroup[]) =>
  deviceTransition(deviceRules({ devices: from }), deviceRules({ devices: to })).map(
    ({ file, value }) => `${file.replace('devices.', '')} ${value}`,
  );

/** The exceptions of a cgroup as the kernel keeps them: cgroup-v1/devices.rst. */
function kernel(lines: readonly string[], start: readonly string[] = []): readonly string[] {
  let exceptions = new Map<string, Set<string>>(
    start.map((text) => [text.replace(/ \w+$/, ''), new Set(text.split(' ')[2])]),
  );
  for (const line of lines) {
    const [, verb, type, numbers, access = ''] = /^(\w+) (\w) (\S+) (\w+)$/.exec(line) ?? [];
    if (type === 'a') {
      exceptions = new Map();
      continue;
    }
    const set = new Set(exceptions.get(`${type} ${numbers}`) ?? []);
    for (const letter of access) {
      if (verb === 'allow') set.add(letter);
      else set.delete(letter);
    }
    if (set.size === 0) exceptions.delete(`${type} ${numbers}`);
    else exceptions.set(`${type} ${numbers}`, set);
  }
  return [...exceptions].map(([key, set]) => `${key} ${[...set].sort().join('')}`).sort();
}

const lines = (devices: readonly DeviceCgroup[]) =>
  deviceLines(deviceRules({ devices })).map(
    ({ file, value }) => `${file.replace('devices.', '')} ${value}`,
  );

describe('a transition of linux.resources.devices on cgroup v1', () => {
  it('writes nothing when nothing differs', () => {
    expect(transition([DENY_ALL, FUSE], [DENY_ALL, FUSE])).toEqual([]);
    expect(transition([], [DENY_ALL])).toEqual([]);
  });

  it('gives what is new before it takes what is gone, and touches nothing else', () => {
    expect(transition([DENY_ALL, FUSE], [DENY_ALL, DISK])).toEqual([
      'allow b 8:0 r',
      'deny c 10:229 rwm',
    ]);
  });

  it('writes only the access that differs', () => {
    const writable: DeviceCgroup = { ...DISK, access: 'rw' };
    expect(transition([DENY_ALL, DISK], [DENY_ALL, writable])).toEqual(['allow b 8:0 w']);
    expect(transition([DENY_ALL, writable], [DENY_ALL, DISK])).toEqual(['deny b 8:0 w']);
  });

  it('never takes what both allow, whatever the order of the rules', () => {
    const steps = transition([DENY_ALL, FUSE, DISK], [DENY_ALL, DISK, FUSE]);
    expect(steps).toEqual([]);
  });

  it('starts anew where all is allowed before or after', () => {
    expect(transition([DENY_ALL, FUSE], [{ allow: true }])).toEqual(['allow a *:* rwm']);
    expect(transition([{ allow: true }], [DENY_ALL, DISK]).slice(0, 2)).toEqual([
      'deny a *:* rwm',
      'allow b 8:0 r',
    ]);
  });

  it('leads to the same exceptions as the rules written anew', () => {
    const sets = [
      [],
      [DENY_ALL, FUSE],
      [DENY_ALL, DISK, FUSE],
      [DENY_ALL, { ...DISK, access: 'rwm' }, { allow: false, type: 'b', access: 'w' }],
    ] satisfies DeviceCgroup[][];
    for (const from of sets) {
      for (const to of sets) {
        expect(kernel(transition(from, to), kernel(lines(from)))).toEqual(kernel(lines(to)));
      }
    }
  });
});

describe('linux.resources.devices that cgroup v1 cannot express', () => {
  it('are those that take a part of a wider rule away', () => {
    const devices: DeviceCgroup[] = [
      { allow: true, type: 'c', major: 10, access: 'rw' },
      { allow: false, type: 'c', major: 10, minor: 229, access: 'rw' },
      { allow: false, type: 'c', major: 10, minor: 229, access: 'm' },
      { allow: false, type: 'c', major: 11, access: 'rw' },
      { allow: false, type: 'c', major: 10, access: 'w' },
    ];
    expect(checkExpressible(deviceRules({ devices })).map(({ path }) => path)).toEqual([
      '/linux/resources/devices/1',
    ]);
  });
});
