import { describe, expect, it } from 'vitest';
import { checkPersonality, planPersonality } from '../../../../src/config/linux/personality.ts';
import { contextOf, opsOf, specOfLinux } from '../../context.ts';

describe('linux.personality', () => {
  it.each([
    ['LINUX', 0],
    ['LINUX32', 8],
  ] as const)('%s is persona %d', (domain, persona) => {
    const spec = specOfLinux({ personality: { domain } });
    expect(opsOf(planPersonality(contextOf(spec)))).toEqual([{ call: 'personality', persona }]);
  });

  it('is left alone when absent', () => {
    expect(planPersonality(contextOf(specOfLinux({})))).toEqual([]);
  });

  it('names flags, of which there are none, in a warning', () => {
    const spec = specOfLinux({ personality: { domain: 'LINUX', flags: ['X'] } });
    expect(checkPersonality(spec)).toMatchObject([
      { severity: 'warning', path: '/linux/personality/flags/0' },
    ]);
  });
});
