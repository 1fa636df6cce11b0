import { describe, expect, it } from 'vitest';
import {
  capabilityNumber,
  checkCapabilities,
  planBoundingSet,
  planCapabilities,
  planKeepCapabilities,
} from '../../../../src/config/process/capabilities.ts';
import { contextOf, opsOf, specOf, specOfProcess } from '../../context.ts';

const KILL = 1n << 5n;
const RESTORE = 1n << 40n;

describe('process.capabilities', () => {
  it('knows numbers by name', () => {
    expect(
      ['CAP_CHOWN', 'CAP_KILL', 'CAP_CHECKPOINT_RESTORE', 'kill'].map(capabilityNumber),
    ).toEqual([0, 5, 40, undefined]);
  });

  it('are all empty when absent, as with runc', () => {
    expect(opsOf(planBoundingSet(contextOf(specOf({}))))).toEqual([
      { call: 'capbset_drop', keep: 0n },
    ]);
    expect(opsOf(planCapabilities(contextOf(specOf({}))))).toEqual([
      { call: 'capset', effective: 0n, permitted: 0n, inheritable: 0n },
      { call: 'cap_ambient', set: 0n },
    ]);
  });

  const both = ['CAP_KILL', 'CAP_CHECKPOINT_RESTORE'];
  const spec = specOfProcess({
    capabilities: {
      bounding: both,
      permitted: both,
      effective: ['CAP_KILL'],
      inheritable: ['CAP_KILL'],
      ambient: both,
    },
  });

  it('become masks; ambient only what is permitted and inheritable', () => {
    expect(opsOf(planBoundingSet(contextOf(spec)))).toEqual([
      { call: 'capbset_drop', keep: KILL | RESTORE },
    ]);
    expect(opsOf(planCapabilities(contextOf(spec)))).toEqual([
      { call: 'capset', effective: KILL, permitted: KILL | RESTORE, inheritable: KILL },
      { call: 'cap_ambient', set: KILL },
    ]);
  });

  it('warns in the log of names this kernel does not know, and goes on without', () => {
    const context = contextOf(spec, { host: { lastCap: 37 } });
    expect(planBoundingSet(context)).toMatchObject([
      { op: { call: 'prctl', option: 23, arg2: 40n }, ignore: ['EINVAL'], warn: true },
      { op: { call: 'capbset_drop', keep: KILL } },
    ]);
    expect(opsOf(planCapabilities(context))[0]).toMatchObject({ permitted: KILL });
  });

  it('survive the change to another user, and need not for root', () => {
    const user = contextOf(specOfProcess({ user: { uid: 1 } }));
    expect(opsOf(planKeepCapabilities(user))).toMatchObject([
      { call: 'prctl', option: 8, arg2: 1n },
    ]);
    expect(planKeepCapabilities(contextOf(specOf({})))).toEqual([]);
  });

  it.each([
    ['warning', 'an unknown name', { permitted: ['CAP_FLY'] }, 'permitted/0'],
    ['error', 'effective without permitted', { effective: ['CAP_KILL'] }, 'effective/0'],
    [
      'warning',
      'ambient without inheritable',
      { permitted: ['CAP_KILL'], ambient: ['CAP_KILL'] },
      'ambient',
    ],
  ])('gives a %s for %s', (severity, _, capabilities, path) => {
    expect(checkCapabilities(specOfProcess({ capabilities }))).toMatchObject([
      { severity, path: `/process/capabilities/${path}` },
    ]);
  });
});
