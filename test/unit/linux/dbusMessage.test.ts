import { describe, expect, it } from 'vitest';
import { setEngine } from '../../../src/engine/current.ts';
import { nodeEngine } from '../../../src/engine/node.ts';
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
});
