import { describe, expect, it } from 'vitest';
import { parseOpening, parseRequest } from '../../../src/cli/commandLine.ts';
import { resourcesOfFlags } from '../../../src/cli/update.ts';
import { TsrunError } from '../../../src/errors.ts';

function resources(...args: string[]) {
  const request = parseRequest(parseOpening(['update', ...args, 'web']));
  if (request.kind !== 'verb') throw new Error(request.kind);
  return resourcesOfFlags(request.values);
}

describe('the flags of update', () => {
  it('name the properties of linux.resources', () => {
    const flags = [
      ...['--memory', '100', '--memory-reservation', '50', '--memory-swap', '200'],
      ...['--cpu-share', '512', '--cpu-quota', '5', '--cpu-period', '6', '--cpu-burst', '0'],
      ...['--cpu-rt-runtime', '7', '--cpu-rt-period', '8', '--cpuset-cpus', '0-1'],
      ...['--cpuset-mems', '0', '--cpu-idle', '1', '--pids-limit', '-1', '--blkio-weight', '500'],
    ];
    expect(resources(...flags)).toEqual({
      memory: { limit: 100, reservation: 50, swap: 200 },
      cpu: {
        shares: 512,
        quota: 5,
        period: 6,
        burst: 0,
        realtimeRuntime: 7,
        realtimePeriod: 8,
        cpus: '0-1',
        mems: '0',
        idle: 1,
      },
      pids: { limit: -1 },
      blockIO: { weight: 500 },
    });
  });

  it('ask for nothing when they are empty', () => {
    expect(resources('--memory=', '--cpuset-cpus', '')).toEqual({});
  });

  it.each<[string, number | bigint]>([
    ['-1', -1],
    ['512k', 524288],
    ['1.5g', 1610612736],
    ['2 MiB', 2097152],
    ['10B', 10],
    ['9223372036854775807', 9223372036854775807n],
  ])('read the memory size %j', (text, limit) => {
    expect(resources('--memory', text)).toEqual({ memory: { limit } });
  });

  it.each([
    ['--memory', 'much'],
    ['--memory', '-5'],
    ['--memory', '1q'],
    ['--memory', '99999999999999999999p'],
    ['--cpu-quota', '5ms'],
    ['--pids-limit', '1.5'],
  ])('refuse %s %s', (flag, value) => {
    expect(() => resources(flag, value)).toThrow(TsrunError);
  });
});
