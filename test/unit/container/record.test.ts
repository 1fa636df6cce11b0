import { describe, expect, it } from 'vitest';
import { parseRecord, printRecord, type StateRecord } from '../../../src/container/record.ts';
import { step } from '../../../src/plan/step.ts';

const record: StateRecord = {
  id: 'web',
  ociVersion: '1.3.0',
  status: 'created',
  init_process_pid: 42,
  init_process_start: 123456,
  created: '2026-01-02T03:04:05.000000006Z',
  bundle: '/bundle',
  rootfs: '/bundle/rootfs',
  uid: 0,
  annotations: { 'org.example': '', filter: 'mine' },
  cgroup_paths: ['/sys/fs/cgroup/web'],
  freezer: '/sys/fs/cgroup/web',
  shares_pid_namespace: false,
  no_new_keyring: false,
  behind_accept: { first: 9, steps: [step('init', '/process/args', { call: 'setsid' })] },
  poststart: [],
  poststop: [],
};

describe('state.json', () => {
  it('is read as it was written', () => {
    expect(parseRecord(printRecord(record))).toEqual(record);
  });
  it('leaves out what of a step no message shows: filters, bytes and 64-bit numbers', () => {
    const filter = { architectures: [], action: 0, rules: [], known: [] };
    const steps = [
      step('init', '', { call: 'seccomp', flags: 0, filter }),
      step('init', '', { call: 'sched_setaffinity', mask: new Uint8Array(8) }),
      step('init', '', { call: 'cap_ambient', set: 1n }),
    ];
    const text = printRecord({ ...record, behind_accept: { first: 0, steps } });
    expect(JSON.parse(text).behind_accept.steps).toEqual([
      { actor: 'init', origin: '', op: { call: 'seccomp', flags: 0 } },
      { actor: 'init', origin: '', op: { call: 'sched_setaffinity' } },
      { actor: 'init', origin: '', op: { call: 'cap_ambient' } },
    ]);
  });

  const { cgroup_paths: _, ...withoutCgroups } = record;
  it.each([
    ['empty', ''],
    ['cut', printRecord(record).slice(0, -1)],
    ['no object', '[]'],
    ['of another program', '{"id":"web"}'],
    ['without a member', JSON.stringify(withoutCgroups)],
    ['with a member of another type', JSON.stringify({ ...record, init_process_pid: '42' })],
  ])('is no container when it is %s', (_what, text) => {
    expect(parseRecord(text)).toBeUndefined();
  });
});
