import { describe, expect, it } from 'vitest';
import { nodeEngine } from '../../../src/engine/node.ts';
import { OPS, WIRE_VERSION } from '../../../src/generated/ops.ts';
import { type Op, type Plan, type Step, step } from '../../../src/plan/step.ts';
import { type EncodeOptions, encodePlan } from '../../../src/wire/encode.ts';

const none: EncodeOptions = {
  machine: 'x86_64',
  encodeSteps: nodeEngine().encodeSteps,
  compileFilter: ({ action }) => Uint8Array.of(0xf1, action),
  filled: new Map(),
};
const encode = (steps: readonly Step[], options = none) => encodePlan({ steps }, options);
const setsid: Op = { call: 'setsid' };

/** The numbers of one encoded plan, read back by offset. */
function reader({ bytes }: { readonly bytes: Uint8Array }) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return {
    u32: (at: number) => view.getUint32(at, true),
    i32: (at: number) => view.getInt32(at, true),
    u16: (at: number) => view.getUint16(at, true),
    u8: (at: number) => view.getUint8(at),
    u64: (at: number) => view.getBigUint64(at, true),
    text: (at: number, length: number) => new TextDecoder().decode(bytes.subarray(at, at + length)),
  };
}

/** The yield flag of every step of the executor. */
function yields(plan: Plan): readonly boolean[] {
  const { u32, u8 } = reader(encodePlan(plan, none));
  const flags: boolean[] = [];
  let at = 24;
  for (let count = u32(12); count > 0; count -= 1) {
    flags.push((u8(at + 7) & 1) === 1);
    at += u32(at);
  }
  return flags;
}

describe('the header', () => {
  it('holds magic, version, length in bytes, steps, slots and inherited', () => {
    const encoded = encode([step('init', '', setsid), step('init', '', setsid)]);
    const { u32, text } = reader(encoded);
    expect(text(0, 4)).toBe('TSRN');
    expect([4, 8, 12, 16, 20].map(u32)).toEqual([WIRE_VERSION, encoded.bytes.length, 2, 0, 0]);
  });
  it('names the descriptors that fill slots the executor uses, and no others', () => {
    const steps = [
      step('init', '', { call: 'accept', socket: 'start' }),
      step('init', '', { call: 'fchdir', fd: 'root' }),
    ];
    const filled = new Map([
      ['start', 7],
      ['pidfd', 9],
    ]);
    const encoded = encode(steps, { ...none, filled });
    const { u32, i32 } = reader(encoded);
    expect(encoded.inherited).toEqual(['start']);
    expect([u32(16), u32(20), u32(24), i32(28)]).toEqual([2, 1, 0, 7]);
  });
});

describe('a step', () => {
  it('holds its length, opcode, actor, flags and place in the whole plan', () => {
    const { u32, u16, u8 } = reader(
      encode([
        step('runtime', '', { call: 'save_state', status: 'creating' }),
        step('outer', '', { call: 'unshare', flags: 0x20000 }),
      ]),
    );
    expect(u32(24)).toBe(20);
    expect(u16(28)).toBe(OPS.unshare.opcode);
    expect([u8(30), u8(31)]).toEqual([1, 0]);
    expect([u32(32), u32(36), u32(40)]).toEqual([1, 0, 0x20000]);
  });
  it('lists the errno it ignores, and says whether to warn', () => {
    const extra = { ignore: ['ENOSYS', 'EPERM'], warn: true } as const;
    const { u32, i32, u8 } = reader(encode([step('init', '', setsid, extra)]));
    expect(u8(31)).toBe(2);
    expect([u32(36), i32(40), i32(44)]).toEqual([2, 38, 1]);
  });
  it('is refused when its actor does not perform it', () => {
    expect(() => encode([step('outer', '', setsid)])).toThrow(RangeError);
  });
});

describe('yielding to the runtime', () => {
  const runtime = step('runtime', '', { call: 'save_state', status: 'created' });
  const outer = step('outer', '', { call: 'clone3', flags: 0n });
  const init = step('init', '', setsid);
  it('comes before a step behind steps of the runtime', () => {
    expect(yields({ steps: [outer, runtime, init, init] })).toEqual([false, true, false]);
  });
  it('does not come before the first step: the executor is started behind what precedes it', () => {
    expect(yields({ steps: [runtime, outer, init] })).toEqual([false, false]);
  });
});

describe('fields', () => {
  const fields = (op: Op, options?: EncodeOptions) => {
    const encoded = encode([step('init', '', op)], options);
    return [...encoded.bytes.subarray(40)];
  };
  it('write a text with its length, NUL included', () => {
    expect(fields({ call: 'sethostname', name: 'ä€𝄞' })).toEqual([
      ...[10, 0, 0, 0],
      ...[0xc3, 0xa4, 0xe2, 0x82, 0xac, 0xf0, 0x9d, 0x84, 0x9e, 0],
    ]);
  });
  it('write an absent text as length 0, an empty one as its NUL', () => {
    const absent = { call: 'find_executable', file: '' } as const;
    expect(fields(absent)).toEqual([1, 0, 0, 0, 0, 0, 0, 0, 0]);
    expect(fields({ ...absent, search: '' })).toEqual([1, 0, 0, 0, 0, 1, 0, 0, 0, 0]);
  });
  it('write u64 exactly', () => {
    const limits = { call: 'prlimit', resource: 7, soft: 1n, hard: 2n ** 64n - 1n } as const;
    expect(fields(limits).slice(8)).toEqual([1, 0, 0, 0, 0, 0, 0, 0, ...Array(8).fill(255)]);
  });
  it('write an absent slot as 0xffffffff', () => {
    const move: Op = { call: 'move_mount', from: 'a' };
    expect(fields(move).slice(0, 8)).toEqual([0, 0, 0, 0, 255, 255, 255, 255]);
  });
  it('write lists and bytes with their count', () => {
    expect(fields({ call: 'setgroups', gids: [1, 65536] })).toEqual([
      ...[2, 0, 0, 0],
      ...[1, 0, 0, 0],
      ...[0, 0, 1, 0],
    ]);
    const mask = Uint8Array.of(0xff, 0x01);
    expect(fields({ call: 'sched_setaffinity', mask })).toEqual([2, 0, 0, 0, 0xff, 0x01]);
    expect(fields({ call: 'execve', args: ['a'], env: [] })).toEqual([
      ...[1, 0, 0, 0],
      ...[2, 0, 0, 0, 97, 0],
      ...[0, 0, 0, 0],
    ]);
  });
  it('compile a filter on the way', () => {
    const filter = { architectures: [], action: 7, rules: [], known: [] };
    expect(fields({ call: 'seccomp', flags: 4, filter })).toEqual([
      ...[4, 0, 0, 0],
      ...[2, 0, 0, 0, 0xf1, 7],
      // Neither agent nor state.
      ...[0, 0, 0, 0],
      ...[0, 0, 0, 0],
    ]);
  });
  it('number the flags of open as the machine does', () => {
    const flags = 0x10000; // O_DIRECTORY
    const open: Op = { call: 'openat', path: '', flags, mode: 0, out: 'a' };
    expect(fields(open).slice(9, 13)).toEqual([0, 0, 1, 0]);
    expect(fields(open, { ...none, machine: 'aarch64' }).slice(9, 13)).toEqual([0, 0x40, 0, 0]);
  });

  const bad: readonly (readonly [string, Op])[] = [
    ['a u32 above 2^32', { call: 'umask', mask: 2 ** 32 }],
    ['a fraction', { call: 'umask', mask: 0.5 }],
    ['a negative u32', { call: 'umask', mask: -1 }],
    ['a u64 above 2^64', { call: 'cap_ambient', set: 2n ** 64n }],
    ['a text with NUL', { call: 'sethostname', name: 'a\0b' }],
    ['half a surrogate pair', { call: 'sethostname', name: '\ud800' }],
  ];
  it.each(bad)('refuse %s', (_, op) => {
    expect(() => fields(op)).toThrow(RangeError);
  });
});
