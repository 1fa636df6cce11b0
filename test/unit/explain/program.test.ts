import { describe, expect, it } from 'vitest';
import { programProblem, type SeenFile, type View } from '../../../src/explain/program.ts';

const bytes = (text: string) => new TextEncoder().encode(text);
const file = (
  head: Uint8Array,
  mode = 0o755,
  facts: Partial<SeenFile['facts']> = {},
): SeenFile => ({
  facts: { mode: 0o100000 | mode, uid: 0, gid: 0, inode: 1n, isNoexec: false, ...facts },
  head,
});

/** An ELF header of 64 bits with one program header, PT_INTERP where a loader is given. */
function elf(machine: number, loader?: string): Uint8Array {
  const head = new Uint8Array(256);
  head.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  const view = new DataView(head.buffer);
  view.setUint16(18, machine, true);
  view.setBigUint64(32, 64n, true);
  view.setUint16(54, 56, true);
  view.setUint16(56, loader === undefined ? 0 : 1, true);
  if (loader === undefined) return head;
  view.setUint32(64, 3, true);
  view.setBigUint64(72, 128n, true);
  view.setBigUint64(96, BigInt(loader.length + 1), true);
  head.set(bytes(loader), 128);
  return head;
}

const STATIC = file(elf(62));
const viewOf =
  (files: Record<string, SeenFile | 'unseen'>): View =>
  (path) =>
    files[path];
const run = (files: Record<string, SeenFile | 'unseen'>, name: string, uid = 0) =>
  programProblem(viewOf(files), {
    file: name,
    search: '/usr/bin:/bin',
    uid,
    gids: [uid],
    machine: 'x86_64',
  });

describe('programProblem', () => {
  it('finds nothing wrong with a program that can be executed', () => {
    expect(run({ '/bin/sh': STATIC }, 'sh')).toBeUndefined();
    expect(run({ '/bin/sh': STATIC }, '/bin/sh')).toBeUndefined();
  });
  it('says nothing of what it cannot see', () => {
    expect(run({ '/bin/sh': 'unseen' }, 'sh')).toBeUndefined();
    expect(run({ '/bin/sh': 'unseen' }, '/bin/sh')).toBeUndefined();
  });
  it.each([
    ['nosuch', {}, /in no directory of PATH \(\/usr\/bin:\/bin\)/],
    ['ip', { '/sbin/ip': STATIC }, /it is at \/sbin\/ip, which is not in PATH/],
    ['/nosuch', {}, /\/nosuch does not exist/],
    ['/a', { '/a': file(bytes('#!/bin/bash\n')) }, /\/bin\/bash, the interpreter of \/a, does not/],
    [
      '/a',
      { '/a': file(bytes('#! /bin/sh -e\r\necho')), '/bin/sh': STATIC },
      /CR LF.*"\/bin\/sh -e\\r"|CR LF/,
    ],
    ['/a', { '/a': file(bytes('#!\n')) }, /names no interpreter/],
    ['/a', { '/a': file(bytes('echo hello')) }, /neither an ELF program nor a script/],
    ['/a', { '/a': file(new Uint8Array()) }, /is empty/],
    ['/a', { '/a': file(elf(183)) }, /a program for arm64, and this machine is x86-64/],
    ['/a', { '/a': file(elf(62, '/lib/ld-musl-x86_64.so.1')) }, /ld-musl.*built for musl/],
    ['/a', { '/a': file(elf(62, '/lib64/ld-linux-x86-64.so.2')) }, /built for glibc/],
    ['/a', { '/a': file(elf(62), 0o644) }, /mode 0644, owner 0:0: user 0 may not/],
    ['/a', { '/a': file(elf(62), 0o755, { isNoexec: true }) }, /a mount with the option noexec/],
    ['/d', { '/d': { ...STATIC, facts: { ...STATIC.facts, mode: 0o040755 } } }, /is not a file/],
  ] as const)('%s of %o: %s', (name, files, expected) => {
    expect(run(files, name)).toMatch(expected);
  });
  it('is told by owner, group and others, as the kernel asks', () => {
    const files = { '/a': file(elf(62), 0o710, { uid: 5, gid: 7 }) };
    expect(run(files, '/a', 5)).toBeUndefined();
    expect(run(files, '/a', 7)).toBeUndefined();
    expect(run(files, '/a', 9)).toMatch(/mode 0710, owner 5:7: user 9 may not/);
  });
  it('follows a script to its interpreter', () => {
    const script = file(bytes('#!/opt/run\n'));
    const inner = file(bytes('#!/bin/lost\n'));
    expect(run({ '/a': script, '/opt/run': inner }, '/a')).toMatch(
      /\/bin\/lost, the interpreter of \/opt\/run/,
    );
  });
  it('takes a loader that is there for enough', () => {
    const files = { '/a': file(elf(62, '/lib64/ld.so')), '/lib64/ld.so': STATIC };
    expect(run(files, '/a')).toBeUndefined();
  });
});
