import { describe, expect, it } from 'vitest';
import { parseSignal } from '../../../../src/linux/constants/signals.ts';

describe('parseSignal', () => {
  it.each([
    ['9', 9],
    ['0', 0],
    ['64', 64],
    ['KILL', 9],
    ['SIGKILL', 9],
    ['sigterm', 15],
    ['Hup', 1],
    ['IOT', 6],
    ['RTMIN', 34],
    ['SIGRTMIN+3', 37],
    ['RTMAX-1', 63],
    ['sigrtmax', 64],
  ])('reads %s as %i', (text, number) => {
    expect(parseSignal(text)).toBe(number);
  });

  it.each([
    '65',
    '-9',
    '',
    'SIG',
    'SIGSIGKILL',
    'RTMIN+31',
    'RTMAX+1',
    'RTMIN-1',
    '9x',
    'toString',
  ])('refuses %s', (text) => {
    expect(parseSignal(text)).toBeUndefined();
  });
});
