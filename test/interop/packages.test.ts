/** The packages, installed into directories and used. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { version } from '../../package.json';
import { makeRootfsArchive } from './image.ts';
import { IMAGE, podmanProgram, preparePodman } from './podman.ts';
import { TOP, useSandbox } from './sandbox.ts';

const sandbox = useSandbox(() => {});

let work = '';
beforeAll(() => {
  work = mkdtempSync(join(tmpdir(), 'tsrun-packages-'));
});
afterAll(() => rmSync(work, { recursive: true, force: true }));

function run(command: string, args: readonly string[], cwd = TOP): string {
  const done = spawnSync(command, args, { cwd, encoding: 'utf8' });
  expect({ command, status: done.status, stderr: done.stderr }).toMatchObject({
    command,
    status: 0,
  });
  return done.stdout;
}

describe('npm run package', () => {
  beforeAll(() => run('npx', ['tsx', 'native/packaging/package.ts']));
  const packages = join(TOP, 'dist/packages');
  const found = (pattern: RegExp) => {
    const name = readdirSync(packages).find((one) => pattern.test(one));
    if (name === undefined) throw new Error(`no ${pattern} in ${packages}`);
    return join(packages, name);
  };

  it.each([
    ['.deb', (to: string) => run('dpkg-deb', ['-x', found(/^tsrun_.*\.deb$/), to])],
    [
      '.tar.gz',
      (to: string) => run('tar', ['-xzf', found(/\.tar\.gz$/), '--strip-components=1', '-C', to]),
    ],
  ])('%s: a program that runs, its manual and completion', (name, unpack) => {
    const directory = join(work, name);
    mkdirSync(directory);
    unpack(directory);
    const at = (path: string) => join(directory, path);
    expect(run(at('usr/bin/tsrun'), ['--version'])).toContain(`tsrun version ${version}\n`);
    const page = run('sh', [
      '-c',
      'zcat "$0" | groff -man -Tutf8 | col -b',
      at('usr/share/man/man8/tsrun-run.8.gz'),
    ]);
    expect(page).toContain('--preserve-fds');
    expect(readFileSync(at('usr/share/bash-completion/completions/tsrun'), 'utf8')).toContain(
      '_tsrun',
    );
    expect(readFileSync(at('etc/containers/containers.conf.d/50-tsrun.conf'), 'utf8')).toContain(
      'tsrun',
    );
  });

  it('the .deb is one that dpkg takes, of this version and owned by root', () => {
    const deb = found(/^tsrun_.*\.deb$/);
    expect(run('dpkg-deb', ['-f', deb, 'Package', 'Version'])).toBe(
      `Package: tsrun\nVersion: ${version}\n`,
    );
    expect(run('dpkg-deb', ['-c', deb])).toMatch(
      /^-rwxr-xr-x root\/root +\d+ .* \.\/usr\/bin\/tsrun$/m,
    );
  });

  it('the .deb is installed by dpkg, is what podman runs containers with, and is removed without a trace', () => {
    // This machine's own directories stay as they are.
    for (const [index, path] of ['/usr', '/etc', '/var/lib/dpkg'].entries()) {
      const [upper, scratch] = [`/run/upper${index}`, `/run/work${index}`];
      sandbox.ok(['mkdir', upper, scratch]);
      const layers = `lowerdir=${path},upperdir=${upper},workdir=${scratch}`;
      sandbox.ok(['mount', '-t', 'overlay', '-o', layers, 'overlay', path]);
    }
    sandbox.ok(['dpkg', '-i', found(/^tsrun_.*\.deb$/)]);
    expect(sandbox.ok(['dpkg', '-V', 'tsrun'])).toBe('');
    preparePodman(sandbox);
    const podman = podmanProgram(sandbox, '/usr/bin/tsrun');
    const container = ['run', '--rm', '--network=none', IMAGE, 'echo', 'from a package'];
    expect(sandbox.ok([...podman, ...container])).toBe('from a package\n');
    sandbox.ok(['umount', '/etc/containers']);
    sandbox.ok(['dpkg', '-P', 'tsrun']);
    const search = ['find', '/usr', '/etc', '-xdev', '-name', '*tsrun*'];
    expect(sandbox.ok(search)).toBe('');
  });
});

describe('npm pack', () => {
  let installed = '';
  beforeAll(() => {
    run('node', ['native/packaging/npm.mjs']);
    run('npm', ['pack', '--ignore-scripts', '--pack-destination', work]);
    const project = join(work, 'project');
    installed = join(project, 'node_modules/tsrun');
    mkdirSync(project);
    writeFileSync(join(project, 'package.json'), '{"type":"module"}');
    // What it depends on is in npm's cache since the project itself was installed.
    const quick = ['--prefer-offline', '--no-audit', '--no-fund'];
    run('npm', ['install', ...quick, join(work, `tsrun-${version}.tgz`)], project);
  });

  it('has a program that npx finds', () => {
    const { bin } = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8')) as {
      bin: { tsrun: string };
    };
    expect(run('npx', ['--no-install', 'tsrun', '--version'], join(work, 'project'))).toBe(
      run(join(installed, bin.tsrun), ['--version']),
    );
    const output = run(join(installed, bin.tsrun), ['--version']);
    expect(output).toContain(`tsrun version ${version}\n`);
    expect(run(join(installed, bin.tsrun), ['plan', '--bundle', 'bundles/hello'])).toContain(
      'execve',
    );
  });

  it('has a program that runs containers, in the foreground and detached', () => {
    makeRootfsArchive(sandbox.directory);
    const text = readFileSync(join(TOP, 'bundles/hello/config.json'), 'utf8');
    const config = text.replace('../rootfs', join(sandbox.directory, 'rootfs'));
    const bundle = dirname(sandbox.file('bundle/config.json', config));
    const state = ['--root', join(sandbox.directory, 'state')];
    const program = [join(work, 'project/node_modules/.bin/tsrun'), ...state];
    const inFront = [...program, 'run', '--bundle', bundle, 'one'];
    expect(sandbox.ok(inFront)).toBe('hello from a container\n');
    sandbox.ok([...program, 'create', '--bundle', bundle, 'two']);
    expect(sandbox.ok([...program, 'list', '-q'])).toBe('two\n');
    expect(sandbox.ok([...program, 'start', 'two'])).toBe('');
    sandbox.ok([...program, 'delete', '--force', 'two']);
  });

  it('has a library: load, check and plan, with types', () => {
    const project = join(work, 'project');
    const bundle = join(TOP, 'bundles/hello');
    writeFileSync(
      join(project, 'use.ts'),
      `import { check, formatPlan, load, type Plan, plan, type Spec, TsrunError } from 'tsrun';
import { readFileSync } from 'node:fs';
const text = readFileSync('${bundle}/config.json', 'utf8');
const spec: Spec = load(text);
const made: Plan = plan('${bundle}');
const wrong: readonly string[] = check('{"ociVersion": "1.0.2", "mounts": [{}]}').map(({ path }) => path);
let code = '';
try { load('{}'); } catch (thrown) { if (thrown instanceof TsrunError) code = thrown.code; }
console.log(JSON.stringify([spec.process?.cwd, made.steps.length > 50, wrong, code, formatPlan(made).includes('execve')]));
`,
    );
    const options = [
      '--ignoreConfig',
      '--module',
      'nodenext',
      '--strict',
      '--types',
      'node',
      '--skipLibCheck',
      'false',
    ];
    const typeRoots = ['--typeRoots', join(TOP, 'node_modules/@types'), '--target', 'es2023'];
    const tsc = spawnSync('npx', ['tsc', ...options, ...typeRoots, join(project, 'use.ts')], {
      cwd: TOP,
      encoding: 'utf8',
    });
    expect(tsc.stdout).toBe('');
    const [cwd, isLong, wrong, code, executes] = JSON.parse(
      run('node', ['use.js'], project),
    ) as unknown[];
    expect({ cwd, isLong, code, executes }).toEqual({
      cwd: '/',
      isLong: true,
      code: 'config-invalid',
      executes: true,
    });
    expect(wrong).toContain('/mounts/0/destination');
  });
});
