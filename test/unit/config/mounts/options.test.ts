import { describe, expect, it } from 'vitest';
import {
  MOUNT_OPTIONS,
  mountOptionNames,
  parseMountOptions,
} from '../../../../src/config/mounts/options.ts';
import {
  MOUNT_ATTR__ATIME,
  MOUNT_ATTR_NOATIME,
  MOUNT_ATTR_RDONLY,
  MS_BIND,
  MS_NOATIME,
  MS_NODEV,
  MS_NOSUID,
  MS_PRIVATE,
  MS_RDONLY,
  MS_REC,
  MS_SHARED,
  MS_SLAVE,
} from '../../../../src/linux/constants/mount.ts';

/** config.md "Linux mount options": MUST, then MAY and SHOULD. */
const SPECIFIED =
  `async atime bind defaults dev diratime dirsync exec iversion lazytime loud noatime nodev nodiratime
  noexec noiversion nolazytime norelatime nostrictatime nosuid private rbind relatime remount ro rprivate
  rshared rslave runbindable rw shared silent slave strictatime suid sync unbindable
  mand nomand tmpcopyup nosymfollow symfollow ratime rdev rdiratime rexec rnoatime rnodev rnodiratime
  rnoexec rnorelatime rnostrictatime rnosuid rnosymfollow rrelatime rro rrw rstrictatime rsuid rsymfollow
  idmap ridmap`
    .split(/\s+/)
    .sort();

describe('mounts.options', () => {
  it('knows every option of the specification, and lists them sorted', () => {
    expect(mountOptionNames()).toEqual(SPECIFIED);
  });

  it.each(
    [...MOUNT_OPTIONS.keys()].filter(
      (name) => /^no/.test(name) && MOUNT_OPTIONS.has(name.slice(2)),
    ),
  )('clears with %s what its contrary sets, or the other way round', (name) => {
    const [no, yes] = [MOUNT_OPTIONS.get(name), MOUNT_OPTIONS.get(name.slice(2))];
    expect(no?.set ?? no?.clear).toBe(yes?.clear ?? yes?.set);
    expect(no?.set === undefined).toBe(yes?.set !== undefined);
  });

  it('lets the last of contrary options win', () => {
    expect(parseMountOptions(['ro', 'rw', 'nosuid'])).toMatchObject({
      flags: MS_NOSUID,
      cleared: MS_RDONLY,
    });
    expect(parseMountOptions(['rw', 'ro', 'dev'])).toMatchObject({
      flags: MS_RDONLY,
      cleared: MS_NODEV,
    });
  });

  it('keeps changes of propagation in their order', () => {
    expect(parseMountOptions(['rslave', 'shared', 'private']).propagation).toEqual([
      MS_SLAVE | MS_REC,
      MS_SHARED,
      MS_PRIVATE,
    ]);
  });

  it('takes ro with rbind for the top of the tree alone, rro for all of it', () => {
    expect(parseMountOptions(['rbind', 'ro'])).toMatchObject({
      flags: MS_BIND | MS_REC | MS_RDONLY,
      recursiveSet: 0,
    });
    expect(parseMountOptions(['rbind', 'rro'])).toMatchObject({
      flags: MS_BIND | MS_REC,
      recursiveSet: MOUNT_ATTR_RDONLY,
      recursiveClear: 0,
    });
  });

  it('clears the whole atime field before it sets one of its values', () => {
    expect(parseMountOptions(['rstrictatime', 'rnoatime'])).toMatchObject({
      recursiveSet: MOUNT_ATTR_NOATIME,
      recursiveClear: MOUNT_ATTR__ATIME,
    });
    expect(parseMountOptions(['rnoatime', 'ratime'])).toMatchObject({
      recursiveSet: 0,
      recursiveClear: MOUNT_ATTR__ATIME,
    });
    expect(parseMountOptions(['noatime', 'atime'])).toMatchObject({
      flags: 0,
      cleared: MS_NOATIME,
    });
  });

  it('takes no option for an empty one, whichever was read before', () => {
    expect(parseMountOptions(['']).data).toEqual(['']);
    expect(parseMountOptions([]).data).toEqual([]);
  });

  it('takes a comma in an option for a part of it, whatever lists were read before', () => {
    expect(parseMountOptions(['a', 'ro'])).toMatchObject({ flags: MS_RDONLY, data: ['a'] });
    expect(parseMountOptions(['a,ro'])).toMatchObject({ flags: 0, data: ['a,ro'] });
    expect(parseMountOptions(['x,y', 'z']).data).toEqual(['x,y', 'z']);
    expect(parseMountOptions(['x', 'y,z']).data).toEqual(['x', 'y,z']);
  });

  it('leaves what it does not know to the file system', () => {
    expect(parseMountOptions(['size=64k', 'nosuid', 'toString'])).toMatchObject({
      flags: MS_NOSUID,
      data: ['size=64k', 'toString'],
    });
  });
});
