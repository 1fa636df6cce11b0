import { describe, expect, it } from 'vitest';
import { checkUser, planUmask, planUser } from '../../../../src/config/process/user.ts';
import type { Spec } from '../../../../src/generated/spec.ts';
import { contextOf, opsOf, ROOTLESS, specOf, specOfProcess } from '../../context.ts';

const SELF = [{ containerID: 0, hostID: 1000, size: 1 }];
const inUserns = (user: NonNullable<NonNullable<Spec['process']>['user']>): Spec => ({
  ...specOfProcess({ user }),
  linux: { namespaces: [{ type: 'user' }], uidMappings: SELF, gidMappings: SELF },
});

describe('process.user', () => {
  it('gives stdio away, then drops groups, gid and uid in this order', () => {
    const spec = specOfProcess({ user: { uid: 1000, gid: 100, additionalGids: [5, 6] } });
    expect(opsOf(planUser(contextOf(spec)))).toEqual([
      { call: 'chown_stdio', uid: 1000 },
      { call: 'setgroups', gids: [5, 6] },
      { call: 'setgid', gid: 100 },
      { call: 'setuid', uid: 1000 },
    ]);
  });

  it('is root without the caller’s groups when absent', () => {
    expect(opsOf(planUser(contextOf(specOf({}))))).toEqual([
      { call: 'chown_stdio', uid: 0 },
      { call: 'setgroups', gids: [] },
      { call: 'setgid', gid: 0 },
      { call: 'setuid', uid: 0 },
    ]);
  });

  it('leaves groups alone where the id map gave up setgroups', () => {
    const steps = planUser(contextOf(inUserns({ uid: 0 }), { host: ROOTLESS }));
    expect(steps.map(({ op }) => op.call)).toEqual(['chown_stdio', 'setgid', 'setuid']);
  });

  it('fails on groups that were asked for even there', () => {
    const spec = inUserns({ additionalGids: [0] });
    const steps = planUser(contextOf(spec, { host: ROOTLESS }));
    expect(steps[1]).toEqual({
      actor: 'init',
      origin: '/process/user/additionalGids',
      op: { call: 'setgroups', gids: [0] },
    });
  });

  it('goes on where the namespace tsrun is in denies dropping groups', () => {
    const steps = planUser(contextOf(specOf({}), { host: { inUserNamespace: true } }));
    expect(steps[1]).toMatchObject({ op: { call: 'setgroups', gids: [] }, ignore: ['EPERM'] });
  });

  it('has the umask 0022 unless it says another', () => {
    expect(opsOf(planUmask(contextOf(specOf({}))))).toEqual([{ call: 'umask', mask: 0o022 }]);
    const spec = specOfProcess({ user: { umask: 0 } });
    expect(opsOf(planUmask(contextOf(spec)))).toEqual([{ call: 'umask', mask: 0 }]);
  });

  it.each([
    ['uid -1', specOfProcess({ user: { uid: 4294967295 } }), '/process/user/uid'],
    ['a umask of more than modes', specOfProcess({ user: { umask: 512 } }), '/process/user/umask'],
    ['a uid that is not mapped', inUserns({ uid: 1 }), '/process/user/uid'],
    ['a gid that is not mapped', inUserns({ gid: 1 }), '/process/user/gid'],
    [
      'a group that is not mapped',
      inUserns({ additionalGids: [0, 3] }),
      '/process/user/additionalGids/1',
    ],
  ])('refuses %s', (_, spec, path) => {
    expect(checkUser(spec)).toMatchObject([{ severity: 'error', path }]);
  });
});
