import { describe, expect, it } from 'vitest';
import { OPS } from '../../../src/generated/ops.ts';
import { formatNumber } from '../../../src/plan/constantNames.ts';

describe('formatNumber', () => {
  it.each([
    ['O_', 0, 'O_RDONLY'],
    ['O_', 0x90000, 'O_RDONLY|O_DIRECTORY|O_CLOEXEC'],
    ['O_', 0x210000, 'O_DIRECTORY|O_PATH'],
    ['O_', 0x101001, 'O_WRONLY|O_SYNC'],
    ['O_', 0x2, 'O_RDWR'],
    ['MS_', 0n, '0'],
    ['MS_', 0x6n, 'MS_NOSUID|MS_NODEV'],
    ['MS_', 0x80000002n, 'MS_NOSUID|0x80000000'],
    ['MOUNT_ATTR_', 0x70n, 'MOUNT_ATTR__ATIME'],
    ['MOUNT_ATTR_', 0x11n, 'MOUNT_ATTR_RDONLY|MOUNT_ATTR_NOATIME'],
    ['OPEN_TREE_', 0x8001, 'OPEN_TREE_CLONE|AT_RECURSIVE'],
    ['MNT_UMOUNT_', 0xa, 'MNT_DETACH|UMOUNT_NOFOLLOW'],
    ['CLONE_', 0x20020000n, 'CLONE_NEWNS|CLONE_NEWPID'],
    ['PR_', 38, 'PR_SET_NO_NEW_PRIVS'],
    ['RLIMIT_', 7, 'RLIMIT_NOFILE'],
    ['SCHED_', 1, 'SCHED_FIFO'],
    ['SCHED_', 9, '9'],
    ['SCHED_FLAG_', 1n, 'SCHED_FLAG_RESET_ON_FORK'],
    ['rlim', 0xffff_ffff_ffff_ffffn, 'RLIM_INFINITY'],
    ['rlim', 1024n, '1024'],
    ['octal', 0o755, '0755'],
    ['caps', 0x20n, 'CAP_KILL'],
    ['caps', 0n, '0'],
    ['caps', (1n << 41n) - 1n, 'CAP_ALL'],
    ['caps', (1n << 41n) - 1n - (1n << 21n), '~(CAP_SYS_ADMIN)'],
    ['dev', 0x103n, '1:3'],
    ['dev', 0x0000_1000_0010_0001n, '4096:257'],
    [undefined, 18446744073709551615n, '18446744073709551615'],
  ] as const)('writes a number of %s, %s, as %s', (constants, value, text) => {
    expect(formatNumber(value, constants)).toBe(text);
  });

  it('knows every kind of constant the operation table names', () => {
    for (const { fields } of Object.values(OPS)) {
      for (const field of fields) expect(() => formatNumber(1, field.constants)).not.toThrow();
    }
  });

  it('refuses a kind nobody wrote', () => {
    expect(() => formatNumber(1, 'XYZ_')).toThrow('XYZ_');
  });
});
