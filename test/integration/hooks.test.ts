/** hooks: when and where the six kinds run, what they are told, and what their failure does. */
import { readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Config } from './config.ts';
import { isTsrun, useContainers } from './runtime.ts';

const t = useContainers();

const KINDS = [
  'prestart',
  'createRuntime',
  'createContainer',
  'startContainer',
  'poststart',
  'poststop',
] as const;
type Kind = (typeof KINDS)[number];
const hook = (script: string, more: object = {}) => ({
  path: '/bin/sh',
  args: ['sh', '-c', script],
  env: ['PATH=/bin:/usr/bin:/usr/sbin'],
  ...more,
});

/** Every kind appends what `script` prints to files in a directory mounted at /log, by kind. */
function record(config: Config, log: string, script: string, kinds: readonly Kind[] = KINDS): void {
  config.mounts.push({ destination: '/log', type: 'bind', source: log, options: ['bind'] });
  config.hooks = Object.fromEntries(
    kinds.map((kind) => {
      const place = kind === 'startContainer' ? '/log' : log;
      const body = `{ ${script}; } >> ${place}/${kind}; echo ${kind} >> ${place}/order`;
      return [kind, [hook(body)]];
    }),
  );
}

/** Runs a container whose hooks record; gives each kind's text. */
function recorded(script: string, edit: (config: Config) => void = () => {}) {
  const log = t.newDirectory();
  const id = t.newId();
  const bundle = t.bundle((config) => {
    // Long enough for poststart, which races with the process.
    config.process.args = ['sh', '-c', 'echo process >> /log/order; sleep 0.3'];
    record(config, log, script);
    edit(config);
  });
  expect(t.call(['run', '--bundle', bundle, id])).toMatchObject({ status: 0, stderr: '' });
  const text = (kind: Kind | 'order') => readFileSync(join(log, kind), 'utf8');
  return { id, bundle, text };
}

describe('hooks', () => {
  it('run in the order of the specification', () => {
    const order = recorded('true').text('order').trim().split('\n');
    expect(order.slice(0, 3)).toEqual(['prestart', 'createRuntime', 'createContainer']);
    expect(order.at(-1)).toBe('poststop');
    // runc's poststart does not wait for the execve that ends startContainer.
    expect(order.indexOf('startContainer')).toBeLessThan(order.indexOf('process'));
    expect([...order].sort()).toEqual([...KINDS, 'process'].sort());
  });
  it('several of a kind run one after the other', () => {
    const log = t.newDirectory();
    t.run((config) => {
      config.hooks = {
        createRuntime: [
          hook(`sleep 0.1; echo first >> ${log}/order`),
          hook(`echo second >> ${log}/order`),
        ],
      };
    });
    expect(readFileSync(join(log, 'order'), 'utf8')).toBe('first\nsecond\n');
  });
  it('are given the state on standard input', () => {
    const { id, bundle, text } = recorded('cat; echo', (config) => {
      config.annotations = { 'org.example': 'a "quoted" / value' };
    });
    const status: Record<Kind, string> = {
      prestart: 'creating',
      createRuntime: 'creating',
      createContainer: 'creating',
      startContainer: 'created',
      poststart: 'running',
      poststop: 'stopped',
    };
    for (const kind of KINDS) {
      const state = JSON.parse(text(kind)) as Record<string, unknown>;
      expect(state, kind).toMatchObject({
        id,
        bundle,
        annotations: { 'org.example': 'a "quoted" / value' },
      });
      // runc 1.1.5 says "created" where later versions say "running".
      if (isTsrun || kind !== 'poststart') expect(state['status'], kind).toBe(status[kind]);
      expect(state['ociVersion'], kind).toMatch(/^1\./);
      if (kind !== 'poststop') expect(state['pid'], kind).toBeGreaterThan(0);
    }
  });
  it('run in the namespaces of the runtime or of the container', () => {
    const { text } = recorded('readlink /proc/self/ns/mnt; readlink /proc/self/ns/net');
    const host = ['mnt', 'net']
      .map((name) => `${readlinkSync(`/proc/self/ns/${name}`)}\n`)
      .join('');
    for (const kind of ['prestart', 'createRuntime', 'poststart', 'poststop'] as const) {
      expect(text(kind), kind).toBe(host);
    }
    for (const kind of ['createContainer', 'startContainer'] as const) {
      expect(text(kind), kind).toMatch(/^mnt:.*\nnet:.*\n$/);
      expect(text(kind), kind).not.toContain(host.split('\n')[0]);
      expect(text(kind), kind).not.toContain(host.split('\n')[1]);
    }
    expect(text('createContainer')).toBe(text('startContainer'));
  });
  it('createContainer sees the mounts, and the host still; startContainer sees the container', () => {
    const { text } = recorded(`ls -d ${t.directory} 2>/dev/null; ls / | grep -c busy`, (config) => {
      config.root.path = t.rootfs;
    });
    expect(text('createContainer')).toContain(t.directory);
    expect(text('startContainer')).not.toContain(t.directory);
  });
  it('have the environment and the arguments they are given', () => {
    const log = t.newDirectory();
    t.run((config) => {
      config.hooks = {
        createRuntime: [
          {
            path: '/bin/sh',
            args: [
              'its-own-name',
              '-c',
              `echo $0 $1 $2 $ONE > ${log}/out; env >> ${log}/out`,
              'x',
              'y',
              'z',
            ],
            env: ['ONE=1', 'PATH=/bin:/usr/bin'],
          },
        ],
      };
    });
    const lines = readFileSync(join(log, 'out'), 'utf8').split('\n');
    expect(lines[0]).toBe('x y z 1');
    expect(
      lines
        .filter((line) => line !== '' && !/^(PWD|_|SHLVL|OLDPWD)=/.test(line))
        .slice(1)
        .sort(),
    ).toEqual(['ONE=1', 'PATH=/bin:/usr/bin']);
  });

  it.each(['prestart', 'createRuntime', 'createContainer', 'startContainer'] as const)(
    'a failing %s hook ends the container, and says why',
    (kind) => {
      const id = t.newId();
      const log = t.newDirectory();
      const bundle = t.bundle((config) => {
        config.process.args = ['touch', '/log/ran'];
        record(config, log, 'true', ['poststop']);
        config.hooks = { ...config.hooks, [kind]: [hook('echo told; echo complaint >&2; exit 3')] };
      });
      const result = t.call(['run', '--bundle', bundle, id]);
      expect(result.status).not.toBe(0);
      // runc's startContainer fails behind the point where it could tell.
      if (isTsrun || kind !== 'startContainer') {
        if (isTsrun) expect(result.stderr).toContain(kind); // runc 1.1.5 leaves the kind out
        expect(result.stderr).toContain('exit status 3');
        expect(result.stderr).toContain('complaint');
      }
      expect(() => readFileSync(join(log, 'ran'))).toThrow();
      expect(t.call(['state', id]).status).toBe(1);
    },
  );
  it('a failing poststop hook is a warning: the container goes and the next hooks run', () => {
    const id = t.newId();
    const log = t.newDirectory();
    const bundle = t.bundle((config) => {
      config.hooks = { poststop: [hook('exit 1'), hook(`echo next > ${log}/next`)] };
    });
    t.call(['run', '--bundle', bundle, id]);
    expect(t.call(['state', id]).status).toBe(1);
    if (isTsrun) expect(readFileSync(join(log, 'next'), 'utf8')).toBe('next\n');
  });
  it('a hook that takes longer than its timeout is ended, and fails', () => {
    const started = Date.now();
    const result = t.run((config) => {
      config.hooks = { createRuntime: [hook('exec sleep 30', { timeout: 1 })] };
    });
    expect(result.status).toBe(1);
    expect(result.stderr).toContain('hook ran past specified timeout of 1.0s');
    expect(Date.now() - started).toBeLessThan(10_000);
  });
  it('a hook that is not there fails by its name', () => {
    const result = t.run((config) => {
      config.hooks = { createRuntime: [{ path: '/no/such/hook' }] };
    });
    expect(result.status).toBe(1);
    expect(result.stderr).toContain('/no/such/hook');
  });
  it.each([
    ['a relative path', { path: 'bin/true' }],
    ['a timeout that is not positive', { path: '/bin/true', timeout: 0 }],
  ])('refuses %s', (what, value) => {
    if (what !== 'a relative path' && !isTsrun) return; // runc ends such a hook at once
    const result = t.run((config) => {
      config.hooks = { createRuntime: [value] };
    });
    expect(result.status).toBe(1);
  });
  it('createRuntime can change the network namespace of the container by its pid', () => {
    const file = join(t.newDirectory(), 'hook.sh');
    writeFileSync(
      file,
      `pid=$(sed -n 's/.*"pid": *\\([0-9]*\\).*/\\1/p')\nnsenter --net=/proc/$pid/ns/net ip link add given type veth peer name other\n`,
    );
    const { stdout, stderr } = t.sh('ls /sys/class/net', (config) => {
      config.hooks = { createRuntime: [hook(`sh ${file}`)] };
    });
    expect({ stdout, stderr }).toEqual({ stdout: 'given\nlo\nother\n', stderr: '' });
  });
});
