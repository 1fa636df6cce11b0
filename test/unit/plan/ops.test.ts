import { describe, expect, it } from 'vitest';
import { OPS } from '../../../src/generated/ops.ts';

describe('the operation table', () => {
  it('gives every operation an opcode of its own', () => {
    const opcodes = Object.values(OPS).map((shape) => shape.opcode);
    expect(new Set(opcodes).size).toBe(opcodes.length);
  });
});
