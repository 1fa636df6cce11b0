import { describe, expect, it } from 'vitest';
import { checkTimeOffsets, planTimeOffsets } from '../../../../src/config/linux/timeOffsets.ts';
import type { LinuxNamespace, TimeOffsets } from '../../../../src/generated/spec.ts';
import { contextOf, opsOf, outline, specOfLinux } from '../../context.ts';

const offsets = (timeOffsets: TimeOffsets, ...namespaces: readonly LinuxNamespace[]) =>
  specOfLinux({ namespaces, timeOffsets });

const DAY = { monotonic: { secs: 86400 }, boottime: { secs: -7, nanosecs: 5 } };

describe('linux.timeOffsets', () => {
  it('sets the clocks between making the namespace and entering it', () => {
    expect(opsOf(planTimeOffsets(contextOf(offsets(DAY, { type: 'time' }))))).toEqual([
      { call: 'unshare', flags: 0x80 },
      {
        call: 'write',
        dirfd: 'proc',
        path: 'self/timens_offsets',
        data: 'monotonic 86400 0\nboottime -7 5\n',
      },
      {
        call: 'openat',
        dirfd: 'proc',
        path: 'self/ns/time_for_children',
        flags: 0,
        mode: 0,
        out: 'ns:time',
      },
      { call: 'setns', fd: 'ns:time', nstype: 0x80 },
      { call: 'close', fd: 'ns:time' },
    ]);
  });

  it('enters a time namespace without offsets as well', () => {
    const spec = specOfLinux({ namespaces: [{ type: 'time' }] });
    expect(outline(planTimeOffsets(contextOf(spec)))).toEqual([
      'init unshare /linux/namespaces/0',
      'init openat /linux/namespaces/0',
      'init setns /linux/namespaces/0',
      'init close /linux/namespaces/0',
    ]);
  });

  it('leaves the write to the runtime behind a joined user namespace', () => {
    const spec = offsets(DAY, { type: 'user', path: '/u' }, { type: 'time' });
    expect(planTimeOffsets(contextOf(spec))[1]).toMatchObject({
      actor: 'runtime',
      op: { call: 'proc_write', file: 'timens_offsets' },
    });
  });

  it('plans nothing for a time namespace that is joined or shared', () => {
    expect(planTimeOffsets(contextOf(offsets({}, { type: 'time', path: '/t' })))).toEqual([]);
    expect(planTimeOffsets(contextOf(specOfLinux({})))).toEqual([]);
  });

  it.each([
    ['offsets without a time namespace', offsets(DAY), '/linux/timeOffsets'],
    ['offsets of a joined one', offsets(DAY, { type: 'time', path: '/t' }), '/linux/timeOffsets'],
    [
      'seconds no clock can hold',
      offsets({ boottime: { secs: 4611686019n } }, { type: 'time' }),
      '/linux/timeOffsets/boottime/secs',
    ],
    [
      'more nanoseconds than a second has',
      offsets({ monotonic: { nanosecs: 1_000_000_000 } }, { type: 'time' }),
      '/linux/timeOffsets/monotonic/nanosecs',
    ],
  ])('refuses %s', (_, spec, path) => {
    expect(checkTimeOffsets(spec)).toMatchObject([{ severity: 'error', path }]);
  });

  it('accepts offsets with a time namespace', () => {
    expect(checkTimeOffsets(offsets(DAY, { type: 'time' }))).toEqual([]);
  });
});
