import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { StateRecord } from '../../../src/container/record.ts';
import { listContainers } from '../../../src/container/state.ts';
import {
  checkId,
  claim,
  isLocked,
  load,
  lockContainer,
  newDirectory,
  removeDirectory,
  saveRecord,
} from '../../../src/container/store.ts';
import { setEngine } from '../../../src/engine/current.ts';
import { nodeEngine } from '../../../src/engine/node.ts';
import { close } from '../../../src/linux/files.ts';

setEngine(nodeEngine());

let root = '';
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'tsrun-store-'));
});
afterEach(() => rmSync(root, { recursive: true }));

const record = (id: string): StateRecord => ({
  id,
  ociVersion: '1.3.0',
  status: 'created',
  init_process_pid: 0,
  init_process_start: 0,
  created: '2026-01-02T03:04:05.000000006Z',
  bundle: '/bundle',
  rootfs: '/bundle/rootfs',
  uid: 0,
  cgroup_paths: [],
  shares_pid_namespace: false,
  no_new_keyring: false,
  behind_accept: { first: 0, steps: [] },
  poststart: [],
  poststop: [],
});

const code = (expected: string) => expect.objectContaining({ code: expected });

describe('an id', () => {
  it.each(['a', 'A-1_b+c.d', '.hidden', '...'])('may be %j', (id) => {
    expect(() => checkId(id)).not.toThrow();
  });
  it.each(['', '.', '..', 'a/b', 'a b', 'a\n', 'ä', 'a\0'])('may not be %j', (id) => {
    expect(() => checkId(id)).toThrow(code('id-invalid'));
  });
});

describe('the state root', () => {
  it('is made for its owner alone, a container in it so that others may pass', () => {
    const deep = join(root, 'a/b');
    close(claim(newDirectory(deep, 'web'), '{}'));
    expect(statSync(deep).mode & 0o777).toBe(0o700);
    expect(statSync(join(deep, 'web')).mode & 0o777).toBe(0o711);
  });
  it('gives an id to one create', () => {
    const directory = newDirectory(root, 'web');
    close(claim(directory, '{}'));
    expect(() => claim(directory, '{}')).toThrow(code('container-exists'));
  });
  it('has a container when state.json can be read', () => {
    const directory = newDirectory(root, 'web');
    close(claim(directory, '{}'));
    expect(() => load(root, 'web')).toThrow(code('container-missing'));
    saveRecord(directory, record('web'));
    expect(load(root, 'web')).toEqual({ directory, record: record('web') });
    expect(readdirSync(directory)).toEqual(['config.json', 'state.json']);
    expect(statSync(join(directory, 'state.json')).mode & 0o777).toBe(0o600);
  });
  it('lists containers in order, and names what it cannot read', () => {
    for (const id of ['b', 'a']) {
      const directory = newDirectory(root, id);
      const lock = claim(directory, '{}');
      saveRecord(directory, record(id));
      close(lock);
    }
    mkdirSync(join(root, 'broken/state.json'), { recursive: true });
    mkdirSync(join(root, 'cut'));
    writeFileSync(join(root, 'cut/state.json'), '{"id":');
    writeFileSync(join(root, 'a-file'), '');
    const { containers, unreadable } = listContainers(root);
    expect(containers.map(({ id, status, owner }) => [id, status, owner])).toEqual([
      ['a', 'stopped', 'root'],
      ['b', 'stopped', 'root'],
    ]);
    expect(unreadable).toEqual(['broken', 'cut']);
  });
  it('is empty when it is not there', () => {
    expect(listContainers(join(root, 'none'))).toEqual({ containers: [], unreadable: [] });
  });
});

describe('the lock', () => {
  it('is held by the create under way and refused to others', () => {
    const directory = newDirectory(root, 'web');
    const lock = claim(directory, '{}');
    expect(isLocked(directory)).toBe(true);
    expect(() => lockContainer(directory, 0)).toThrow(code('container-state'));
    close(lock);
    expect(isLocked(directory)).toBe(false);
    const mine = lockContainer(directory, 0);
    expect(mine).toBeTypeOf('number');
    close(mine ?? -1);
  });
  it('of a directory that is gone is free', () => {
    expect(lockContainer(join(root, 'none'), 0)).toBeUndefined();
    expect(isLocked(join(root, 'none'))).toBe(false);
  });
});

describe('removing the directory of a container', () => {
  it('takes all that is in it, and is no failure when it is gone', () => {
    const directory = newDirectory(root, 'web');
    close(claim(directory, '{}'));
    mkdirSync(join(directory, 'notify/deep'), { recursive: true });
    writeFileSync(join(directory, 'notify/deep/file'), '');
    saveRecord(directory, record('web'));
    removeDirectory(directory);
    removeDirectory(directory);
    expect(readdirSync(root)).toEqual([]);
  });
});
