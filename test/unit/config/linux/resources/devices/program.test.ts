import { describe, expect, it } from 'vitest';
import { deviceProgram } from '../../../../../../src/config/linux/resources/devices/program.ts';
import {
  ANY,
  type DeviceRule,
  deviceRules,
} from '../../../../../../src/config/linux/resources/devices.ts';
import type { DeviceCgroup } from '../../../../../../src/generated/spec.ts';
import { type DeviceRequest, runProgram, unreachable } from './ebpf.ts';

/** What the specification means: of the rules that match, the last decides, each access by itself. */
function isAllowed(rules: readonly DeviceRule[], request: DeviceRequest): boolean {
  return [1, 2, 4]
    .filter((bit) => (request.access & bit) !== 0)
    .every((bit) => {
      const last = rules.findLast(
        (rule) =>
          (rule.access & bit) !== 0 &&
          (rule.type === 'a' || { b: 1, c: 2 }[rule.type] === request.type) &&
          (rule.major === ANY || rule.major === request.major) &&
          (rule.minor === ANY || rule.minor === request.minor),
      );
      return last?.allow === true;
    });
}

/** The kernel's numbers have 12 and 20 bits. */
const LAST = { major: 4095, minor: 1048575 } as const;

/** Every kind of device and access at every number the rules speak of, and at one they do not. */
function requests(rules: readonly DeviceRule[]): readonly DeviceRequest[] {
  const numbers = (name: 'major' | 'minor') => [
    ...new Set([
      77,
      ...rules.map((rule) => rule[name]).filter((n) => n !== ANY && n <= LAST[name]),
    ]),
  ];
  return [1, 2].flatMap((type) =>
    [1, 2, 3, 4, 5, 6, 7].flatMap((access) =>
      numbers('major').flatMap((major) =>
        numbers('minor').map((minor) => ({ type, access, major, minor })),
      ),
    ),
  );
}

const DENY_ALL: DeviceCgroup = { allow: false };

describe('the device program of linux.resources.devices', () => {
  it.each<[string, readonly DeviceCgroup[]]>([
    ['nothing said', []],
    ['everything denied', [DENY_ALL]],
    ['everything allowed', [DENY_ALL, { allow: true }]],
    ['a device', [DENY_ALL, { allow: true, type: 'c', major: 10, minor: 229, access: 'rw' }]],
    ['a device for one access', [DENY_ALL, { allow: true, type: 'b', major: 8, access: 'r' }]],
    [
      'one access after another of the same device',
      [
        DENY_ALL,
        { allow: true, type: 'c', major: 9, minor: 1, access: 'r' },
        { allow: true, type: 'c', major: 9, minor: 1, access: 'w' },
      ],
    ],
    [
      'a part of a wider rule taken away, and given again',
      [
        DENY_ALL,
        { allow: true, type: 'c', major: 10 },
        { allow: false, type: 'c', major: 10, minor: 5, access: 'w' },
        { allow: false, type: 'c', major: 10, minor: 6 },
        { allow: true, type: 'c', major: 10, minor: 6, access: 'm' },
      ],
    ],
    [
      'everything but a device',
      [
        { allow: true },
        { allow: false, type: 'b', major: 8, minor: 0, access: 'w' },
        { allow: false, type: 'b', minor: 3, access: 'rw' },
      ],
    ],
    ['both types at once', [DENY_ALL, { allow: true, major: 7, access: 'rm' }]],
    [
      'the largest numbers a device has, which are negative as 32 bits',
      [DENY_ALL, { allow: true, type: 'b', major: 4095, minor: 1048575 }],
    ],
    ['numbers no device has', [DENY_ALL, { allow: true, type: 'c', major: 4096, minor: 7 }]],
  ])('decides as the rules do: %s', (_what, devices) => {
    const rules = deviceRules({ devices });
    const program = deviceProgram(rules);
    const asked = requests(rules);
    expect(asked.length).toBeGreaterThan(13);
    const wrong = asked.filter(
      (request) => runProgram(program, request) !== (isAllowed(rules, request) ? 1n : 0n),
    );
    expect(wrong).toEqual([]);
    expect(unreachable(program)).toEqual([]);
  });

  it('decides as rules made at random do', () => {
    let seed = 1;
    const random = (below: number) => {
      seed = (seed * 48271) % 0x7fff_ffff;
      return seed % below;
    };
    for (let round = 0; round < 200; round += 1) {
      const devices = Array.from({ length: random(8) }, (): DeviceCgroup => {
        const access = ['r', 'w', 'm', 'rw', 'wm', 'rwm'][random(6)] ?? 'r';
        const type = (['a', 'b', 'c'] as const)[random(3)] ?? 'a';
        return { allow: random(2) === 1, type, major: random(4) - 1, minor: random(4) - 1, access };
      });
      const rules = deviceRules({ devices });
      const program = deviceProgram(rules);
      const wrong = requests(rules).filter(
        (request) => runProgram(program, request) !== (isAllowed(rules, request) ? 1n : 0n),
      );
      expect(wrong, JSON.stringify(devices)).toEqual([]);
      expect(unreachable(program)).toEqual([]);
    }
  });

  it('is jumped through however many rules there are', () => {
    const devices = Array.from(
      { length: 12_000 },
      (_, minor): DeviceCgroup => ({ allow: false, type: 'c', major: 3, minor, access: 'rw' }),
    );
    const rules = deviceRules({ devices: [{ allow: true, type: 'a' }, ...devices] });
    const program = deviceProgram(rules);
    const verdict = (type: number, minor: number) =>
      runProgram(program, { type, access: 2, major: 3, minor });
    expect([0, 1, 7_000, 11_999].map((minor) => verdict(2, minor))).toEqual([0n, 0n, 0n, 0n]);
    expect([verdict(2, 12_000), verdict(1, 7_000)]).toEqual([1n, 1n]);
    expect(unreachable(program)).toEqual([]);
  });
});
