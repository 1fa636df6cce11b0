/** What people read is the same from both hosts, to the byte. */
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { VERBS } from '../../src/cli/commands.ts';
import { isTsrun, TOP, useContainers } from './runtime.ts';

const containers = useContainers();
const NATIVE = join(TOP, 'tsrun');
const NODE = join(TOP, 'dist/tsrun.mjs');
const haveBoth =
  isTsrun &&
  existsSync(NODE) &&
  readFileSync(NATIVE).subarray(0, 4).toString('latin1') === '\x7fELF';

const call = (program: string, args: readonly string[], shell = '/bin/bash') => {
  const env = { PATH: process.env['PATH'], SHELL: shell };
  const { status, stdout, stderr } = spawnSync(program, args, { encoding: 'utf8', env });
  return { status, stdout, stderr };
};

const FIXTURES = 'test/fixtures/real-configs';
const HELP = [[], ['--help'], ['-h'], ['help'], ['help', 'exec'], ['h', 'run'], ['completion']];
const WRONG = [
  ['nosuchcommand'],
  ['help', 'nosuchcommand'],
  ['--nosuchflag'],
  ['--log-format', 'xml', 'list'],
  ['--root'],
  ['create'],
  ['create', 'one', 'two'],
  ['create', '--nosuchflag', 'web'],
  ['create', '--bundle'],
  ['create', '---bundle', 'web'],
  ['run', '-no-subreaper=perhaps', 'web'],
  ['run', '--preserve-fds', 'many', 'web'],
  ['run', '--bundle', '/nonexistent', 'web'],
  ['state', '../web'],
  ['start', 'nosuchcontainer'],
  ['kill', 'nosuchcontainer', 'NOSUCHSIGNAL'],
  ['delete'],
];
/** The sample bundles, and what engines have written. */
const CONFIGS = [
  ...readdirSync(join(TOP, 'bundles')).map((name) => `bundles/${name}/config.json`),
  ...readdirSync(join(TOP, FIXTURES)).map((name) => `${FIXTURES}/${name}`),
].filter((path) => path.endsWith('.json') && existsSync(join(TOP, path)));

const COMPLETED = [[''], ['cr'], ['create', '--'], ['--root', '/x', 'kill', '-'], ['-']];

describe.skipIf(!haveBoth)('the native host and Node', () => {
  const root = containers.stateRoot;

  it.each([...HELP, ...VERBS.map((verb) => [verb, '--help'])].map((args) => ({ args })))(
    'print the same for $args',
    ({ args }) => {
      const native = call(NATIVE, args);
      expect(native).toEqual(call(NODE, args));
      expect(native).toMatchObject({ status: 0, stderr: '' });
      expect(native.stdout).not.toBe('');
    },
  );

  it.each(WRONG.map((args) => ({ args })))('refuse $args in the same words', ({ args }) => {
    const given = args[0]?.startsWith('--') ? args : ['--root', root, ...args];
    const native = call(NATIVE, given);
    expect(native).toEqual(call(NODE, given));
    expect(native.status).not.toBe(0);
    expect(native.stderr).toMatch(/^tsrun: ./);
  });

  it.each(COMPLETED.map((words) => ({ words })))('complete $words alike', ({ words }) => {
    for (const shell of ['/bin/bash', '/bin/zsh', '/usr/bin/fish']) {
      const args = ['--get-yargs-completions', 'tsrun', ...words];
      const native = call(NATIVE, args, shell);
      expect(native).toEqual(call(NODE, args, shell));
      expect(native.stdout).not.toBe('');
    }
  });

  it.each(CONFIGS)('plan the same for %s', (path) => {
    const bundle = containers.newDirectory();
    copyFileSync(join(TOP, path), join(bundle, 'config.json'));
    const args = ['plan', '--format', 'json', '--bundle', bundle];
    const native = call(NATIVE, args);
    expect(native).toEqual(call(NODE, args));
    expect(native).toMatchObject({ status: 0, stderr: '' });
    expect(native.stdout).toContain('"execve"');
  });

  it('offer the verbs and their flags', () => {
    const completions = (...words: readonly string[]) =>
      call(NATIVE, ['--get-yargs-completions', 'tsrun', ...words]).stdout.split('\n');
    expect(completions('')).toEqual(expect.arrayContaining([...VERBS]));
    expect(completions('run', '--')).toEqual(expect.arrayContaining(['--bundle', '--detach']));
    expect(completions('run', '--')).not.toContain('--root');
  });
});

describe('flags as Go writes them', () => {
  it('may have one dash, and a bool may have a value behind =', () => {
    const bundle = containers.bundle((config) => {
      config.process.args = ['true'];
    });
    const id = containers.newId();
    const run = ['run', '-bundle', bundle, '-no-pivot=false', '--keep=false', '-no-subreaper', id];
    expect(containers.call(run)).toMatchObject({ status: 0, stderr: '' });
    expect(containers.call(['state', id]).status).not.toBe(0);
  });
});
