import { describe, expect, it } from 'vitest';
import { distanceOf, nearest, suggestProperty } from '../../../src/explain/suggest.ts';

describe('distanceOf', () => {
  it.each([
    ['mounts', 'mounts', 0],
    ['mount', 'mounts', 1],
    ['monuts', 'mounts', 1],
    ['moumts', 'mounts', 1],
    ['', 'env', 3],
    ['kitten', 'sitting', 3],
  ])('of %s and %s is %d', (a, b, distance) => {
    expect(distanceOf(a, b)).toBe(distance);
    expect(distanceOf(b, a)).toBe(distance);
  });
});

describe('nearest', () => {
  it('takes another case for the same word, and nothing for what is far', () => {
    expect(nearest('NoNewPrivileges', ['noNewPrivileges', 'args'])).toBe('noNewPrivileges');
    expect(nearest('colour', ['args', 'env'])).toBeUndefined();
  });
  it('wants short words to be nearer', () => {
    expect(nearest('xyz', ['env'])).toBeUndefined();
    expect(nearest('evn', ['env'])).toBe('env');
  });
});

describe('suggestProperty', () => {
  it.each([
    ['/mount', 'mounts'],
    ['/process/capabilites', 'capabilities'],
    ['/mounts/3/option', 'options'],
    ['/linux/resources/memory/limt', 'limit'],
    ['/linux/resources/hugepageLimits/0/pagesize', 'pageSize'],
  ])('%s: a near property of the same object is %s', (pointer, name) => {
    expect(suggestProperty(pointer)).toBe(name);
  });
  it.each([
    ['/cwd', 'process.cwd'],
    ['/seccomp', 'linux.seccomp'],
    ['/linux/rlimits', 'process.rlimits'],
    ['/linux/destination', 'mounts[].destination'],
  ])('%s: the same name elsewhere is %s', (pointer, name) => {
    expect(suggestProperty(pointer)).toBe(name);
  });
  it('knows nothing of names that are like no other', () => {
    expect(suggestProperty('/flavour')).toBeUndefined();
    expect(suggestProperty('/annotations/a')).toBeUndefined();
  });
});
