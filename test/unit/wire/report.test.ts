import { describe, expect, it } from 'vitest';
import { decodeReport } from '../../../src/wire/report.ts';

/** | u32 type | u32 plan index | i32 value | u32 length | detail … | */
function report(type: number, step: number, value: number, detail: readonly number[] = []) {
  const bytes = new Uint8Array(16 + detail.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, type, true);
  view.setUint32(4, step, true);
  view.setInt32(8, value, true);
  view.setUint32(12, detail.length, true);
  bytes.set(detail, 16);
  return bytes;
}

describe('a report of the executor', () => {
  it('is a yield before a step', () => {
    expect(decodeReport(report(1, 7, 0))).toEqual({ type: 'yield', step: 7 });
  });
  it('is a fault of a step, with errno and detail', () => {
    const fault = { type: 'fault', step: 3, errno: 2, detail: Uint8Array.of(47, 120) };
    expect(decodeReport(report(2, 3, 2, [47, 120]))).toEqual(fault);
  });
  it('is the pid of init', () => {
    expect(decodeReport(report(3, 5, 4711))).toEqual({ type: 'spawned', step: 5, pid: 4711 });
  });
  it('is a warning about a step whose failure was ignored', () => {
    const warning = { type: 'warning', step: 1, errno: 38, detail: new Uint8Array(0) };
    expect(decodeReport(report(4, 1, 38))).toEqual(warning);
  });
  it('is its last word before execve', () => {
    expect(decodeReport(report(5, 9, 0))).toEqual({ type: 'executing', step: 9 });
  });
  it('names the listener of a filter', () => {
    expect(decodeReport(report(6, 9, 4))).toEqual({ type: 'listener', step: 9, fd: 4 });
  });

  it.each([
    ['shorter than its header', new Uint8Array(15)],
    ['shorter than it says', report(2, 0, 1, [1, 2]).subarray(0, 17)],
    ['longer than it says', Uint8Array.of(...report(1, 0, 0), 0)],
    ['of unknown type', report(7, 0, 0)],
  ])('is refused when it is %s', (_, bytes) => {
    expect(() => decodeReport(bytes)).toThrow(RangeError);
  });
});
