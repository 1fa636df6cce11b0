import { describe, expect, it } from 'vitest';
import {
  checkApparmor,
  checkApparmorProfile,
  planApparmorProfile,
  planExecApparmorProfile,
} from '../../../../src/config/process/apparmorProfile.ts';
import { contextOf, HOST, specOfProcess } from '../../context.ts';

const APPARMOR = { host: { lsm: { ...HOST.lsm, apparmor: true } } };
const specFor = (apparmorProfile: string) => specOfProcess({ apparmorProfile });

describe('process.apparmorProfile', () => {
  it('is asked for the next execve, of the host’s own procfs', () => {
    const context = contextOf(specFor('docker-default'), APPARMOR);
    const op = {
      call: 'write_attr',
      proc: 'proc',
      directory: 'apparmor',
      name: 'exec',
      data: 'exec docker-default',
    };
    expect(planApparmorProfile(context)).toMatchObject([
      { actor: 'init', origin: '/process/apparmorProfile', op },
    ]);
    expect(planExecApparmorProfile(context)).toMatchObject([{ actor: 'outer', op }]);
  });
  it('is left alone when absent or empty', () => {
    expect(planApparmorProfile(contextOf(specOfProcess({}), APPARMOR))).toEqual([]);
    expect(planApparmorProfile(contextOf(specFor(''), APPARMOR))).toEqual([]);
  });
  it('is refused on a host without AppArmor', () => {
    expect(checkApparmor(contextOf(specFor('docker-default')))).toMatchObject([
      { path: '/process/apparmorProfile', severity: 'error' },
    ]);
    expect(checkApparmor(contextOf(specFor('docker-default'), APPARMOR))).toEqual([]);
  });
  it('may be unconfined there, as everything is', () => {
    const context = contextOf(specFor('unconfined'));
    expect(checkApparmor(context)).toEqual([]);
    expect(planApparmorProfile(context)).toEqual([]);
  });
  it('may not hold what ends a name', () => {
    expect(checkApparmorProfile(specFor('a\nb'))).toMatchObject([
      { path: '/process/apparmorProfile' },
    ]);
  });
});
