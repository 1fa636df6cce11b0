import { describe, expect, it } from 'vitest';
import { setEngine } from '../../../src/engine/current.ts';
import { nodeEngine } from '../../../src/engine/node.ts';
import type { DbusItem } from '../../../src/linux/constants/dbus.ts';
import {
  decodeMessage,
  encodeMessage,
  METHOD_CALL,
  type Message,
  messageLength,
} from '../../../src/linux/dbusMessage.ts';

setEngine(nodeEngine());

const message = (signature: string, body: Message['body']): Message => ({
  type: METHOD_CALL,
  serial: 7,
  path: '/a',
  member: 'M',
  signature,
  body,
});

/** A variant in a variant, so many times. */
const deep = (levels: number): Message['body'] => {
  let value: DbusItem = { type: 'y', value: 1 };
  for (let i = 0; i < levels; i += 1) value = { type: 'v', value };
  return [value];
};

const encodeAndDecode = (signature: string, body: Message['body']) =>
  decodeMessage(encodeMessage(message(signature, body)));

/** Reproducible, of 31 bits (a linear congruential generator). */
function numbersFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return state >>> 8;
  };
}

describe('a D-Bus message', () => {
  it('is laid out as the specification draws it', () => {
    const bytes = encodeMessage({
      type: METHOD_CALL,
      serial: 1,
      path: '/a',
      member: 'Hi',
      signature: 'y',
      body: [9],
    });
    expect([...bytes]).toEqual(
      [
        ['l'.charCodeAt(0), 1, 0, 1],
        [1, 0, 0, 0], // one byte of body
        [1, 0, 0, 0], // serial
        [39, 0, 0, 0], // bytes of header fields
        [
          1,
          1,
          'o'.charCodeAt(0),
          0,
          2,
          0,
          0,
          0,
          '/'.charCodeAt(0),
          'a'.charCodeAt(0),
          0,
          0,
          0,
          0,
          0,
          0,
        ],
        [
          3,
          1,
          's'.charCodeAt(0),
          0,
          2,
          0,
          0,
          0,
          'H'.charCodeAt(0),
          'i'.charCodeAt(0),
          0,
          0,
          0,
          0,
          0,
          0,
        ],
        [8, 1, 'g'.charCodeAt(0), 0, 1, 'y'.charCodeAt(0), 0, 0],
        [9],
      ].flat(),
    );
  });

  it.each<[string, Message['body']]>([
    ['', []],
    ['ybnqiu', [255, true, -2, 65535, -70000, 4294967295]],
    ['xtd', [-(1n << 63n), 18446744073709551615n, 0.5]],
    ['sog', ['é', '/a/b', 'a{sv}']],
    ['asu', [['a', '', 'bcd'], 3]],
    [
      'a(sv)',
      [
        [
          ['MemoryMax', { type: 't', value: 5n }],
          ['Slice', { type: 's', value: 'a' }],
        ],
      ],
    ],
    ['ssa(sv)a(sa(sv))', ['u.scope', 'replace', [['PIDs', { type: 'au', value: [5] }]], []]],
    ['a{yat}y', [[[1, [2n, 3n]]], 4]],
    ['at', [[]]],
  ])('of type %s is read as it was written', (signature, body) => {
    const bytes = encodeMessage(message(signature, body));
    expect(messageLength(bytes)).toBe(bytes.length);
    expect(decodeMessage(bytes)).toEqual(message(signature, body));
  });

  it('refuses what is not of its type', () => {
    expect(() => encodeMessage(message('u', ['a']))).toThrow(RangeError);
    expect(() => encodeMessage(message('(ss)', [['a']]))).toThrow(RangeError);
    expect(() => encodeMessage(message('s', ['a\0b']))).toThrow(RangeError);
    expect(() => encodeMessage(message('r', ['a']))).toThrow(RangeError);
  });

  it('cut short at any byte is refused, never read past its end', () => {
    const bytes = encodeMessage(message('sa(sv)', ['x', [['A', { type: 't', value: 5n }]]]));
    for (let length = 16; length < bytes.length; length += 1) {
      expect(() => decodeMessage(bytes.slice(0, length)), `${length} bytes`).toThrow(RangeError);
    }
  });

  it('of another byte order or version is refused', () => {
    const bytes = encodeMessage(message('', []));
    expect(() => messageLength(Uint8Array.of('B'.charCodeAt(0), ...bytes.slice(1)))).toThrow(
      RangeError,
    );
    expect(() => messageLength(bytes.with(3, 2))).toThrow(RangeError);
    expect(() => messageLength(bytes.with(7, 0x7f))).toThrow(RangeError);
  });

  it('with values nested deeper than 64 is refused', () => {
    expect(encodeAndDecode('v', deep(20)).body).toEqual(deep(20));
    expect(() => encodeAndDecode('v', deep(70))).toThrow(RangeError);
  });

  it('with a struct without members, of which an array could hold any number, is refused', () => {
    const bytes = encodeMessage(message('v', [{ type: 'a(y)', value: [[1]] }]));
    // | u8 4 | a(y) NUL | made | u8 3 | a() NUL |
    const at = bytes.lastIndexOf('('.charCodeAt(0));
    const changed = bytes
      .with(at + 1, ')'.charCodeAt(0))
      .with(at - 2, 3)
      .with(at + 2, 0);
    expect(() => decodeMessage(changed)).toThrow(RangeError);
  });

  it('with a boolean of 2, or a string without its NUL, is refused', () => {
    const flag = encodeMessage(message('b', [true]));
    expect(() => decodeMessage(flag.with(flag.length - 4, 2))).toThrow(RangeError);
    const text = encodeMessage(message('s', ['x']));
    expect(() => decodeMessage(text.with(text.length - 1, 1))).toThrow(RangeError);
  });

  it('whatever bytes are changed in it: it is read or refused with RangeError, at once', () => {
    const bytes = encodeMessage(
      message('ssa(sv)as', ['u', 'replace', [['A', { type: 'au', value: [1] }]], ['x', 'y']]),
    );
    const random = numbersFrom(20_261_123);
    const started = performance.now();
    for (let round = 0; round < 20_000; round += 1) {
      const changed = Uint8Array.from(bytes);
      for (let i = 0; i <= random() % 3; i += 1) changed[random() % bytes.length] = random() & 0xff;
      try {
        messageLength(changed);
        decodeMessage(changed);
      } catch (thrown) {
        expect(thrown).toBeInstanceOf(RangeError);
      }
    }
    expect(performance.now() - started).toBeLessThan(20_000);
  });
});
