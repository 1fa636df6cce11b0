import { describe, expect, it } from 'vitest';
import { formatConfigPath, valueAt } from '../../../src/spec/configPath.ts';

describe('formatConfigPath', () => {
  it.each([
    ['', ''],
    ['/mounts/3', 'mounts[3]'],
    ['/linux/resources/memory/limit', 'linux.resources.memory.limit'],
    ['/linux/sysctl/net.ipv4.ip_forward', 'linux.sysctl["net.ipv4.ip_forward"]'],
    ['/annotations/a~1b~0c', 'annotations["a/b~c"]'],
  ])('writes %s as %s', (path, text) => {
    expect(formatConfigPath(path)).toBe(text);
  });
});

describe('valueAt', () => {
  const config = { mounts: [{ destination: '/proc' }], annotations: { 'a/b': 'c' } };

  it.each([
    ['/mounts/0/destination', '/proc'],
    ['/annotations/a~1b', 'c'],
    ['/mounts/1/destination', undefined],
    ['/toString', undefined],
  ])('follows %s', (path, value) => {
    expect(valueAt(config, path)).toBe(value);
  });
});
