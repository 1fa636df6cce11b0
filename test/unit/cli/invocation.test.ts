import { describe, expect, it } from 'vitest';
import { GLOBAL_FLAGS } from '../../../src/cli/flags.ts';
import { globalsOf } from '../../../src/cli/invocation.ts';
import { parseArguments } from '../../../src/cli/parse.ts';

const globals = (...args: string[]) =>
  globalsOf(parseArguments(['--root', '/run/x', ...args], GLOBAL_FLAGS, 'flags-first').values);

describe('--root', () => {
  it('loses the slashes at its end', () => {
    expect(globals('--root', '/run/x//').root).toBe('/run/x');
  });

  it.each(['/', '//'])('is not %s, whose directories delete would take for containers', (root) => {
    expect(() => globals('--root', root)).toThrow('must not be the root directory');
  });
});

describe('--rootless', () => {
  it.each([
    ['true', true],
    ['false', false],
  ])('%s', (text, rootless) => {
    expect(globals('--rootless', text).rootless).toBe(rootless);
  });

  it.each([[[]], [['--rootless=auto']]])('%j leaves it to the host', (args) => {
    expect(globals(...args)).not.toHaveProperty('rootless');
  });

  it('is nothing else', () => {
    expect(() => globals('--rootless', 'maybe')).toThrow('invalid value "maybe"');
  });
});

describe('--cgroup-manager', () => {
  it.each([
    [[], 'cgroupfs'],
    [['--systemd-cgroup'], 'systemd'],
    [['--cgroup-manager', 'systemd'], 'systemd'],
    [['--systemd-cgroup', '--cgroup-manager=systemd'], 'systemd'],
    [['--cgroup-manager=disabled'], 'disabled'],
  ])('%j is %s', (args, manager) => {
    expect(globals(...args).cgroupManager).toBe(manager);
  });

  it.each([
    [['--cgroup-manager=other'], 'invalid value "other"'],
    [['--systemd-cgroup', '--cgroup-manager=cgroupfs'], 'exclude each other'],
  ])('%j is refused', (args, message) => {
    expect(() => globals(...args)).toThrow(message);
  });
});

describe('--systemd-timeout', () => {
  it('is seconds, 30 when it is not given', () => {
    expect(globals().systemdTimeoutMs).toBe(30_000);
    expect(globals('--systemd-timeout', '2').systemdTimeoutMs).toBe(2000);
  });

  it.each(['0', '-1', '86401'])('is not %s', (text) => {
    expect(() => globals('--systemd-timeout', text)).toThrow('for flag -systemd-timeout');
  });
});
