/**
 * linux.intelRdt. Where no processor has it, a directory stands for the resctrl file system, and a text for
 * the mount table that names it, both in a private mount namespace: what is written where is seen, what a
 * processor makes of it is not. The kernel makes the files of a new class, so here the class is there.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Config } from './config.ts';
import { isTsrun, useContainers } from './runtime.ts';

const t = useContainers();
type Rdt = NonNullable<Config['linux']['intelRdt']>;

let resctrl = '';
beforeAll(() => {
  resctrl = join(t.directory, 'resctrl');
  const classes = ['gold', 'gold/mon_groups', 'info', 'mon_groups'];
  for (const name of classes) mkdirSync(join(resctrl, name), { recursive: true });
});

/** Runs the runtime, whose number stays: its mount table is the one it reads. */
const prefix = () => [
  ...['unshare', '--mount', '--propagation', 'private', 'sh', '-c'],
  'sed "1a 9999 1 0:99 / $0 rw - resctrl resctrl rw" /proc/self/mountinfo >"$0/../table" && ' +
    'mount --bind "$0/../table" /proc/$$/mountinfo && exec "$@"',
  resctrl,
];
const read = (file: string) => readFileSync(join(resctrl, file), 'utf8');

const create = (intelRdt: Rdt) => {
  writeFileSync(join(resctrl, 'gold/schemata'), '');
  writeFileSync(join(resctrl, 'gold/tasks'), '');
  const id = t.newId();
  const bundle = t.bundle((config) => {
    config.process.args = ['sleep', '1000'];
    config.linux.intelRdt = intelRdt;
  });
  return { id, result: t.call(['create', '--bundle', bundle, id], { prefix: prefix() }) };
};

describe.runIf(isTsrun)('linux.intelRdt', () => {
  it('writes all lines to the class at once, and the process joins it before it is cloned', () => {
    const { id, result } = create({
      closID: 'gold',
      l3CacheSchema: 'L3:0=f',
      memBwSchema: 'MB:0=70',
      schemata: ['L2:0=3'],
    });
    expect(result).toMatchObject({ status: 0, stderr: '' });
    expect(read('gold/schemata')).toBe('L3:0=f\nMB:0=70\nL2:0=3\n');
    expect(read('gold/tasks')).toBe('0');
    // The class is not the container's: it was there before.
    expect(t.call(['delete', '--force', id])).toMatchObject({ status: 0, stderr: '' });
    expect(existsSync(join(resctrl, 'gold'))).toBe(true);
  });
  it('a process of exec joins the class', () => {
    const { id, result } = create({ closID: 'gold' });
    expect(result).toMatchObject({ status: 0, stderr: '' });
    writeFileSync(join(resctrl, 'gold/tasks'), '');
    expect(t.call(['exec', id, 'true'], { prefix: prefix() })).toMatchObject({ status: 0 });
    expect(read('gold/tasks')).toBe('0');
  });
  it('update writes the line asked for', () => {
    const { id, result } = create({ closID: 'gold', l3CacheSchema: 'L3:0=f' });
    expect(result).toMatchObject({ status: 0 });
    const args = ['update', '--l3-cache-schema', 'L3:0=3', id];
    expect(t.call(args, { prefix: prefix() })).toMatchObject({ status: 0, stderr: '' });
    expect(read('gold/schemata')).toMatch(/^L3:0=3\n/);
  });
  it('blames closID for a class that is not there and that nothing describes', () => {
    const { result } = create({ closID: 'silver' });
    expect(result.status).toBe(1);
    expect(result.stderr).toContain('linux.intelRdt.closID');
  });
  it('removes what it has made when the container cannot be created', () => {
    const { result } = create({ closID: 'copper', l3CacheSchema: 'L3:0=f' });
    expect(result.status).toBe(1);
    // No kernel has made the file of this class.
    expect(result.stderr).toContain('linux.intelRdt.l3CacheSchema');
    expect(existsSync(join(resctrl, 'copper'))).toBe(false);
  });
  it.skipIf(existsSync('/sys/fs/resctrl/schemata'))('is refused on a host without resctrl', () => {
    const { status, stderr } = t.run((config) => {
      config.linux.intelRdt = { closID: 'gold' };
    });
    expect(status).toBe(1);
    expect(stderr).toContain('needs the resctrl file system');
  });
});
