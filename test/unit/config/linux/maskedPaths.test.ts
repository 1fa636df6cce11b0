import { describe, expect, it } from 'vitest';
import { checkMaskedPaths, planMaskedPaths } from '../../../../src/config/linux/maskedPaths.ts';
import {
  checkReadonlyPaths,
  planReadonlyPaths,
} from '../../../../src/config/linux/readonlyPaths.ts';
import { O_PATH } from '../../../../src/linux/constants/file.ts';
import {
  MOUNT_ATTR_RDONLY,
  MS_PRIVATE,
  OPEN_TREE_CLONE,
} from '../../../../src/linux/constants/mount.ts';
import { contextOf, HOST, opsOf, specOfLinux } from '../../context.ts';

const OLD_KERNEL = { host: { kernel: { ...HOST.kernel, mountSetattr: false } } };
const namespaces = [{ type: 'mount' } as const];

describe('linux.maskedPaths', () => {
  const spec = specOfLinux({ namespaces, maskedPaths: ['/proc/kcore', '/proc/scsi'] });

  it("covers files by the host's null device, directories by one empty read-only tmpfs", () => {
    const [file, own, directory, ...masks] = planMaskedPaths(contextOf(spec));
    expect(file?.op).toEqual({
      call: 'open_tree',
      path: '/dev/null',
      flags: OPEN_TREE_CLONE,
      out: 'mask-file',
    });
    expect(own?.op).toMatchObject({
      call: 'mount_setattr',
      fd: 'mask-file',
      propagation: BigInt(MS_PRIVATE),
    });
    expect(directory?.op).toMatchObject({
      call: 'fsmount',
      fstype: 'tmpfs',
      options: ['ro', 'mode=755'],
    });
    expect(directory?.op).toHaveProperty('attributes', expect.any(Number));
    expect(Number(Reflect.get(directory?.op ?? {}, 'attributes')) & MOUNT_ATTR_RDONLY).toBe(
      MOUNT_ATTR_RDONLY,
    );
    expect(masks).toEqual(
      ['/proc/kcore', '/proc/scsi'].map((path, i) => ({
        actor: 'init',
        origin: `/linux/maskedPaths/${i}`,
        ignore: ['ENOENT'],
        op: { call: 'mask', root: 'root', path, file: 'mask-file', directory: 'mask-directory' },
      })),
    );
  });

  it('leaves the tmpfs to mount(2) on an old kernel', () => {
    expect(opsOf(planMaskedPaths(contextOf(spec, OLD_KERNEL))).slice(0, 2)).toEqual([
      { call: 'openat', path: '/dev/null', flags: O_PATH, mode: 0, out: 'mask-file' },
      { call: 'mask', root: 'root', path: '/proc/kcore', file: 'mask-file' },
    ]);
  });

  it('plans nothing when empty', () => {
    expect(planMaskedPaths(contextOf(specOfLinux({ namespaces, maskedPaths: [] })))).toEqual([]);
  });
});

describe('linux.readonlyPaths', () => {
  it('mounts each over itself, passing over what is not there', () => {
    const spec = specOfLinux({ namespaces, readonlyPaths: ['/proc/sys'] });
    expect(planReadonlyPaths(contextOf(spec))).toEqual([
      {
        actor: 'init',
        origin: '/linux/readonlyPaths/0',
        ignore: ['ENOENT'],
        op: { call: 'readonly_path', root: 'root', path: '/proc/sys' },
      },
    ]);
  });
});

describe.each([
  ['maskedPaths', checkMaskedPaths, planMaskedPaths],
  ['readonlyPaths', checkReadonlyPaths, planReadonlyPaths],
] as const)('linux.%s', (property, check, plan) => {
  it('has paths without NUL, which would be cut there', () => {
    expect(check(specOfLinux({ namespaces, [property]: ['/a', '/b\0'] }))).toMatchObject([
      { severity: 'error', path: `/linux/${property}/1` },
    ]);
  });
  it('has absolute paths', () => {
    expect(check(specOfLinux({ namespaces, [property]: ['/a', 'b'] }))).toMatchObject([
      { severity: 'error', path: `/linux/${property}/1`, got: '"b"' },
    ]);
  });

  it('is refused without a mount namespace, in the words engines know', () => {
    const spec = specOfLinux({ [property]: ['/a'] });
    expect(check(spec)).toMatchObject([
      {
        path: `/linux/${property}`,
        message: 'unable to restrict sys entries without a private MNT namespace',
      },
    ]);
    expect(plan(contextOf(spec))).toEqual([]);
    expect(check(specOfLinux({ [property]: [] }))).toEqual([]);
  });
});
