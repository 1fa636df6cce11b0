import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { filterOf } from '../../../src/config/linux/seccomp.ts';
import { setEngine } from '../../../src/engine/current.ts';
import { nodeEngine } from '../../../src/engine/node.ts';
import type { Seccomp, SeccompArg, SeccompRule, Spec } from '../../../src/generated/spec.ts';
import { compileFilter } from '../../../src/linux/seccompFilter.ts';
import { decide, type SystemCall } from './bpf.ts';

beforeAll(() => setEngine(nodeEngine()));

const X86_64 = 0xc000_003e;
const X86 = 0x4000_0003;
const AARCH64 = 0xc000_00b7;

const ALLOW = 0x7fff_0000;
const LOG = 0x7ffc_0000;
const KILL_THREAD = 0;
const KILL_PROCESS = 0x8000_0000;
const errno = (number: number) => 0x0005_0000 | number;
const EPERM = errno(1);
const ENOSYS = errno(38);

// Numbers of x86-64; the filters below name its architecture, whatever machine compiles them.
const READ = 0;
const WRITE = 1;
const SOCKET = 41;
const OPENAT2 = 437;

const rule = (names: readonly string[], args?: readonly SeccompArg[]): SeccompRule => ({
  names,
  action: 'SCMP_ACT_ALLOW',
  ...(args === undefined ? {} : { args }),
});

const profile = (syscalls: readonly SeccompRule[], more: Partial<Seccomp> = {}): Seccomp => ({
  defaultAction: 'SCMP_ACT_ERRNO',
  architectures: ['SCMP_ARCH_X86_64'],
  syscalls,
  ...more,
});

/** What a profile's filter decides about calls, in their order. */
function decisions(seccomp: Seccomp, ...calls: readonly (Partial<SystemCall> & { nr: number })[]) {
  const program = compileFilter(filterOf(seccomp));
  return calls.map((call) => decide(program, { arch: X86_64, ...call }));
}

describe('linux.seccomp, compiled', () => {
  it('allows what is named and refuses the rest with EPERM', () => {
    const calls = [{ nr: READ }, { nr: WRITE }, { nr: OPENAT2 }];
    expect(decisions(profile([rule(['read', 'openat2'])]), ...calls)).toEqual([
      ALLOW,
      EPERM,
      ALLOW,
    ]);
  });

  it('answers ENOSYS for system calls newer than all it names', () => {
    const seccomp = profile([rule(['read', 'openat2'])]);
    expect(decisions(seccomp, { nr: OPENAT2 - 1 }, { nr: OPENAT2 + 1 })).toEqual([EPERM, ENOSYS]);
  });

  it.each([
    ['the default lets pass', { defaultAction: 'SCMP_ACT_ALLOW' }, ALLOW],
    ['the default only logs', { defaultAction: 'SCMP_ACT_LOG' }, LOG],
    ['the default is ENOSYS', { defaultErrnoRet: 38 }, ENOSYS],
    ['nothing is named', { syscalls: [] }, EPERM],
  ] as const)('leaves them to the default where %s', (_, more, action) => {
    const deny: SeccompRule = { names: ['read'], action: 'SCMP_ACT_KILL_PROCESS' };
    expect(decisions(profile([deny], more), { nr: 999 })).toEqual([action]);
  });

  it.each([
    ['SCMP_ACT_KILL', undefined, KILL_THREAD],
    ['SCMP_ACT_KILL_THREAD', undefined, KILL_THREAD],
    ['SCMP_ACT_KILL_PROCESS', undefined, KILL_PROCESS],
    ['SCMP_ACT_TRAP', undefined, 0x0003_0000],
    ['SCMP_ACT_ERRNO', undefined, EPERM],
    ['SCMP_ACT_ERRNO', 22, errno(22)],
    ['SCMP_ACT_ERRNO', 0, errno(0)],
    ['SCMP_ACT_TRACE', undefined, 0x7ff0_0001],
    ['SCMP_ACT_TRACE', 7, 0x7ff0_0007],
    ['SCMP_ACT_LOG', undefined, LOG],
  ] as const)('does %s with errno %s', (action, errnoRet, expected) => {
    const one = { names: ['read'], action, ...(errnoRet === undefined ? {} : { errnoRet }) };
    const seccomp = profile([one], { defaultAction: 'SCMP_ACT_ALLOW' });
    expect(decisions(seccomp, { nr: READ }, { nr: WRITE })).toEqual([expected, ALLOW]);
  });

  const ARGUMENT = 0x1_0000_0002n;
  it.each([
    ['SCMP_CMP_NE', ARGUMENT, false, true, true],
    ['SCMP_CMP_LT', ARGUMENT, false, true, false],
    ['SCMP_CMP_LE', ARGUMENT, true, true, false],
    ['SCMP_CMP_EQ', ARGUMENT, true, false, false],
    ['SCMP_CMP_GE', ARGUMENT, true, false, true],
    ['SCMP_CMP_GT', ARGUMENT, false, false, true],
  ] as const)('compares 64 bits by %s', (op, value, ...passes) => {
    const seccomp = profile([rule(['socket', 'openat2'], [{ index: 1, op, value }])]);
    const calls = [ARGUMENT, 3n, 0x2_0000_0000n].map((arg) => ({ nr: SOCKET, args: [0n, arg] }));
    expect(decisions(seccomp, ...calls)).toEqual(passes.map((pass) => (pass ? ALLOW : EPERM)));
  });

  it('compares the bits of a mask: value masks, valueTwo is what must be left', () => {
    const masked = { index: 0, op: 'SCMP_CMP_MASKED_EQ', value: 0xf0n, valueTwo: 0x20n } as const;
    const seccomp = profile([rule(['socket', 'openat2'], [masked])]);
    const calls = [0x2fn, 0x20n, 0x30n].map((arg) => ({ nr: SOCKET, args: [arg] }));
    expect(decisions(seccomp, ...calls)).toEqual([ALLOW, ALLOW, EPERM]);
  });

  it('wants all conditions of a rule, but one is enough where two are about one argument', () => {
    const is = (index: number, value: number): SeccompArg => ({ index, op: 'SCMP_CMP_EQ', value });
    const calls = [
      { nr: SOCKET, args: [1n, 2n] },
      { nr: SOCKET, args: [1n, 3n] },
      { nr: SOCKET, args: [2n, 3n] },
    ];
    const all = profile([rule(['socket', 'openat2'], [is(0, 1), is(1, 2)])]);
    expect(decisions(all, ...calls)).toEqual([ALLOW, EPERM, EPERM]);
    const any = profile([rule(['socket', 'openat2'], [is(0, 1), is(0, 2)])]);
    expect(decisions(any, ...calls)).toEqual([ALLOW, ALLOW, ALLOW]);
  });

  it('leaves out names nobody knows and rules that say what the default says', () => {
    const same: SeccompRule = { names: ['write'], action: 'SCMP_ACT_ERRNO', errnoRet: 1 };
    const seccomp = profile([rule(['read', 'no_such_call', 'openat2']), same]);
    expect(decisions(seccomp, { nr: READ }, { nr: WRITE })).toEqual([ALLOW, EPERM]);
  });

  it('knows a name by each architecture’s number and kills on one that is not listed', () => {
    const seccomp = profile([rule(['read', 'openat2'])], {
      architectures: ['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86'],
    });
    expect(
      decisions(
        seccomp,
        { nr: 3, arch: X86 },
        { nr: 0, arch: X86 },
        { nr: 438, arch: X86 },
        { nr: READ, arch: AARCH64 === nativeArch() ? 0x1234 : AARCH64 },
      ),
    ).toEqual([ALLOW, EPERM, ENOSYS, KILL_THREAD]);
  });

  it('tells x32 from x86-64, whose architecture it shares', () => {
    const X32 = 0x4000_0000;
    const seccomp = profile([rule(['read', 'openat2'])], {
      architectures: ['SCMP_ARCH_X86_64', 'SCMP_ARCH_X32'],
    });
    expect(
      decisions(seccomp, { nr: X32 }, { nr: X32 + 1 }, { nr: X32 + 438 }, { nr: OPENAT2 + 1 }),
    ).toEqual([ALLOW, EPERM, ENOSYS, ENOSYS]);
  });

  it('kills on x32’s calls where x32 is not listed', () => {
    const X32 = 0x4000_0000;
    expect(decisions(profile([rule(['read', 'openat2'])]), { nr: X32 }, { nr: X32 + 438 })).toEqual(
      [KILL_THREAD, KILL_THREAD],
    );
  });

  it.each(['docker-default', 'podman-default', 'containerd-seccomp'])(
    'compiles the profile of %s to a filter the kernel takes',
    (name) => {
      const file = new URL(`../../fixtures/real-configs/${name}.json`, import.meta.url);
      const spec: Spec = JSON.parse(readFileSync(file, 'utf8'));
      const program = compileFilter(filterOf(spec.linux?.seccomp ?? profile([])));
      expect(program.length % 8).toBe(0);
      // BPF_MAXINSNS
      expect(program.length / 8).toBeLessThanOrEqual(4096);
      const all = Array.from({ length: 500 }, (_, nr) => decide(program, { nr, arch: X86_64 }));
      expect(all[READ]).toBe(ALLOW);
      // kexec_load(2) is for nobody.
      expect(all[246]).toBe(EPERM);
      expect(all[499]).toBe(ENOSYS);
    },
  );
});

const nativeArch = () => (process.arch === 'arm64' ? AARCH64 : X86_64);
