import { describe, expect, it } from 'vitest';
import { bindAttributes, mountAttributes } from '../../../../src/config/mounts/attributes.ts';
import { parseMountOptions } from '../../../../src/config/mounts/options.ts';
import {
  MOUNT_ATTR__ATIME,
  MOUNT_ATTR_NOATIME,
  MOUNT_ATTR_NODEV,
  MOUNT_ATTR_NODIRATIME,
  MOUNT_ATTR_NOEXEC,
  MOUNT_ATTR_NOSUID,
  MOUNT_ATTR_NOSYMFOLLOW,
  MOUNT_ATTR_RDONLY,
  MOUNT_ATTR_STRICTATIME,
} from '../../../../src/linux/constants/mount.ts';

describe('attributes of a new mount', () => {
  it.each([
    ['ro,nosuid,nodev,noexec', 0xf],
    ['nodiratime,nosymfollow', MOUNT_ATTR_NODIRATIME | MOUNT_ATTR_NOSYMFOLLOW],
    ['strictatime', MOUNT_ATTR_STRICTATIME],
    ['strictatime,noatime', MOUNT_ATTR_NOATIME],
    ['relatime', 0],
    ['sync,rw', 0],
  ])('%s', (options, attributes) => {
    expect(mountAttributes(parseMountOptions(options.split(',')).flags)).toBe(attributes);
  });
});

describe('attributes of a bind mount', () => {
  const change = (options: string, replace: boolean) =>
    bindAttributes(parseMountOptions(options.split(',')), replace);
  const others =
    MOUNT_ATTR_RDONLY |
    MOUNT_ATTR_NOSUID |
    MOUNT_ATTR_NODEV |
    MOUNT_ATTR_NOEXEC |
    MOUNT_ATTR_NOSYMFOLLOW;

  it('are those of the source when no option mentions one', () => {
    expect(change('rbind,rslave,sync,rro', true)).toBeUndefined();
  });

  it('are replaced as by mount --bind -o, all but atime', () => {
    expect(change('bind,nosuid', true)).toEqual({
      set: MOUNT_ATTR_NOSUID,
      clear: others & ~MOUNT_ATTR_NOSUID,
    });
    expect(change('bind,rw', true)).toEqual({ set: 0, clear: others });
  });

  it('have the atime that is named, the field cleared first', () => {
    expect(change('bind,noatime', true)).toEqual({
      set: MOUNT_ATTR_NOATIME,
      clear: others | MOUNT_ATTR_NODIRATIME | MOUNT_ATTR__ATIME,
    });
    expect(change('bind,atime', false)).toEqual({ set: 0, clear: MOUNT_ATTR__ATIME });
    expect(change('bind,diratime', false)).toEqual({ set: 0, clear: MOUNT_ATTR_NODIRATIME });
  });

  it('stay where they may be locked, but for those named', () => {
    expect(change('bind,ro,exec', false)).toEqual({
      set: MOUNT_ATTR_RDONLY,
      clear: MOUNT_ATTR_NOEXEC,
    });
  });
});
