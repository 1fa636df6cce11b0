import { describe, expect, it } from 'vitest';
import {
  checkSeccomp,
  filterOf,
  planSeccompEarly,
  planSeccompLate,
} from '../../../../src/config/linux/seccomp.ts';
import type { Seccomp } from '../../../../src/generated/spec.ts';
import { contextOf, specOfLinux, specOfProcess } from '../../context.ts';

const PROFILE: Seccomp = {
  defaultAction: 'SCMP_ACT_ERRNO',
  syscalls: [{ names: ['read'], action: 'SCMP_ACT_ALLOW' }],
};

const FILTER = {
  architectures: [],
  action: 0x50001,
  rules: [{ names: ['read'], action: 0x7fff0000, conditions: [] }],
  known: ['read'],
};

const contextWith = (seccomp: Seccomp, noNewPrivileges: boolean) =>
  contextOf({ ...specOfProcess({ noNewPrivileges }), linux: { seccomp } });

describe('linux.seccomp', () => {
  it('is planned in the terms of libseccomp', () => {
    const arg = { index: 2, value: 2 ** 40, valueTwo: 5n, op: 'SCMP_CMP_MASKED_EQ' } as const;
    expect(
      filterOf({
        defaultAction: 'SCMP_ACT_ERRNO',
        defaultErrnoRet: 38,
        architectures: ['SCMP_ARCH_X86_64', 'SCMP_ARCH_AARCH64'],
        syscalls: [
          { names: ['read', 'write'], action: 'SCMP_ACT_TRACE', errnoRet: 7, args: [arg] },
          { names: ['clone3'], action: 'SCMP_ACT_ERRNO', errnoRet: 38 },
        ],
      }),
    ).toEqual({
      architectures: ['x86_64', 'aarch64'],
      action: 0x50026,
      rules: [
        {
          names: ['read', 'write'],
          action: 0x7ff00007,
          conditions: [{ index: 2, operator: 7, value: 2n ** 40n, valueTwo: 5n }],
        },
      ],
      known: [],
    });
  });

  it('comes early without no_new_privs and late with it, never twice', () => {
    const step = {
      actor: 'init',
      origin: '/linux/seccomp',
      op: { call: 'seccomp', flags: 4, filter: FILTER },
    };
    const without = contextWith(PROFILE, false);
    expect([planSeccompEarly(without), planSeccompLate(without)]).toEqual([[step], []]);
    const withIt = contextWith(PROFILE, true);
    expect([planSeccompEarly(withIt), planSeccompLate(withIt)]).toEqual([[], [step]]);
  });

  it('is left alone when absent', () => {
    expect(planSeccompEarly(contextOf(specOfLinux({})))).toEqual([]);
  });

  it.each([
    [[], 0],
    [['SECCOMP_FILTER_FLAG_LOG'], 2],
    [['SECCOMP_FILTER_FLAG_TSYNC', 'SECCOMP_FILTER_FLAG_SPEC_ALLOW'], 5],
  ] as const)('passes the flags %j', (flags, number) => {
    const steps = planSeccompEarly(contextWith({ ...PROFILE, flags }, false));
    expect(steps).toMatchObject([{ op: { flags: number } }]);
  });

  it.each([
    [
      'an errno for an action without',
      { defaultAction: 'SCMP_ACT_KILL', defaultErrnoRet: 1 },
      'defaultErrnoRet',
    ],
    [
      'what is no errno',
      { defaultAction: 'SCMP_ACT_ERRNO', defaultErrnoRet: 4096 },
      'defaultErrnoRet',
    ],
    [
      'the same in a rule',
      {
        defaultAction: 'SCMP_ACT_ERRNO',
        syscalls: [{ names: ['a'], action: 'SCMP_ACT_ALLOW', errnoRet: 1 }],
      },
      'syscalls/0/errnoRet',
    ],
    [
      'SCMP_ACT_NOTIFY, not carried out yet',
      {
        defaultAction: 'SCMP_ACT_ERRNO',
        syscalls: [{ names: ['a'], action: 'SCMP_ACT_NOTIFY' }],
      },
      'syscalls/0/action',
    ],
  ] as const)('refuses %s', (_, seccomp, path) => {
    expect(checkSeccomp(specOfLinux({ seccomp }))).toMatchObject([
      { severity: 'error', path: `/linux/seccomp/${path}` },
    ]);
  });

  it('accepts a usual profile', () => {
    expect(checkSeccomp(specOfLinux({ seccomp: PROFILE }))).toEqual([]);
  });
});
