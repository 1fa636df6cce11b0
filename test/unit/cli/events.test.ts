import { describe, expect, it } from 'vitest';
import { parseDuration } from '../../../src/cli/events.ts';
import { TsrunError } from '../../../src/errors.ts';

describe('the interval of events', () => {
  it.each([
    ['5s', 5000],
    ['100ms', 100],
    ['1m30s', 90_000],
    ['1.5h', 5_400_000],
    ['.5s', 500],
    ['250us', 0.25],
    ['0', 0],
    ['-2s', -2000],
    ['+1s', 1000],
  ])('%s is %d milliseconds', (text, milliseconds) => {
    expect(parseDuration(text)).toBe(milliseconds);
  });

  it.each(['', '5', 's', '1x', '1s2', '1 s'])('refuses %j', (text) => {
    expect(() => parseDuration(text)).toThrow(TsrunError);
  });
});
