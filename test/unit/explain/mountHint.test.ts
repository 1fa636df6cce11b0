import { describe, expect, it } from 'vitest';
import type { Failure } from '../../../src/explain/hint.ts';
import { mountHint } from '../../../src/explain/mountHint.ts';
import { propertyHint } from '../../../src/explain/propertyHint.ts';
import type { Mount } from '../../../src/generated/spec.ts';
import { type Op, step } from '../../../src/plan/step.ts';

const MAP = [{ containerID: 0, hostID: 100000, size: 5 }];
const USER = { namespaces: [{ type: 'user' as const }], uidMappings: MAP, gidMappings: MAP };

const failure = (mount: Mount, op: Op, errno: string, linux = {}): Failure => ({
  step: step('init', '/mounts/0', op),
  errno,
  detail: '',
  config: { ociVersion: '1.0.0', mounts: [mount], linux },
  exists: (path) => path === '/srv' || path === '/lower',
});

const fsmount = (fstype: string, options: readonly string[] = []): Op => ({
  call: 'fsmount',
  fstype,
  options,
  attributes: 0,
  out: 'm',
});
const openTree = (path: string): Op => ({ call: 'open_tree', path, flags: 1, out: 'm' });
const target: Op = { call: 'open_target', root: 'root', path: '/data', flags: 0, out: 't' };
const attributes: Op = {
  call: 'mount_setattr',
  fd: 'm',
  flags: 0,
  attr_set: 0n,
  attr_clr: 0n,
  propagation: 0n,
};
const at = (destination: string, rest: Partial<Mount> = {}): Mount => ({ destination, ...rest });

describe('mountHint', () => {
  it.each([
    [
      'a source that is missing',
      failure(at('/data', { options: ['bind'] }), openTree('/srv/a/b'), 'ENOENT'),
      /\/srv is, what is below is not/,
    ],
    [
      'bind left out',
      failure(at('/data', { source: '/srv', type: 'none' }), fsmount('none'), 'ENODEV'),
      /put bind or rbind/,
    ],
    [
      'a type nobody knows',
      failure(at('/data', { type: 'nosuch' }), fsmount('nosuch'), 'ENODEV'),
      /no file system "nosuch"/,
    ],
    [
      'sysfs with the network of the host',
      failure(at('/sys', { type: 'sysfs' }), fsmount('sysfs'), 'EPERM', USER),
      /new namespace of type network/,
    ],
    [
      'mqueue with the ipc of the host',
      failure(at('/dev/mqueue', { type: 'mqueue' }), fsmount('mqueue'), 'EPERM', USER),
      /type ipc/,
    ],
    [
      'an overlay without its layer',
      failure(
        at('/data', { type: 'overlay', options: ['lowerdir=/lower:/none'] }),
        fsmount('overlay'),
        'ENOENT',
      ),
      /lowerdir: \/none is not there/,
    ],
    [
      'an overlay without workdir',
      failure(
        at('/data', { type: 'overlay', options: ['lowerdir=/lower', 'upperdir=/srv'] }),
        fsmount('overlay'),
        'EINVAL',
      ),
      /takes a workdir/,
    ],
    [
      'id mapping refused',
      failure(at('/data', { options: ['bind'] }), { ...attributes, userns: 'u' } as Op, 'EINVAL'),
      /cannot be id-mapped/,
    ],
    [
      'flags that are locked',
      failure(at('/data', { options: ['bind'] }), attributes, 'EPERM', USER),
      /cannot be taken away/,
    ],
    [
      'a destination in a read-only root',
      failure(at('/data', { type: 'tmpfs' }), target, 'EROFS'),
      /cannot be made in a read-only/,
    ],
    [
      'a file on a directory',
      failure(at('/data', { options: ['bind'] }), target, 'ENOTDIR'),
      /one is a directory/,
    ],
  ] as const)('%s', (_case, failed, expected) => {
    expect(mountHint(failed)).toMatch(expected);
  });
  it('does not guess', () => {
    expect(
      mountHint(failure(at('/data', { type: 'tmpfs' }), fsmount('tmpfs'), 'ENOMEM')),
    ).toBeUndefined();
    expect(
      mountHint({ ...failure(at('/data'), target, 'EROFS'), step: step('init', '', target) }),
    ).toBeUndefined();
  });
});

describe('propertyHint', () => {
  it('knows the errno of some properties, and no others', () => {
    const write: Op = { call: 'write', path: '/x', data: '1' };
    const of = (origin: string, errno: string) =>
      propertyHint({ ...failure(at('/'), write, errno), step: step('runtime', origin, write) });
    expect(of('/linux/resources/memory/limit', 'EBUSY')).toMatch(/more memory is in use/);
    expect(of('/process/oomScoreAdj', 'EACCES')).toMatch(/CAP_SYS_RESOURCE/);
    expect(of('/process/oomScoreAdj', 'ENOMEM')).toBeUndefined();
  });
});
