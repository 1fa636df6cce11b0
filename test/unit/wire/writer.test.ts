import { describe, expect, it } from 'vitest';
import { nodeEngine } from '../../../src/engine/node.ts';
import { newWriter, type Writer } from '../../../src/wire/writer.ts';

describe('Writer', () => {
  it.each([
    ['u8', 1, (writer: Writer) => writer.u8(0xa5)],
    ['u16', 2, (writer: Writer) => writer.u16(0xa5a5)],
    ['u32', 4, (writer: Writer) => writer.u32(0xa5a5_a5a5)],
    ['i32', 4, (writer: Writer) => writer.i32(0xa5a5_a5a5 - 2 ** 32)],
    ['u64', 8, (writer: Writer) => writer.u64(0xa5a5_a5a5_a5a5_a5a5n)],
    ['raw', 1, (writer: Writer) => writer.raw(Uint8Array.of(0xa5))],
  ] as const)('grows at every %s', (_, width, write) => {
    const writer = newWriter(nodeEngine().encodeInto);
    const count = 40_000 / width;
    for (let i = 0; i < count; i += 1) write(writer);
    expect(writer.finish()).toEqual(new Uint8Array(40_000).fill(0xa5));
  });
});
