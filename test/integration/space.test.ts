/**
 * No room: a state directory, a root file system or a pid file's directory on a file system without blocks
 * or inodes, or read-only. Each scenario is a script in a mount namespace of its own.
 */
import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import type { Config } from './config.ts';
import { cgroupsOf, isTsrun, RUNTIME, useContainers } from './runtime.ts';

const t = useContainers();

const sleeping = (config: Config) => {
  config.process.args = ['sleep', '1000'];
  config.linux.resources = { pids: { limit: 20 } };
};

interface Said {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A shell script with `run` the runtime, `$id`, `$bundle` and `$state`, a directory to mount something on. */
function script(text: string, edit: (config: Config) => void = sleeping): Said & { id: string } {
  const id = t.newId();
  const state = t.newDirectory();
  const env = { ...process.env, id, bundle: t.bundle(edit), state, RUNTIME };
  const head = 'run() { "$RUNTIME" --root "$state/root" "$@" </dev/null; }\n';
  const { status, stdout, stderr } = spawnSync(
    'unshare',
    ['--mount', '--propagation', 'private', 'sh', '-c', head + text],
    { env, encoding: 'utf8', timeout: 60_000 },
  );
  return { id, status: status ?? -1, stdout, stderr };
}

const one = /^tsrun: create "[^"]+": [^\n]+: (ENOSPC|EROFS|EDQUOT): [^\n]+\n$/;

describe.runIf(isTsrun)('a state directory on a file system that is full', () => {
  /** Fills it to `pages` free pages, or with `inodes` free inodes, and creates. */
  const createWith = (options: string) => {
    const said = script(`
      mount -t tmpfs -o ${options} none "$state" || exit 99
      mkdir "$state/root" || exit 98
      run create --bundle "$bundle" "$id" >"$bundle/out" 2>&1
      echo "$?"
      ls "$state/root/$id" 2>/dev/null
      run delete --force "$id" || exit 97
      ls "$state/root"
    `);
    const [status = '', ...left] = said.stdout.trim().split('\n');
    return { ...said, created: status, left: left.filter((name) => name !== '@seccomp') };
  };
  const sizes = (unit: (n: number) => string, from: number, to: number) => {
    const outcomes = new Set<string>();
    for (let n = from; n <= to; n++) {
      const { id, status, stderr, created, left } = createWith(unit(n));
      expect({ n, status, stderr }).toEqual({ n, status: 0, stderr: '' });
      outcomes.add(created);
      if (created === '0') continue;
      expect({ n, created, left }).toEqual({ n, created: '1', left: [] });
      expect(cgroupsOf(id), `${n}`).toEqual([]);
    }
    // Neither too small for all, nor too large to have shown anything.
    expect([...outcomes].sort()).toEqual(['0', '1']);
  };
  it('a create for which there are no blocks is refused and leaves nothing, whichever file it was', () => {
    sizes((pages) => `size=${4096 * pages}`, 1, 8);
  });
  it('so is one for which there are no inodes', () => {
    sizes((inodes) => `size=1M,nr_inodes=${inodes}`, 2, 9);
  });
  it('the message names what could not be written', () => {
    const { stdout, stderr } = script(`
      mount -t tmpfs -o size=4096 none "$state" && mkdir "$state/root"
      run create --bundle "$bundle" "$id"
    `);
    expect(stdout).toBe('');
    expect(stderr).toMatch(one);
  });
  it('start, exec, kill and delete need no room', () => {
    const said = script(`
      mount -t tmpfs -o size=1M none "$state" && mkdir "$state/root"
      run create --bundle "$bundle" "$id" >"$bundle/out" 2>&1 || exit 1
      dd if=/dev/zero of="$state/fill" bs=4096 2>/dev/null
      run start "$id" || exit 2
      run exec "$id" echo said || exit 3
      run kill "$id" KILL || exit 4
      while run state "$id" | grep -q running; do sleep 0.02; done
      run delete "$id" || exit 5
      ls "$state/root"
    `);
    expect(said).toMatchObject({ status: 0, stdout: 'said\n', stderr: '' });
  });
  it('an update that cannot be kept is refused, and the config that was stays', () => {
    const said = script(`
      mount -t tmpfs -o size=1M none "$state" && mkdir "$state/root"
      run create --bundle "$bundle" "$id" >"$bundle/out" 2>&1 || exit 1
      before=$(cat "$state/root/$id/config.json" | cksum)
      dd if=/dev/zero of="$state/fill" bs=4096 2>/dev/null
      run update --pids-limit 10 "$id" 2>"$bundle/message" && exit 2
      [ "$(cat "$state/root/$id/config.json" | cksum)" = "$before" ] || exit 3
      ls -A "$state/root/$id"
      cat "$bundle/message"
      run delete --force "$id"
    `);
    expect(said).toMatchObject({ status: 0, stderr: '' });
    expect(said.stdout).toMatch(
      /^config.json\nstart.sock\nstate.json\ntsrun: update .*ENOSPC: [^\n]+\n$/,
    );
  });
});

describe.runIf(isTsrun)('a pid file on a file system that is full', () => {
  it('fails the create and leaves nothing', () => {
    const said = script(`
      mount -t tmpfs none "$state" && mkdir "$state/root" "$state/pid"
      mount -t tmpfs -o size=4096,nr_inodes=2 none "$state/pid" && echo >"$state/pid/fill"
      run create --pid-file "$state/pid/file" --bundle "$bundle" "$id" && exit 1
      ls -A "$state/root" "$state/pid"
    `);
    expect(said.stderr).toMatch(one);
    expect(said.stderr).toContain('write_pid_file');
    expect(said.stdout.replaceAll(/^\S*:$/gm, '').trim()).toBe('fill');
    expect(cgroupsOf(said.id)).toEqual([]);
  });
});

describe.runIf(isTsrun)('a root file system that is full', () => {
  const inRootfs = (options: string, fill: string) =>
    script(
      `
      mkdir "$state/root" "$bundle/rootfs"
      mount -t tmpfs -o ${options} none "$bundle/rootfs" || exit 99
      ${fill}
      run create --bundle "$bundle" "$id" && exit 1
      ls "$state/root"
    `,
      (config) => {
        sleeping(config);
        config.root.path = 'rootfs';
        config.mounts = [{ destination: '/some/deep/place', type: 'tmpfs', source: 'tmpfs' }];
      },
    );
  it('names the mount for whose destination there is no inode', () => {
    const said = inRootfs('nr_inodes=2', 'mkdir "$bundle/rootfs/some"');
    expect(said.stderr).toMatch(one);
    expect(said.stderr).toContain('mounts[0] ("/some/deep/place"): ');
    expect(said.stdout).toBe('');
    expect(cgroupsOf(said.id)).toEqual([]);
  });
  it('names the mount whose file system was mounted read-only', () => {
    const said = inRootfs('ro', ':');
    expect(said.stderr).toMatch(one);
    expect(said.stderr).toContain('mounts[0] ("/some/deep/place"): ');
    expect(said.stdout).toBe('');
  });
});

describe.runIf(isTsrun)('a read-only state directory', () => {
  it('refuses a create, and leaves nothing', () => {
    const said = script(`
      mount -t tmpfs none "$state" && mkdir "$state/root" && mount -o remount,ro "$state"
      run create --bundle "$bundle" "$id" && exit 1
      ls "$state/root"
    `);
    expect(said.stdout).toBe('');
    expect(said.stderr).toMatch(one);
    expect(cgroupsOf(said.id)).toEqual([]);
  });
  it('lets state, list, exec and kill do their work; delete is refused until it can be written', () => {
    const said = script(`
      mount -t tmpfs none "$state" && mkdir "$state/root"
      run run --detach --bundle "$bundle" "$id" >"$bundle/out" 2>&1 || exit 1
      mount -o remount,ro "$state"
      run state "$id" | grep -q running || exit 2
      [ "$(run list -q)" = "$id" ] || exit 3
      run exec "$id" echo said || exit 4
      run kill "$id" KILL || exit 5
      while run state "$id" | grep -q running; do sleep 0.02; done
      run delete --force "$id" && exit 6
      run state "$id" | grep -q stopped || exit 7
      mount -o remount,rw "$state"
      run delete "$id" || exit 8
      ls "$state/root"
    `);
    expect({ status: said.status, stdout: said.stdout }).toEqual({ status: 0, stdout: 'said\n' });
    expect(said.stderr).toMatch(/^tsrun: delete "[^"]+": [^\n]*EROFS: [^\n]+\n$/);
    expect(cgroupsOf(said.id)).toEqual([]);
  });
});
