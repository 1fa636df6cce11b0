import { describe, expect, it } from 'vitest';
import {
  checkRootfsPropagation,
  planFinalPropagation,
  planRootfsPropagation,
} from '../../../../src/config/linux/rootfsPropagation.ts';
import type { Linux } from '../../../../src/generated/spec.ts';
import {
  MS_PRIVATE,
  MS_REC,
  MS_SHARED,
  MS_SLAVE,
  MS_UNBINDABLE,
} from '../../../../src/linux/constants/mount.ts';
import { contextOf, opsOf, specOfLinux } from '../../context.ts';

const context = (rootfsPropagation?: Linux['rootfsPropagation']) =>
  contextOf(
    specOfLinux({
      namespaces: [{ type: 'mount' }],
      ...(rootfsPropagation === undefined ? {} : { rootfsPropagation }),
    }),
  );
const change = (flags: number) => [{ call: 'mount', target: '/', flags: BigInt(flags) }];

describe('linux.rootfsPropagation', () => {
  it.each([
    [undefined, MS_REC | MS_SLAVE, undefined],
    ['shared', MS_SHARED, MS_SHARED],
    ['rshared', MS_REC | MS_SHARED, MS_REC | MS_SHARED],
    ['slave', MS_SLAVE, undefined],
    ['rslave', MS_REC | MS_SLAVE, undefined],
    ['private', MS_PRIVATE, undefined],
    ['rprivate', MS_REC | MS_PRIVATE, undefined],
    ['unbindable', MS_REC | MS_PRIVATE, MS_UNBINDABLE],
    ['runbindable', MS_REC | MS_PRIVATE, MS_REC | MS_UNBINDABLE],
  ] as const)('%s: before the mounts, and of the root at the end', (value, before, after) => {
    expect(opsOf(planRootfsPropagation(context(value)))).toEqual(change(before));
    expect(opsOf(planFinalPropagation(context(value)))).toEqual(
      after === undefined ? [] : change(after),
    );
  });

  it('is refused without a mount namespace, and changes nothing on the host', () => {
    const spec = specOfLinux({ rootfsPropagation: 'shared' });
    expect(checkRootfsPropagation(spec)).toMatchObject([
      { severity: 'error', path: '/linux/rootfsPropagation' },
    ]);
    expect(planRootfsPropagation(contextOf(spec))).toEqual([]);
    expect(planFinalPropagation(contextOf(spec))).toEqual([]);
  });
});
