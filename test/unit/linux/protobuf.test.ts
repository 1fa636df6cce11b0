import { describe, expect, it } from 'vitest';
import { setEngine } from '../../../src/engine/current.ts';
import { nodeEngine } from '../../../src/engine/node.ts';
import { decodeMessage, encodeMessage } from '../../../src/linux/protobuf.ts';

setEngine(nodeEngine());

const bytes = (...values: number[]) => Uint8Array.from(values);

describe('encodeMessage', () => {
  it.each([
    [{ 1: 1 }, bytes(0x08, 1)],
    [{ 1: 300 }, bytes(0x08, 0xac, 0x02)],
    [{ 2: true, 3: undefined }, bytes(0x10, 1)],
    [{ 16: 'é' }, bytes(0x82, 0x01, 2, 0xc3, 0xa9)],
    [{ 5: ['a', 'b'] }, bytes(0x2a, 1, 0x61, 0x2a, 1, 0x62)],
    [{ 1: -1 }, bytes(0x08, ...Array.from({ length: 9 }, () => 0xff), 1)],
  ])('writes %j as the specification has it', (fields, expected) => {
    expect(encodeMessage(fields)).toEqual(expected);
  });

  it('refuses what is no integer', () => {
    expect(() => encodeMessage({ 1: 1.5 })).toThrow(RangeError);
  });
});

describe('decodeMessage', () => {
  it('reads back numbers, negative ones too, and bytes', () => {
    const nested = encodeMessage({ 1: 7 });
    const fields = decodeMessage(encodeMessage({ 1: 2, 2: -3, 3: nested, 40: 'x' }));
    expect(fields?.get(1)).toBe(2);
    expect(fields?.get(2)).toBe(-3);
    expect(fields?.get(3)).toEqual(nested);
    expect(fields?.get(40)).toEqual(bytes(0x78));
  });

  it('passes over fixed fields of 4 and 8 bytes', () => {
    const message = bytes(0x0d, 1, 2, 3, 4, 0x11, 1, 2, 3, 4, 5, 6, 7, 8, 0x18, 9);
    expect(decodeMessage(message)?.get(3)).toBe(9);
  });

  it.each([
    ['a varint that does not end', bytes(0x08, 0x80)],
    ['a length beyond the end', bytes(0x0a, 5, 1)],
    ['a negative length', bytes(0x0a, ...Array.from({ length: 9 }, () => 0xff), 1)],
    ['a wire type there is none of', bytes(0x0b, 1)],
    ['a varint of eleven bytes', bytes(0x08, ...Array.from({ length: 11 }, () => 0xff))],
  ])('refuses %s', (_what, message) => {
    expect(decodeMessage(message)).toBeUndefined();
  });
});
