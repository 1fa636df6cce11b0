import { describe, expect, it } from 'vitest';
import {
  checkSelinux,
  checkSelinuxLabel,
  planExecSelinuxLabel,
  planKeyLabel,
  planSelinuxLabel,
} from '../../../../src/config/process/selinuxLabel.ts';
import { contextOf, HOST, specOfProcess } from '../../context.ts';

const LABEL = 'system_u:system_r:container_t:s0:c1,c2';
const SELINUX = { host: { lsm: { ...HOST.lsm, selinux: true } } };
const spec = specOfProcess({ selinuxLabel: LABEL });
const attr = (name: string, data: string) => ({ call: 'write_attr', proc: 'proc', name, data });

describe('process.selinuxLabel', () => {
  it('is asked for the next execve, of the host’s own procfs', () => {
    const context = contextOf(spec, SELINUX);
    expect(planSelinuxLabel(context)).toMatchObject([
      { actor: 'init', origin: '/process/selinuxLabel', op: attr('exec', LABEL) },
    ]);
  });
  it('is that of the session keyring too', () => {
    expect(planKeyLabel(contextOf(spec, SELINUX))).toMatchObject([
      { actor: 'init', op: attr('keycreate', LABEL), ignore: ['ENOENT'] },
    ]);
  });
  it('is asked for before a container is joined', () => {
    expect(planExecSelinuxLabel(contextOf(spec, SELINUX))).toMatchObject([
      { actor: 'outer', op: attr('exec', LABEL) },
      { actor: 'outer', op: attr('keycreate', LABEL) },
    ]);
  });
  it('is left alone when absent', () => {
    const context = contextOf(specOfProcess({}), SELINUX);
    expect(planSelinuxLabel(context)).toEqual([]);
    expect(planKeyLabel(context)).toEqual([]);
  });
  it('is refused on a host without SELinux', () => {
    expect(checkSelinux(contextOf(spec))).toMatchObject([
      { path: '/process/selinuxLabel', severity: 'error' },
    ]);
    expect(checkSelinux(contextOf(spec, SELINUX))).toEqual([]);
  });
  it('may not hold NUL', () => {
    expect(checkSelinuxLabel(specOfProcess({ selinuxLabel: 'a\0b' }))).toMatchObject([
      { path: '/process/selinuxLabel' },
    ]);
  });
});
