/** What CRIU can do on this kernel, as root of it, and not on each: connections, pre-dumps, lazy pages, AppArmor. */
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Config } from '../integration/config.ts';
import { useContainers } from '../integration/runtime.ts';
import { loadProfiles } from '../interop/machine.ts';
import { until } from '../interop/sandbox.ts';

const t = useContainers();
const PROFILES = ['tsrun-engine-one', 'tsrun-engine-two'] as const;
beforeAll(() => loadProfiles(PROFILES, t.directory));

/** A dump that serves its pages itself was seen to take most of a minute on a busy machine. */
const PATIENCE_MS = 100_000;

describe('checkpoint, restore', () => {
  const started = async (script: string, edit: (config: Config) => void = () => {}) => {
    const root = t.freshRootfs();
    const bundle = t.bundle((config: Config) => {
      config.root = { path: root };
      config.process.args = ['sh', '-c', script];
      edit(config);
    });
    const id = t.newId();
    expect(t.call(['run', '--detach', '--bundle', bundle, id])).toMatchObject({ status: 0 });
    const read = (file: string) =>
      existsSync(join(root, file)) ? readFileSync(join(root, file), 'utf8') : '';
    return { id, bundle, root, read };
  };

  const expectOk = (args: readonly string[]) =>
    expect(t.call(args)).toMatchObject({ status: 0, stderr: '' });

  /** A container one of whose processes has said `before` to another, and says `behind` when /go is there. */
  const speaking = async () => {
    const speak = '(echo before; until [ -e /go ]; do sleep 0.1; done; echo behind; sleep 1000)';
    const listen = '(sleep 1000 | nc -l -p 9000 >/got) &';
    const made = await started(
      `${listen} until netstat -ltn | grep -q 9000; do sleep 0.1; done; ${speak} | nc 127.0.0.1 9000`,
    );
    await until(() => made.read('got') === 'before\n', 'the first line');
    return made;
  };

  it('--tcp-established: a connection lives on', async () => {
    const { id, bundle, root, read } = await speaking();
    const skip = ['--network-lock', 'skip', '--image-path', join(bundle, 'i')];
    const flags = ['--tcp-established', ...skip];
    expectOk(['checkpoint', ...flags, id]);
    expectOk(['restore', '--detach', ...flags, '--bundle', bundle, id]);
    writeFileSync(join(root, 'go'), '');
    await until(() => read('got') === 'before\nbehind\n', 'the line behind the restore');
  });

  it('--tcp-close: connections are closed when they are restored', async () => {
    const { id, bundle } = await speaking();
    const flags = ['--network-lock', 'skip', '--image-path', join(bundle, 'i')];
    const connections = () => t.call(['exec', id, 'netstat', '-tn']).stdout;
    expect(connections()).toContain('ESTABLISHED');
    expectOk(['checkpoint', '--tcp-established', ...flags, id]);
    expectOk(['restore', '--detach', '--tcp-close', ...flags, '--bundle', bundle, id]);
    expect(connections()).not.toContain('ESTABLISHED');
  });

  it('--tcp-skip-in-flight: a connection that nobody has accepted is left out', async () => {
    const listen =
      'nc -l -p 9000 & until netstat -ltn | grep -q 9000; do sleep 0.1; done; kill -STOP $!';
    const connect =
      'nc 127.0.0.1 9000 </dev/null >/dev/null & until netstat -tn | grep -q 9000; do sleep 0.1; done';
    const { id, bundle, read } = await started(
      `${listen}; ${connect}; kill -KILL $!; touch /ready; echo yes >/ready; while :; do sleep 1; done`,
    );
    await until(() => read('ready') === 'yes\n', 'the connection');
    const flags = [
      '--tcp-established',
      '--network-lock',
      'skip',
      '--image-path',
      join(bundle, 'i'),
    ];
    expect(t.call(['checkpoint', ...flags, id])).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(/in-flight/i),
    });
    expectOk(['checkpoint', '--tcp-skip-in-flight', ...flags, id]);
    expectOk(['restore', '--detach', ...flags, '--bundle', bundle, id]);
    expect(t.state(id).status).toBe('running');
  });

  it('--lazy-pages: memory stays, and comes when it is asked for; --status-fd says from when on', async () => {
    const count = 'i=0; while :; do i=$((i+1)); echo $i >/count; sleep 0.1; done';
    const { id, bundle, read } = await started(count);
    await until(() => Number(read('count')) > 2, 'the count');
    const at = (name: string) => join(bundle, name);
    const directories = ['--image-path', at('images'), '--work-path', at('work')];
    const status = openSync(at('status'), 'w');
    const checkpoint = ['checkpoint', '--lazy-pages', '--page-server', '127.0.0.1:27000'];
    const dumping = t.spawn([...checkpoint, '--status-fd', '3', ...directories, id], {
      descriptors: [status],
    });
    const isSaid = () => readFileSync(at('status'), 'utf8') === '\0';
    await until(() => dumping.child.exitCode !== null || isSaid(), 'word of pages', PATIENCE_MS);
    expect(isSaid() ? '' : await dumping.ended, 'the checkpoint').toBe('');
    const server = ['--page-server', '--address', '127.0.0.1', '--port', '27000'];
    const daemon = spawn('criu', ['lazy-pages', ...server, '-D', at('images'), '-W', at('work')], {
      stdio: 'ignore',
    });
    const ended = new Promise((done) => daemon.on('exit', done));
    await until(
      () => existsSync(at('work/lazy-pages.socket')),
      'the daemon of lazy pages',
      PATIENCE_MS,
    );
    const before = Number(read('count'));
    const restored = `${id}-restored`;
    expectOk(['restore', '--detach', '--lazy-pages', ...directories, '--bundle', bundle, restored]);
    await until(() => Number(read('count')) > before + 2, 'more of the count', PATIENCE_MS);
    expect(await ended).toBe(0);
    expect(await dumping.ended).toMatchObject({ status: 0, stderr: '' });
    expectOk(['delete', '--force', restored]);
  }, 300_000);

  it('a shell that has put its output aside has the new one back', async () => {
    const wait = 'until [ -e /go ]; do sleep 0.1; done';
    const { id, bundle, root, read } = await started(
      `{ echo yes; ${wait}; } >/ready; echo behind; exec sleep 1000`,
    );
    await until(() => read('ready') === 'yes\n', 'the redirection');
    const images = ['--image-path', join(bundle, 'i')];
    expectOk(['checkpoint', ...images, id]);
    const restored = t.spawn(['restore', '--detach', ...images, '--bundle', bundle, id]);
    expect(await restored.ended).toMatchObject({ status: 0 });
    writeFileSync(join(root, 'go'), '');
    await until(() => restored.stdout() === 'behind\n', 'the line behind the restore');
  });

  it('--lsm-profile: another profile of AppArmor than the images have', async () => {
    const [first = '', second = ''] = PROFILES;
    const show = 'while :; do cat /proc/self/attr/current >/new; mv /new /profile; sleep 0.1; done';
    const { id, bundle, read } = await started(show, (config) => {
      config.process.apparmorProfile = first;
    });
    await until(() => read('profile') === `${first} (enforce)\n`, 'the profile');
    const images = ['--image-path', join(bundle, 'i')];
    expectOk(['checkpoint', ...images, id]);
    const lsm = ['--lsm-profile', `apparmor:${second}`, '--lsm-mount-context', 'unused'];
    expectOk(['restore', '--detach', ...lsm, ...images, '--bundle', bundle, id]);
    await until(() => read('profile') === `${second} (enforce)\n`, 'the other profile');
  });

  it('--pre-dump, --parent-path: memory first, while it runs', async () => {
    const count = 'i=0; while :; do i=$((i+1)); echo $i >/count; sleep 0.1; done';
    const { id, bundle, read } = await started(count);
    await until(() => Number(read('count')) > 2, 'the count');
    const images = join(bundle, 'images');
    mkdirSync(images);
    const first = ['--image-path', join(images, 'first')];
    expect(t.call(['checkpoint', '--pre-dump', ...first, id])).toMatchObject({
      status: 0,
      stderr: '',
    });
    expect(t.state(id).status).toBe('running');
    const second = ['--image-path', join(images, 'second'), '--parent-path', '../first'];
    expectOk(['checkpoint', '--pre-dump', ...second, id]);
    const last = ['--image-path', join(images, 'last')];
    const dump = t.call(['checkpoint', ...last, '--parent-path', '../second', id]);
    expect(dump).toMatchObject({ status: 0, stderr: '' });
    expect(existsSync(join(images, 'last/parent'))).toBe(true);
    const before = Number(read('count'));
    expect(t.call(['restore', '--detach', ...last, '--bundle', bundle, id])).toMatchObject({
      status: 0,
    });
    await until(() => Number(read('count')) > before + 2, 'more of the count');
    expect(Number(read('count'))).toBeLessThan(before + 100);
  });
});
