import { describe, expect, it } from 'vitest';
import { checkDestination, cleanDestination } from '../../../../src/config/mounts/destination.ts';
import { configuredMounts } from '../../../../src/config/mounts/entry.ts';
import { specOf } from '../../context.ts';

describe('mounts.destination', () => {
  it.each([
    ['/a/b', '/a/b'],
    ['a//b/', '/a/b'],
    ['/a/./b/../c', '/a/c'],
    ['/../..', '/'],
    ['', '/'],
  ])('cleans %j to %j', (destination, clean) => {
    expect(cleanDestination(destination)).toBe(clean);
  });

  const problems = (destination: string, rest: object = { type: 'tmpfs' }) =>
    configuredMounts(specOf({ mounts: [{ destination, ...rest }] }))
      .flatMap(checkDestination)
      .map(({ severity, path }) => [severity, path]);
  const refused = [['error', '/mounts/0/destination']];

  it('warns of a relative path, which begins at the root', () => {
    expect(problems('data')).toEqual([['warning', '/mounts/0/destination']]);
  });

  it.each(['/', '/.', '/a/..'])('refuses the root itself: %s', (destination) => {
    expect(problems(destination)).toEqual(refused);
  });

  it.each(['/proc/self', '/proc/sys/kernel', '/x/../proc/self/attr', '/proc/net/dev'])(
    'refuses a place inside /proc: %s (CVE-2019-16884)',
    (destination) => {
      expect(problems(destination)).toEqual(refused);
    },
  );

  it.each(['/proc/cpuinfo', '/proc/meminfo', '/proc/sys/kernel/ns_last_pid', '/process'])(
    'allows %s',
    (destination) => {
      expect(problems(destination, { source: '/x', options: ['bind'] })).toEqual([]);
    },
  );

  it('takes nothing but a procfs at /proc', () => {
    expect(problems('/proc', { type: 'proc' })).toEqual([]);
    expect(problems('/proc', { source: '/proc/', options: ['rbind'] })).toEqual([]);
    expect(problems('/proc', { source: '/srv', options: ['rbind'] })).toEqual(refused);
    expect(problems('/proc', { type: 'tmpfs' })).toEqual(refused);
  });
});
