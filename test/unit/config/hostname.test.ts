import { describe, expect, it } from 'vitest';
import { checkDomainname, planDomainname } from '../../../src/config/domainname.ts';
import { checkHostname, planHostname } from '../../../src/config/hostname.ts';
import { contextOf, opsOf, specOf } from '../context.ts';

const linux = { namespaces: [{ type: 'uts' } as const] };

describe.each([
  ['hostname', checkHostname, planHostname, 'sethostname'],
  ['domainname', checkDomainname, planDomainname, 'setdomainname'],
] as const)('%s', (property, check, plan, call) => {
  const spec = (name: string) => specOf({ linux, [property]: name });

  it('is set in the UTS namespace of the container', () => {
    expect(opsOf(plan(contextOf(spec('web'))))).toEqual([{ call, name: 'web' }]);
    expect(check(spec('web'))).toEqual([]);
  });

  it('is left alone when empty', () => {
    expect(plan(contextOf(spec('')))).toEqual([]);
    expect(check(specOf({ [property]: '' }))).toEqual([]);
  });

  it('is refused without a UTS namespace, in the words engines know', () => {
    expect(check(specOf({ [property]: 'web' }))).toEqual([
      {
        severity: 'error',
        path: `/${property}`,
        message: `unable to set ${property} without a private UTS namespace`,
      },
    ]);
  });

  it('may have 64 bytes of UTF-8, not more', () => {
    expect(check(spec(`${'é'.repeat(31)}ab`))).toEqual([]);
    expect(check(spec(`${'é'.repeat(31)}abc`))).toMatchObject([{ path: `/${property}` }]);
    expect(check(spec('a\0'))).toMatchObject([{ path: `/${property}` }]);
  });
});
