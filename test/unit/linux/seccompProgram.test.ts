import { beforeAll, describe, expect, it } from 'vitest';
import { filterOf } from '../../../src/config/linux/seccomp.ts';
import { setEngine } from '../../../src/engine/current.ts';
import { nodeEngine } from '../../../src/engine/node.ts';
import type { Seccomp } from '../../../src/generated/spec.ts';
import { LISTENER_MARKER, SECCOMP_RET_USER_NOTIF } from '../../../src/linux/constants/seccomp.ts';
import { compileFilter } from '../../../src/linux/seccompFilter.ts';
import {
  actionOf,
  dataOf,
  decide,
  isMarker,
  notifyingProgram,
} from '../../../src/linux/seccompProgram.ts';
import { interpret, viewOf } from './bpf.ts';

beforeAll(() => setEngine(nodeEngine()));

const X86_64 = 0xc000_003e;
const ALLOW = 0x7fff_0000;
const SECCOMP = 317;

const PROFILE: Seccomp = {
  defaultAction: 'SCMP_ACT_ERRNO',
  defaultErrnoRet: 7,
  architectures: ['SCMP_ARCH_X86_64'],
  syscalls: [
    { names: ['read', 'write', 'close', 'openat', 'faccessat2'], action: 'SCMP_ACT_ALLOW' },
    { names: ['mkdir'], action: 'SCMP_ACT_KILL_PROCESS' },
    { names: ['rmdir'], action: 'SCMP_ACT_KILL_THREAD' },
    { names: ['chmod'], action: 'SCMP_ACT_TRAP' },
    { names: ['chown'], action: 'SCMP_ACT_LOG' },
    { names: ['link'], action: 'SCMP_ACT_TRACE', errnoRet: 9 },
    {
      names: ['socket'],
      action: 'SCMP_ACT_ALLOW',
      args: [
        { index: 0, value: 16, op: 'SCMP_CMP_NE' },
        { index: 1, value: 0xff, valueTwo: 2, op: 'SCMP_CMP_MASKED_EQ' },
        { index: 2, value: 2 ** 40, op: 'SCMP_CMP_GE' },
      ],
    },
  ],
};

function dataFor(nr: number, args: readonly bigint[] = [], arch = X86_64): DataView {
  const data = new DataView(new ArrayBuffer(64));
  data.setUint32(0, nr, true);
  data.setUint32(4, arch, true);
  for (const [i, value] of args.entries()) data.setBigUint64(16 + 8 * i, value, true);
  return data;
}

/** Every call there is, and those that its arguments decide about. */
const CALLS: readonly DataView[] = [
  ...Array.from({ length: 500 }, (_, nr) => dataFor(nr)),
  dataFor(0x4000_0000 + 83),
  dataFor(83, [], 0x4000_0003),
  ...[1n, 16n].flatMap((family) =>
    [2n, 0x102n, 3n].flatMap((type) =>
      [0n, 1n << 40n].map((protocol) => dataFor(41, [family, type, protocol])),
    ),
  ),
];

describe('a compiled seccomp filter', () => {
  it('decides what an interpreter of classic BPF says, for every call', () => {
    const program = compileFilter(filterOf(PROFILE));
    const decisions = CALLS.map((data) => decide(program, data));
    expect(decisions).toEqual(CALLS.map((data) => interpret(viewOf(program), data)));
    expect(new Set(decisions.map(actionOf)).size).toBe(7);
    expect(decisions.some((decision) => dataOf(decision) === 7)).toBe(true);
  });

  it('asks its agent instead of what it denies or logs, and about nothing else', () => {
    const program = compileFilter(filterOf(PROFILE));
    const asking = notifyingProgram(program, false, SECCOMP);
    for (const data of CALLS) {
      const before = decide(program, data);
      const isLeft = actionOf(before) === ALLOW || actionOf(before) === 0x7ff0_0000;
      expect(interpret(viewOf(asking), data)).toBe(isLeft ? before : SECCOMP_RET_USER_NOTIF);
    }
  });

  it('asks about everything where all is to be learnt', () => {
    const asking = notifyingProgram(compileFilter(filterOf(PROFILE)), true, SECCOMP);
    for (const data of CALLS) expect(interpret(viewOf(asking), data)).toBe(SECCOMP_RET_USER_NOTIF);
  });

  it('always asks by the call of announce_listener, which no program makes', () => {
    const allowing = compileFilter(filterOf({ defaultAction: 'SCMP_ACT_ALLOW' }));
    const asking = viewOf(notifyingProgram(allowing, false, SECCOMP));
    const marker = dataFor(SECCOMP, [BigInt(LISTENER_MARKER)]);
    expect(interpret(asking, marker)).toBe(SECCOMP_RET_USER_NOTIF);
    expect(isMarker(marker, SECCOMP)).toBe(true);
    for (const other of [dataFor(SECCOMP, [1n]), dataFor(SECCOMP + 1, [BigInt(LISTENER_MARKER)])]) {
      expect(interpret(asking, other)).toBe(ALLOW);
      expect(isMarker(other, SECCOMP)).toBe(false);
    }
  });

  it('of another compiler is refused, and one without an end', () => {
    expect(() => decide(new Uint8Array(8).fill(0xff), dataFor(0))).toThrow(RangeError);
    expect(() => decide(new Uint8Array(0), dataFor(0))).toThrow(RangeError);
  });
});
