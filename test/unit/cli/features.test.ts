import { describe, expect, it } from 'vitest';
import { supportedFeatures } from '../../../src/cli/features.ts';
import { UNSUPPORTED } from '../../../src/config/unsupported.ts';
import { validateFeatures } from '../../../src/generated/outputValidators.js';

describe('features', () => {
  it('satisfies the schema of the specification', () => {
    expect(validateFeatures(supportedFeatures())).toBe(true);
  });

  it.each([
    ['/process/apparmorProfile', 'apparmor'],
    ['/process/selinuxLabel', 'selinux'],
    ['/linux/netDevices', 'netDevices'],
    ['/linux/intelRdt', 'intelRdt'],
  ] as const)('claims %s only when it is carried out', (pointer, feature) => {
    const isRefused = UNSUPPORTED.some((row) => row.pattern === pointer);
    expect(supportedFeatures().linux?.[feature]?.enabled).toBe(!isRefused);
  });
});
