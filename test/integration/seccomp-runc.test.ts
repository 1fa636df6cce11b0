/**
 * linux.seccomp: the filters that are in force on a container of tsrun and on one of runc, read back from the
 * kernel (PTRACE_SECCOMP_GET_FILTER), decide alike.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { SeccompArg, SeccompRule } from '../../src/generated/spec.ts';
import { PYTHON } from './attacks/victim.ts';
import type { Config } from './config.ts';
import { compareFilters, NUMBERS } from './filterPaths.ts';
import { isTsrun, TOP, useContainers } from './runtime.ts';

type Seccomp = NonNullable<Config['linux']['seccomp']>;

const t = useContainers();

const profileOf = (name: string): Seccomp => {
  const file = join(TOP, 'test/fixtures/real-configs', `${name}.json`);
  const config = JSON.parse(readFileSync(file, 'utf8')) as Config;
  if (config.linux.seccomp === undefined) throw new Error(`${name} has no profile`);
  return config.linux.seccomp;
};

/** The filter of a created container's init: without no_new_privs it is in force by then. */
function filterOf(pid: number): Uint8Array {
  const script = join(import.meta.dirname, 'filter.py');
  const { status, stdout, stderr } = spawnSync(PYTHON, [script, `${pid}`], { encoding: 'utf8' });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  return Buffer.from(stdout.trim(), 'hex');
}

function runc(...args: string[]): string {
  const root = join(t.directory, 'runc');
  mkdirSync(root, { recursive: true });
  const { status, stdout, stderr } = spawnSync('runc', ['--root', root, ...args], {
    encoding: 'utf8',
    // A created container keeps them.
    stdio: ['ignore', args[0] === 'state' ? 'pipe' : 'ignore', 'ignore'],
  });
  if (status !== 0) throw new Error(`runc ${args.join(' ')}: ${stderr}`);
  return stdout;
}

/** The two filters of one profile. */
function filters(seccomp: Seccomp): readonly [Uint8Array, Uint8Array] {
  const { id, bundle, result } = t.create((config) => {
    config.process.noNewPrivileges = false;
    config.linux.seccomp = seccomp;
  });
  expect(result).toMatchObject({ status: 0 });
  const ours = filterOf(t.state(id).pid);
  const other = `${id}-runc`;
  try {
    runc('create', '--bundle', bundle, other);
    const { pid } = JSON.parse(runc('state', other)) as { pid: number };
    return [ours, filterOf(pid)];
  } finally {
    runc('delete', '--force', other);
  }
}

describe.runIf(isTsrun)('linux.seccomp, as runc’s filter decides', () => {
  it.each(['docker-default', 'podman-default', 'podman-volumes', 'containerd-seccomp'])(
    'the profile of %s',
    (name) => {
      const { calls, differences } = compareFilters(...filters(profileOf(name)));
      expect(differences).toEqual([]);
      expect(calls).toBeGreaterThan(4 * 2 * NUMBERS);
    },
  );

  it('would not pass a filter that differs in one constant for one argument', () => {
    const [ours, runcs] = filters(profileOf('docker-default'));
    const view = new DataView(ours.buffer, ours.byteOffset, ours.byteLength);
    // personality(PER_LINUX32 | UNAME26)
    const at = Array.from({ length: ours.length / 8 }, (_, i) => 8 * i).filter(
      (i) => view.getUint16(i, true) === 0x15 && view.getUint32(i + 4, true) === 0x20008,
    );
    expect(at).not.toEqual([]);
    view.setUint32((at[0] ?? 0) + 4, 0x20009, true);
    expect(compareFilters(ours, runcs).differences).not.toEqual([]);
  });

  const arg = (op: SeccompArg['op'], index: number): SeccompArg => ({
    index,
    op,
    value: 0x1_0000_0010n,
    valueTwo: 0x10n,
  });
  const operators = ['NE', 'LT', 'LE', 'EQ', 'GE', 'GT', 'MASKED_EQ'] as const;
  const compared: readonly SeccompRule[] = operators.map((operator, i) => ({
    names: [['socket', 'bind', 'listen', 'shutdown', 'connect', 'getsockname', 'sendto'][i] ?? ''],
    action: 'SCMP_ACT_ERRNO',
    errnoRet: 20 + i,
    args: [arg(`SCMP_CMP_${operator}`, 0), arg('SCMP_CMP_EQ', 2)],
  }));
  const actions = ['KILL', 'KILL_THREAD', 'KILL_PROCESS', 'TRAP', 'TRACE', 'LOG'] as const;
  const acted: readonly SeccompRule[] = actions.map((action, i) => ({
    names: [['mkdir', 'rmdir', 'link', 'unlink', 'symlink', 'rename'][i] ?? '', 'no_such_call'],
    action: `SCMP_ACT_${action}`,
  }));
  const either: SeccompRule = {
    names: ['personality'],
    action: 'SCMP_ACT_ERRNO',
    args: [arg('SCMP_CMP_EQ', 0), { ...arg('SCMP_CMP_LT', 0), value: 5 }],
  };
  it.each([
    ['every operator', [...compared, either]],
    ['every action', acted],
    ['nothing', []],
    [
      'one call, its arguments deciding between actions',
      [
        {
          names: ['clone'],
          action: 'SCMP_ACT_ERRNO',
          errnoRet: 38,
          args: [arg('SCMP_CMP_MASKED_EQ', 0)],
        },
        { names: ['clone'], action: 'SCMP_ACT_TRAP', args: [arg('SCMP_CMP_EQ', 1)] },
        { names: ['clone'], action: 'SCMP_ACT_LOG', args: [arg('SCMP_CMP_GT', 5)] },
      ],
    ],
    [
      'the largest and smallest values',
      (['EQ', 'GE', 'LE'] as const).map((operator, i) => ({
        names: [['ioctl', 'fcntl', 'lseek'][i] ?? ''],
        action: 'SCMP_ACT_ERRNO',
        errnoRet: 4094,
        args: [
          { index: 1, op: `SCMP_CMP_${operator}`, value: 0xffff_ffff_ffff_ffffn },
          { index: 5, op: 'SCMP_CMP_NE', value: 0n },
        ],
      })),
    ],
  ] as [string, SeccompRule[]][])('a profile of %s over what it allows', (_, syscalls) => {
    const seccomp = { defaultAction: 'SCMP_ACT_ALLOW', syscalls: [...syscalls] } as Seccomp;
    expect(compareFilters(...filters(seccomp)).differences).toEqual([]);
  });
  it.each([
    ['SCMP_ACT_ERRNO', 38],
    ['SCMP_ACT_ERRNO', 0],
    ['SCMP_ACT_KILL_PROCESS', undefined],
    ['SCMP_ACT_TRAP', undefined],
    ['SCMP_ACT_TRACE', 7],
    ['SCMP_ACT_LOG', undefined],
  ] as const)('a list of what is allowed, else %s %s', (defaultAction, defaultErrnoRet) => {
    const { defaultErrnoRet: _, ...profile } = profileOf('podman-default');
    const seccomp: Seccomp = {
      ...profile,
      defaultAction,
      ...(defaultErrnoRet === undefined ? {} : { defaultErrnoRet }),
    };
    expect(compareFilters(...filters(seccomp)).differences).toEqual([]);
  });
  it.each([
    ['one architecture', ['SCMP_ARCH_X86_64']],
    ['those of the same numbers', ['SCMP_ARCH_X86_64', 'SCMP_ARCH_X32']],
    ['another family', ['SCMP_ARCH_X86_64', 'SCMP_ARCH_AARCH64', 'SCMP_ARCH_ARM']],
  ] as const)('a list of what is allowed, for %s', (_, architectures) => {
    const allowed = profileOf('docker-default').syscalls?.slice(0, 1) ?? [];
    const seccomp: Seccomp = {
      defaultAction: 'SCMP_ACT_ERRNO',
      architectures: [...architectures],
      syscalls: allowed,
    };
    expect(compareFilters(...filters(seccomp)).differences).toEqual([]);
  });
});
