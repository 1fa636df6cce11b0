/**
 * Id-mapped mounts: whose the files of a volume are, as the container sees them and as they are on disk; and
 * sources that the root of a user namespace has no way to. runc 1.1.5 has no id-mapped mounts.
 */
import { spawnSync } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { addUserNamespace, type Config, grant, type Mount } from './config.ts';
import { isTsrun, useContainers } from './runtime.ts';

const t = useContainers();

/** A volume with a file of user 5 and group 6. */
function volume(): string {
  const source = t.newDirectory();
  writeFileSync(join(source, 'f'), 'of the volume\n');
  chownSync(join(source, 'f'), 5, 6);
  return source;
}

/** A root whose user namespace's root owns it, for mount points to be made in. */
function ownedRootfs(): string {
  const rootfs = t.freshRootfs();
  spawnSync('chown', ['-R', '100000:100000', rootfs]);
  return rootfs;
}

const OWNERS = 'cd /vol; for f in $(find . -type f | sort); do stat -c "$f %u:%g" $f; done';

interface Run {
  readonly mount: Partial<Mount> & { readonly source: string };
  readonly userns?: boolean;
  readonly script?: string;
  readonly prefix?: readonly string[];
}

const run = ({ mount, userns = false, script = OWNERS, prefix = [] }: Run) =>
  t.sh(
    script,
    (config: Config) => {
      if (userns) {
        addUserNamespace(config);
        config.root.path = ownedRootfs();
      } else config.root.path = t.freshRootfs();
      grant(config, 'CAP_DAC_OVERRIDE');
      config.mounts.push({ destination: '/vol', type: 'bind', options: ['bind'], ...mount });
    },
    { prefix },
  );

const map = (containerID: number, hostID: number, size = 10) => [{ containerID, hostID, size }];

describe.runIf(isTsrun)('mounts[].options idmap', () => {
  it('shows the files as whose they are, in a user namespace', () => {
    const source = volume();
    const mount = { source, options: ['bind', 'idmap'] };
    const { status, stdout } = run({ mount, userns: true });
    expect({ status, stdout }).toEqual({ status: 0, stdout: './f 5:6\n' });
    expect(run({ mount: { source }, userns: true }).stdout).toBe('./f 65534:65534\n');
  });
  it('makes new files the container root’s, on disk the host root’s', () => {
    const source = volume();
    const mount = { source, options: ['bind', 'idmap'] };
    const { status } = run({ mount, userns: true, script: 'touch /vol/made' });
    expect(status).toBe(0);
    expect(statSync(join(source, 'made'))).toMatchObject({ uid: 0, gid: 0 });
  });
  it('takes mappings of the mount’s own before those of the container', () => {
    const [source, ids] = [volume(), map(5, 100_077, 2)];
    const mount = { source, options: ['bind', 'idmap'], uidMappings: ids, gidMappings: ids };
    expect(run({ mount, userns: true }).stdout).toBe('./f 77:78\n');
  });
});

describe.runIf(isTsrun)('mounts[].uidMappings, gidMappings', () => {
  it('map without a user namespace of the container', () => {
    const mount = { source: volume(), uidMappings: map(0, 300), gidMappings: map(0, 400) };
    expect(run({ mount })).toMatchObject({ status: 0, stdout: './f 305:406\n' });
  });
  it('give a new file back to whom it is on disk, and refuse one that is nobody’s there', () => {
    const [source, ids] = [volume(), map(5, 0, 1)];
    chownSync(source, 5, 5);
    const mount = { source, uidMappings: ids, gidMappings: ids };
    const { stdout, status } = run({ mount, script: 'touch /vol/made && stat -c %u /vol/made' });
    expect({ status, stdout }).toEqual({ status: 0, stdout: '0\n' });
    expect(statSync(join(source, 'made'))).toMatchObject({ uid: 5, gid: 5 });
    const unmapped = { source, uidMappings: map(5, 9, 1), gidMappings: map(5, 9, 1) };
    expect(run({ mount: unmapped, script: 'touch /vol/more' }).status).toBe(1);
  });
  it('of two mounts of one source are each mount’s own', () => {
    const source = volume();
    const { stdout } = t.sh('stat -c %u /one/f /two/f /three/f', (config) => {
      config.root.path = t.freshRootfs();
      const mapped = (to: number) => ({ uidMappings: map(0, to), gidMappings: map(0, to) });
      const bind = { type: 'bind', source, options: ['bind'] };
      config.mounts.push(
        { ...bind, ...mapped(300), destination: '/one' },
        { ...bind, ...mapped(500), destination: '/two' },
        { ...bind, destination: '/three' },
      );
    });
    expect(stdout).toBe('305\n505\n5\n');
  });
  it('may have several ranges', () => {
    const source = volume();
    writeFileSync(join(source, 'g'), '');
    chownSync(join(source, 'g'), 50, 50);
    const ids = [...map(5, 1000, 2), ...map(50, 2000, 1)];
    const { stdout } = run({ mount: { source, uidMappings: ids, gidMappings: ids } });
    expect(stdout).toBe('./f 1000:1001\n./g 2000:2000\n');
  });
  it('are of the mount alone: the host sees the files as they are', () => {
    const source = volume();
    run({ mount: { source, uidMappings: map(0, 300), gidMappings: map(0, 300) } });
    expect(statSync(join(source, 'f'))).toMatchObject({ uid: 5, gid: 6 });
  });
  it('for a source that cannot be mapped are refused by name', () => {
    const ids = map(0, 300);
    const mount = { source: '/proc', uidMappings: ids, gidMappings: ids };
    const { status, stdout, stderr } = run({ mount, script: 'echo ran' });
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
    expect(stderr).toMatch(/mounts\[\d+\] \("\/vol"\): mount_setattr: EINVAL/);
  });
});

describe.runIf(isTsrun)('mounts[].options ridmap', () => {
  /** In a mount namespace of the test's own a tmpfs with a file of user 7 below the volume. */
  const withSubmount = (source: string) => {
    mkdirSync(join(source, 'sub'));
    const sub = join(source, 'sub');
    const script = `mount -t tmpfs tmpfs ${sub} && touch ${sub}/g && chown 7:8 ${sub}/g && exec "$@"`;
    return ['unshare', '-m', '--propagation', 'private', 'sh', '-c', script, 'sh'];
  };

  it('maps what is mounted below too, idmap the mount alone', () => {
    for (const [option, owner] of [
      ['ridmap', '307:308'],
      ['idmap', '7:8'],
    ] as const) {
      const source = volume();
      const ids = map(0, 300);
      const mount = {
        source,
        options: ['rbind', option],
        uidMappings: ids,
        gidMappings: ids,
      };
      const { stdout } = run({ mount, prefix: withSubmount(source) });
      expect({ option, stdout }).toEqual({ option, stdout: `./f 305:306\n./sub/g ${owner}\n` });
    }
  });
});

describe('a bind mount in a user namespace', () => {
  /** Below a directory of another user that nobody else may enter. */
  const hidden = () => {
    const closed = t.newDirectory();
    const source = join(closed, 'volume');
    mkdirSync(source);
    writeFileSync(join(source, 'f'), 'reached\n');
    chownSync(closed, 4242, 4242);
    chmodSync(closed, 0o700);
    return source;
  };

  it.each([['bind'], ['rbind', 'ro'], ['rbind', 'rprivate']])(
    'shows a directory the container’s root has no way to (%s)',
    (...options) => {
      const mount = { source: hidden(), options };
      const { status, stdout } = run({ mount, userns: true, script: 'cat /vol/f' });
      expect({ status, stdout }).toEqual({ status: 0, stdout: 'reached\n' });
    },
  );
  it('shows a file the container’s root has no way to', () => {
    const mount = { source: join(hidden(), 'f') };
    const { status, stdout } = run({ mount, userns: true, script: 'cat /vol' });
    expect({ status, stdout }).toEqual({ status: 0, stdout: 'reached\n' });
  });
  it('shows it without the way: not its parent', () => {
    const script = 'ls /vol/.. | grep -c volume; ls -a /vol';
    const { stdout } = run({ mount: { source: hidden() }, userns: true, script });
    expect(stdout).toBe('0\n.\n..\nf\n');
  });
});
