/** A failure says why and what to change: programs that cannot be executed, mounts that cannot be made. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Config } from '../config.ts';
import { isTsrun, useContainers } from '../runtime.ts';

const t = useContainers();

/** The last error of the log a call has written, and how the call ended. */
function failure(verb: readonly string[], edit: (config: Config) => void) {
  const log = join(t.newDirectory(), 'log.json');
  const bundle = t.bundle(edit);
  const global = ['--log', log, '--log-format', 'json'];
  const result = t.call([...global, ...verb, '--bundle', bundle, t.newId()]);
  const last = readFileSync(log, 'utf8').trim().split('\n').at(-1) ?? '{}';
  const entry = JSON.parse(last) as { code: string; level: string; msg: string };
  expect(entry.level).toBe('error');
  expect(result.stderr.trim()).toBe(`tsrun: ${entry.msg}`);
  expect(result.stderr.trim().split('\n')).toHaveLength(1);
  return { ...entry, status: result.status };
}

/** An ELF header for another architecture. */
function foreignProgram(): Uint8Array {
  const head = new Uint8Array(64);
  head.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  new DataView(head.buffer).setUint16(18, process.arch === 'arm64' ? 62 : 183, true);
  return head;
}

const PROGRAMS: Readonly<Record<string, readonly [contents: string | Uint8Array, mode: number]>> = {
  lost: ['#!/bin/bash-is-not-here\n', 0o755],
  windows: ['#!/bin/sh\r\necho hello\r\n', 0o755],
  text: ['echo hello\n', 0o644],
  foreign: [foreignProgram(), 0o755],
};

function rootfsWithPrograms(): string {
  const rootfs = t.freshRootfs();
  for (const [name, [contents, mode]] of Object.entries(PROGRAMS)) {
    writeFileSync(join(rootfs, 'bin', name), contents, { mode });
  }
  return rootfs;
}

describe.runIf(isTsrun)('a program that cannot be executed', () => {
  it.each([
    [
      '/bin/lost',
      'exec-interpreter',
      'exec /bin/lost: no such file or directory',
      '/bin/bash-is-not-here, the interpreter of /bin/lost, does not exist',
    ],
    [
      '/bin/windows',
      'exec-interpreter',
      'exec /bin/windows: no such file or directory',
      'the first line of /bin/windows ends with CR LF',
    ],
    ['/bin/foreign', 'exec-format', 'exec /bin/foreign: exec format error', 'a program for'],
    ['/bin/text', 'exec-denied', 'stat /bin/text: permission denied', '/bin/text has mode 0644'],
    [
      'nosuch',
      'exec-missing',
      'exec: "nosuch": executable file not found in $PATH',
      'it is in no directory of PATH',
    ],
    [
      '/nosuch',
      'exec-missing',
      'stat /nosuch: no such file or directory',
      '/nosuch does not exist',
    ],
  ])('run of %s is %s, in the words engines match, and says why', (file, code, words, why) => {
    const rootfs = rootfsWithPrograms();
    const found = failure(['run'], (config) => {
      config.root.path = rootfs;
      config.process.args = [file];
    });
    expect(found.code).toBe(code);
    expect(found.msg).toContain(words);
    expect(found.msg).toContain(why);
    expect(found.status).toBe(1);
  });

  it('is seen where a bind mount puts it, and noexec is named', () => {
    const directory = t.newDirectory();
    writeFileSync(join(directory, 'tool'), '#!/bin/sh\n', { mode: 0o755 });
    const mount = { destination: '/tools', source: directory, options: ['bind', 'noexec'] };
    const { code, msg } = failure(['run'], (config) => {
      config.mounts.push(mount);
      config.process.args = ['/tools/tool'];
    });
    expect(code).toBe('exec-denied');
    expect(msg).toContain('permission denied');
    expect(msg).toContain('/tools/tool is on a mount with the option noexec');
  });

  it('exec looks into the container as it is, and ends with 255', () => {
    const rootfs = rootfsWithPrograms();
    const { id } = t.create((config) => {
      config.root.path = rootfs;
      config.process.args = ['sleep', '1000'];
    });
    t.call(['start', id]);
    const { status, stderr } = t.call(['exec', id, '/bin/windows']);
    expect(status).toBe(255);
    expect(stderr).toContain('exec /bin/windows: no such file or directory');
    expect(stderr).toContain('ends with CR LF');
  });
});

describe.runIf(isTsrun)('a mount that cannot be made', () => {
  const othersQueues = (config: Config) => {
    const map = [{ containerID: 0, hostID: 100000, size: 1000 }];
    const kept = config.linux.namespaces.filter(({ type }) => type !== 'ipc');
    config.linux = { namespaces: [...kept, { type: 'user' }], uidMappings: map, gidMappings: map };
  };
  it.each([
    [
      'a source that is missing',
      (config: Config) => {
        config.mounts.push({ destination: '/mnt', source: '/tmp/no/such', options: ['bind'] });
      },
      '/tmp is, what is below is not',
    ],
    [
      'bind left out',
      (config: Config) => {
        config.mounts.push({ destination: '/mnt', source: '/tmp', type: 'none' });
      },
      'put bind or rbind among its options',
    ],
    ['mqueue with the ipc of the host', othersQueues, 'takes a new namespace of type ipc'],
    [
      'an overlay whose layer is missing',
      (config: Config) => {
        const options = ['lowerdir=/no/such/layer'];
        config.mounts.push({ destination: '/mnt', type: 'overlay', source: 'overlay', options });
      },
      'lowerdir: /no/such/layer is not there',
    ],
  ] as const)('%s', (_case, edit, why) => {
    const { code, msg } = failure(['create'], edit);
    expect(code).toBe('mount-failed');
    expect(msg).toMatch(/mounts\[\d\] \("[^"]+"\)/);
    expect(msg).toContain(why);
  });
});

describe.runIf(isTsrun)('check', () => {
  it('exits with 1 for an error, 0 without, and finds nothing wrong with what runs here', () => {
    const right = t.call(['check', t.bundle()]);
    expect(right.stdout).toMatch(/config\.json: 0 errors, 0 warnings\n$/);
    expect(right.status).toBe(0);
    const wrong = t.call([
      'check',
      '--format',
      'json',
      t.bundle((config) => {
        config.process.cwd = 'tmp';
      }),
    ]);
    expect(wrong.status).toBe(1);
    expect(JSON.parse(wrong.stdout).findings[0]).toMatchObject({ property: '/process/cwd' });
  });
  it('tells beforehand what run would fail of', () => {
    const rootfs = rootfsWithPrograms();
    const { stdout } = t.call([
      'check',
      t.bundle((config) => {
        config.root.path = rootfs;
        config.process.args = ['/bin/windows'];
        config.mounts.push({ destination: '/mnt', source: '/no/such', options: ['bind'] });
      }),
    ]);
    expect(stdout).toMatch(
      /process\.args\[0\]: cannot be executed: the first line of \/bin\/windows ends/,
    );
    expect(stdout).toMatch(/mounts\[6\]\.source: does not exist on this host/);
  });
});
