import { describe, expect, it } from 'vitest';
import {
  checkSeccomp,
  filterOf,
  planSeccompEarly,
  planSeccompLate,
} from '../../../../src/config/linux/seccomp.ts';
import type { Seccomp } from '../../../../src/generated/spec.ts';
import { contextOf, opsOf, specOfLinux, specOfProcess } from '../../context.ts';

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
      'SCMP_ACT_NOTIFY with nobody to notify',
      {
        defaultAction: 'SCMP_ACT_ERRNO',
        syscalls: [{ names: ['a'], action: 'SCMP_ACT_NOTIFY' }],
      },
      'syscalls/0/action',
    ],
    [
      'SCMP_ACT_NOTIFY as the default',
      { defaultAction: 'SCMP_ACT_NOTIFY', listenerPath: '/agent' },
      'defaultAction',
    ],
    [
      'SCMP_ACT_NOTIFY of write, by which the listener is handed over',
      {
        defaultAction: 'SCMP_ACT_ALLOW',
        listenerPath: '/agent',
        syscalls: [{ names: ['read', 'write'], action: 'SCMP_ACT_NOTIFY' }],
      },
      'syscalls/0',
    ],
    [
      'a relative listenerPath',
      { defaultAction: 'SCMP_ACT_ALLOW', listenerPath: 'agent' },
      'listenerPath',
    ],
    [
      'listenerMetadata for nobody',
      { defaultAction: 'SCMP_ACT_ALLOW', listenerMetadata: 'x' },
      'listenerMetadata',
    ],
  ] as const)('refuses %s', (_, seccomp, path) => {
    expect(checkSeccomp(specOfLinux({ seccomp }))).toMatchObject([
      { severity: 'error', path: `/linux/seccomp/${path}` },
    ]);
  });

  it('asks for a listener where a rule notifies, with the state for the agent', () => {
    const seccomp: Seccomp = {
      defaultAction: 'SCMP_ACT_ALLOW',
      flags: ['SECCOMP_FILTER_FLAG_TSYNC'],
      listenerPath: '/agent',
      listenerMetadata: 'opaque',
      syscalls: [{ names: ['mkdir'], action: 'SCMP_ACT_NOTIFY' }],
    };
    const [op] = opsOf(planSeccompEarly(contextOf(specOfLinux({ seccomp }))));
    // TSYNC, NEW_LISTENER, TSYNC_ESRCH
    expect(op).toMatchObject({ call: 'seccomp', flags: 0x1 | 0x8 | 0x10, agent: '/agent' });
    expect(op?.call === 'seccomp' && JSON.parse(op.state ?? '')).toMatchObject({
      fds: ['seccompFd'],
      pid: 0,
      metadata: 'opaque',
      state: { id: 'web', status: 'creating', pid: 0, bundle: '/bundle' },
    });
  });
  it.each([
    ['denied calls alone', false, PROFILE],
    ['every call', true, undefined],
  ])(
    'of a run that watches %s has a listener for its agent, announced before',
    (_, everything, seccomp) => {
      const watchSeccomp = { agent: '/run/agent', everything, killable: true };
      const context = contextOf({
        ...specOfProcess({ noNewPrivileges: true }),
        linux: seccomp === undefined ? {} : { seccomp },
      });
      const watched = { ...context, options: { ...context.options, watchSeccomp } };
      expect(planSeccompLate(watched)).toMatchObject([
        { actor: 'init', op: { call: 'announce_listener', agent: '/run/agent' } },
        { actor: 'init', op: { call: 'seccomp', flags: 4 | 8 | 32 } },
      ]);
      expect(planSeccompEarly(watched)).toEqual([]);
    },
  );
  it('that is not there denies nothing that could be watched', () => {
    const watchSeccomp = { agent: '/run/agent', everything: false, killable: true };
    const context = contextOf(specOfProcess({ noNewPrivileges: true }));
    const watched = { ...context, options: { ...context.options, watchSeccomp } };
    expect(planSeccompLate(watched)).toEqual([]);
  });
  it('waits killable where there is a listener, and says that the flag is for nothing else', () => {
    const flags = ['SECCOMP_FILTER_FLAG_LOG', 'SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV'] as const;
    const quiet: Seccomp = { defaultAction: 'SCMP_ACT_ALLOW', flags };
    expect(checkSeccomp(specOfLinux({ seccomp: quiet }))).toMatchObject([
      { severity: 'warning', path: '/linux/seccomp/flags/1' },
    ]);
    const [without] = opsOf(planSeccompEarly(contextOf(specOfLinux({ seccomp: quiet }))));
    expect(without).toMatchObject({ flags: 0x2 });
    const syscalls = [{ names: ['mkdir'], action: 'SCMP_ACT_NOTIFY' }] as const;
    const seccomp: Seccomp = { ...quiet, listenerPath: '/agent', syscalls };
    expect(checkSeccomp(specOfLinux({ seccomp }))).toEqual([]);
    const [op] = opsOf(planSeccompEarly(contextOf(specOfLinux({ seccomp }))));
    expect(op).toMatchObject({ flags: 0x2 | 0x8 | 0x20 });
  });
  it('asks for none where no rule does, whatever listens', () => {
    const seccomp: Seccomp = { defaultAction: 'SCMP_ACT_ALLOW', listenerPath: '/agent' };
    const [op] = opsOf(planSeccompEarly(contextOf(specOfLinux({ seccomp }))));
    expect(op).not.toHaveProperty('agent');
  });

  it('accepts a usual profile', () => {
    expect(checkSeccomp(specOfLinux({ seccomp: PROFILE }))).toEqual([]);
  });
});
