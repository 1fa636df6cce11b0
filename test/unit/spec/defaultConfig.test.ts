import { describe, expect, it } from 'vitest';
import { defaultConfig } from '../../../src/spec/defaultConfig.ts';
import { formatJson } from '../../../src/spec/formatJson.ts';
import { checkConfig } from '../../../src/spec/load.ts';

describe('defaultConfig', () => {
  it.each([
    ['root', undefined],
    ['a user', { uid: 1000, gid: 100 }],
  ])('for %s is a config nothing is wrong with', (_, rootless) => {
    expect(checkConfig(formatJson(defaultConfig(rootless))).problems).toStrictEqual([]);
  });

  it('for a user maps root to that user alone', () => {
    const { linux } = defaultConfig({ uid: 1000, gid: 100 });
    expect(linux?.uidMappings).toStrictEqual([{ containerID: 0, hostID: 1000, size: 1 }]);
    expect(linux?.gidMappings).toStrictEqual([{ containerID: 0, hostID: 100, size: 1 }]);
    expect(linux?.namespaces?.map(({ type }) => type)).toContain('user');
    expect(linux?.namespaces?.map(({ type }) => type)).not.toContain('network');
  });

  it('for a user mounts nothing that takes an unmapped group or the network namespace', () => {
    const { mounts } = defaultConfig({ uid: 1000, gid: 100 });
    expect(mounts?.flatMap(({ options }) => options ?? []).join()).not.toContain('gid=');
    expect(mounts?.find(({ destination }) => destination === '/sys')?.source).toBe('/sys');
  });
});
