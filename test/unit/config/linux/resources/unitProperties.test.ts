import { describe, expect, it } from 'vitest';
import {
  deviceProperties,
  unitProperties,
} from '../../../../../src/config/linux/resources/unitProperties.ts';
import { limitSettings } from '../../../../../src/config/linux/resources.ts';
import type { LinuxResources } from '../../../../../src/generated/spec.ts';
import { parseGvariant } from '../../../../../src/spec/gvariant.ts';

const properties = (resources: LinuxResources, version: 1 | 2) =>
  unitProperties(limitSettings(resources, version), version).map(
    ({ name, value, origin }) => `${name}=${value} ${origin.replace('/linux/resources/', '')}`,
  );

describe('linux.resources as properties of a systemd unit', () => {
  it.each<[LinuxResources, readonly string[]]>([
    [{}, []],
    [{ memory: { limit: 1024 } }, ['MemoryMax=uint64 1024 memory/limit']],
    [{ memory: { limit: -1 } }, ['MemoryMax=uint64 18446744073709551615 memory/limit']],
    [{ memory: { reservation: 7 } }, ['MemoryLow=uint64 7 memory/reservation']],
    [
      { memory: { limit: 1000, swap: 1500 } },
      ['MemorySwapMax=uint64 500 memory/swap', 'MemoryMax=uint64 1000 memory/limit'],
    ],
    [{ pids: { limit: 0 } }, ['TasksMax=uint64 1 pids/limit']],
    [{ pids: { limit: -1 } }, ['TasksMax=uint64 18446744073709551615 pids/limit']],
    [{ cpu: { shares: 1024 } }, ['CPUWeight=uint64 100 cpu/shares']],
    [{ cpu: { idle: 1, shares: 1024 } }, ['CPUWeight=uint64 0 cpu/idle']],
    [{ cpu: { cpus: '0-1,9' } }, ['AllowedCPUs=[byte 3, byte 2] cpu/cpus']],
    [{ cpu: { mems: '0' } }, ['AllowedMemoryNodes=[byte 1] cpu/mems']],
    [
      { unified: { 'memory.high': '5', 'memory.min': 'max' } },
      [
        'MemoryHigh=uint64 5 unified/memory.high',
        'MemoryMin=uint64 18446744073709551615 unified/memory.min',
      ],
    ],
    [{ hugepageLimits: [{ pageSize: '2MB', limit: 0 }] }, []],
  ])('v2: %j', (resources, expected) => {
    expect(properties(resources, 2)).toEqual(expected);
  });

  it('v2: what unified says of the same file counts', () => {
    expect(properties({ memory: { limit: 5 }, unified: { 'memory.max': '6' } }, 2)).toEqual([
      'MemoryMax=uint64 6 unified/memory.max',
    ]);
  });

  it.each<[number, number | undefined, string, string]>([
    [50_000, 100_000, '500000', '100000'],
    [50_000, undefined, '500000', '100000'],
    // 333,333.3 us a second: rounded up to whole hundredths.
    [100_000, 300_000, '340000', '300000'],
    [-1, 50_000, '18446744073709551615', '50000'],
  ])('quota %i of %i is CPUQuotaPerSecUSec in steps of 10 ms', (quota, period, perSecond, each) => {
    const cpu = { quota, ...(period === undefined ? {} : { period }) };
    for (const version of [1, 2] as const) {
      const found = properties({ cpu }, version).map((line) =>
        line.split(' ').slice(0, 2).join(' '),
      );
      expect(found).toEqual([
        `CPUQuotaPerSecUSec=uint64 ${perSecond}`,
        `CPUQuotaPeriodUSec=uint64 ${each}`,
      ]);
    }
  });

  it.each<[LinuxResources, readonly string[]]>([
    [{ memory: { limit: 9 } }, ['MemoryLimit=uint64 9 memory/limit']],
    [{ cpu: { shares: 3 } }, ['CPUShares=uint64 3 cpu/shares']],
    [{ pids: { limit: 4 } }, ['TasksMax=uint64 4 pids/limit']],
    [{ cpu: { cpus: '0' } }, []],
  ])('v1: %j', (resources, expected) => {
    expect(properties(resources, 1)).toEqual(expected);
  });

  it('a list with strides, which systemd does not know, is left to the file', () => {
    expect(properties({ cpu: { cpus: '0-31:2/8' } }, 2)).toEqual([]);
  });

  it('devices: what is allowed behind "nothing", nodes by their numbers', () => {
    const [policy, empty, list] = deviceProperties({
      devices: [
        { allow: false, access: 'rwm' },
        { allow: true, type: 'b', major: 8, access: 'r' },
        { allow: true, type: 'c', major: 10, minor: 229, access: 'rw' },
      ],
    });
    expect(policy?.value).toBe("'strict'");
    expect(parseGvariant(empty?.value ?? '')).toEqual({ type: 'a(ss)', value: [] });
    expect(parseGvariant(list?.value ?? '')).toMatchObject({
      type: 'a(ss)',
      value: expect.arrayContaining([
        ['block-8', 'r'],
        ['/dev/char/10:229', 'rw'],
        ['/dev/char/1:3', 'rwm'],
        ['char-136', 'rwm'],
        ['char-*', 'm'],
      ]),
    });
  });

  it.each<[string, NonNullable<LinuxResources['devices']>]>([
    ['everything is allowed', [{ allow: true, access: 'rwm' }]],
    ['a part of what is allowed is forbidden', [{ allow: false, type: 'c', major: 1, minor: 3 }]],
  ])('devices: systemd allows all, the rules alone decide, where %s', (_, devices) => {
    expect(deviceProperties({ devices }).map(({ value }) => value)).toEqual([
      "'auto'",
      '@a(ss) []',
      '@a(ss) []',
    ]);
  });

  it('every value is GVariant text', () => {
    const all = unitProperties(
      limitSettings({ cpu: { cpus: '3', quota: 5, idle: 1 }, memory: { limit: 5 } }, 2),
      2,
    );
    expect(all.filter(({ value }) => parseGvariant(value) === undefined)).toEqual([]);
  });
});
