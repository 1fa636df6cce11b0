import { describe, expect, it } from 'vitest';
import { checkMounts } from '../../../../src/config/mounts.ts';
import type { Mount, Spec } from '../../../../src/generated/spec.ts';
import { specOf } from '../../context.ts';

const MAP = [{ containerID: 0, hostID: 100000, size: 3 }];
const LINUX: NonNullable<Spec['linux']> = { namespaces: [{ type: 'mount' }] };
const USERNS: NonNullable<Spec['linux']> = {
  namespaces: [{ type: 'mount' }, { type: 'user' }],
  uidMappings: MAP,
  gidMappings: MAP,
};

const problems = (mount: Omit<Mount, 'destination'>, linux = LINUX) =>
  checkMounts(specOf({ linux, mounts: [{ destination: '/a', ...mount }] })).map(
    ({ severity, path, message }) => `${severity} ${path.replace('/mounts/0', '')}: ${message}`,
  );

describe('a mount', () => {
  it('needs no mount namespace', () => {
    expect(problems({ type: 'tmpfs' }, {})).toEqual([]);
    expect(problems({ type: 'tmpfs' })).toEqual([]);
  });

  it('has a type, unless it binds or remounts', () => {
    expect(problems({ options: ['ro'] })).toEqual([
      'error /type: is required for a mount that is no bind mount',
    ]);
    expect(problems({ options: ['remount', 'ro'] })).toEqual([]);
    expect(problems({ source: '/a', options: ['rbind'] })).toEqual([]);
  });

  it('of type bind is told which option makes it one', () => {
    expect(problems({ type: 'bind', source: '/a' })).toEqual([
      'error /type: "bind" is no file system: a bind mount takes the option "bind" or "rbind"',
    ]);
  });
});

describe('a bind mount', () => {
  it('has a source, and is warned of options of a file system', () => {
    expect(problems({ options: ['bind', 'size=1'] })).toEqual([
      'error /source: is required: what a bind mount shows',
      'warning /options: options of a file system have no effect here',
    ]);
  });

  it.each(['sync', 'dirsync', 'mand', 'lazytime', 'iversion', 'silent', 'tmpcopyup'])(
    'warns that %s has no effect',
    (option) => {
      expect(problems({ source: '/a', options: ['bind', option] })).toEqual([
        'warning /options/1: has no effect on a bind mount',
      ]);
    },
  );
});

describe('the owner of a devpts or tmpfs', () => {
  it('must be mapped in a new user namespace', () => {
    const mount = { type: 'devpts', options: ['uid=2', 'gid=5'] };
    expect(problems(mount, USERNS)).toEqual([
      'error /options: gid=5 is not mapped by linux.gidMappings: the kernel refuses the mount',
    ]);
    expect(problems(mount)).toEqual([]);
  });
});

describe('an id-mapped mount', () => {
  const bind = { source: '/a', options: ['bind'] };

  it('is a bind mount', () => {
    expect(problems({ type: 'tmpfs', options: ['idmap'] }, USERNS)).toEqual([
      'error : id-mapped mounts are supported for bind mounts alone',
    ]);
  });

  it('has both mappings or none', () => {
    expect(problems({ ...bind, uidMappings: MAP })).toEqual([
      'error /gidMappings: is required: an id-mapped mount takes both mappings or none',
    ]);
    expect(problems({ ...bind, uidMappings: MAP, gidMappings: MAP })).toEqual([]);
  });

  it('takes over the mappings of the container, when that has some', () => {
    const idmap = { source: '/a', options: ['bind', 'idmap'] };
    expect(problems(idmap, USERNS)).toEqual([]);
    expect(problems(idmap)).toEqual([
      'error : has no uidMappings and gidMappings, and the container has no user namespace',
    ]);
  });
});
