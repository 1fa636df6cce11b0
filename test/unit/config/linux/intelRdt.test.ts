import { describe, expect, it } from 'vitest';
import {
  checkHostIntelRdt,
  checkIntelRdt,
  planIntelRdt,
  planJoinIntelRdt,
  planUpdateIntelRdt,
} from '../../../../src/config/linux/intelRdt.ts';
import type { IntelRdt } from '../../../../src/generated/spec.ts';
import { contextOf, opsOf, specOfLinux } from '../../context.ts';

const RESCTRL = { mountpoint: '/sys/fs/resctrl', groups: ['gold'] };
const context = (intelRdt: IntelRdt, resctrl: typeof RESCTRL | undefined = RESCTRL) =>
  contextOf(specOfLinux({ intelRdt }), { host: resctrl === undefined ? {} : { resctrl } });
const mkdir = (path: string) => ({ call: 'mkdir', path, mode: 0o755 });
const write = (path: string, data: string) => ({ call: 'write', path, data });

describe('linux.intelRdt', () => {
  it('asks for nothing when it is empty', () => {
    expect(planIntelRdt(context({}))).toEqual([]);
    expect(checkHostIntelRdt(contextOf(specOfLinux({ intelRdt: {} })))).toEqual([]);
  });

  it('makes a class named like the container, with the lines of all schemata in one write', () => {
    const rdt = {
      l3CacheSchema: 'L3:0=f',
      memBwSchema: 'MB:0=20',
      schemata: ['L2:0=3', 'L3:0=7'],
    };
    expect(opsOf(planIntelRdt(context(rdt)))).toEqual([
      mkdir('/sys/fs/resctrl/web'),
      write('/sys/fs/resctrl/web/schemata', 'L3:0=f\nMB:0=20\nL2:0=3\nL3:0=7\n'),
    ]);
    expect(opsOf(planJoinIntelRdt(context(rdt)))).toEqual([
      write('/sys/fs/resctrl/web/tasks', '0'),
    ]);
  });

  it('l3CacheSchema may have lines for code and data; its bandwidth yields to memBwSchema', () => {
    const l3CacheSchema = 'L3CODE:0=f\nL3DATA:0=3\nMB:0=10';
    const written = (rdt: IntelRdt) => opsOf(planIntelRdt(context({ closID: 'gold', ...rdt })));
    const path = '/sys/fs/resctrl/gold/schemata';
    expect(written({ l3CacheSchema })).toEqual([write(path, `${l3CacheSchema}\n`)]);
    expect(written({ l3CacheSchema, memBwSchema: 'MB:0=20' })).toEqual([
      write(path, 'L3CODE:0=f\nL3DATA:0=3\nMB:0=20\n'),
    ]);
  });

  it('blames the one schema there is', () => {
    const steps = planIntelRdt(context({ closID: 'gold', memBwSchema: 'MB:0=20' }));
    expect(steps.map(({ origin }) => origin)).toEqual(['/linux/intelRdt/memBwSchema']);
  });

  it('uses a class that is there, and makes one that is not when it says what it is', () => {
    expect(planIntelRdt(context({ closID: 'gold' }))).toEqual([]);
    expect(opsOf(planIntelRdt(context({ closID: 'new', schemata: ['MB:0=5'] })))).toEqual([
      mkdir('/sys/fs/resctrl/new'),
      write('/sys/fs/resctrl/new/schemata', 'MB:0=5\n'),
    ]);
  });

  it('closID "/" is the class all processes are in', () => {
    expect(planIntelRdt(context({ closID: '/' }))).toEqual([]);
    expect(opsOf(planJoinIntelRdt(context({ closID: '/' })))).toEqual([
      write('/sys/fs/resctrl/tasks', '0'),
    ]);
  });

  it.each(['enableMonitoring', 'enableCMT', 'enableMBM'] as const)(
    '%s makes a monitoring group in the class and puts init into both',
    (key) => {
      const rdt = { closID: 'gold', [key]: true };
      const group = '/sys/fs/resctrl/gold/mon_groups/web';
      expect(opsOf(planIntelRdt(context(rdt)))).toEqual([mkdir(group)]);
      expect(opsOf(planJoinIntelRdt(context(rdt)))).toEqual([
        write('/sys/fs/resctrl/gold/tasks', '0'),
        write(`${group}/tasks`, '0'),
      ]);
    },
  );

  it('is refused by name where resctrl is not mounted', () => {
    const problems = checkHostIntelRdt(contextOf(specOfLinux({ intelRdt: { closID: 'gold' } })));
    expect(problems).toMatchObject([{ severity: 'error', path: '/linux/intelRdt' }]);
  });

  it('refuses a class that is not there and is not described', () => {
    expect(checkHostIntelRdt(context({ closID: 'lead' }))).toMatchObject([
      { severity: 'error', path: '/linux/intelRdt/closID' },
    ]);
    expect(checkHostIntelRdt(context({ closID: 'gold' }))).toEqual([]);
  });

  it.each(['', '..', 'a/b', 'info', 'mon_groups', 'a\nb'])('refuses the name %j', (closID) => {
    expect(checkIntelRdt(specOfLinux({ intelRdt: { closID } }))).toMatchObject([
      { path: '/linux/intelRdt/closID' },
    ]);
  });

  it('refuses a schema that is more than a line', () => {
    const intelRdt = { schemata: ['MB:0=5', 'MB:0=5\nL3:0=f'] };
    expect(checkIntelRdt(specOfLinux({ intelRdt })).map(({ path }) => path)).toEqual([
      '/linux/intelRdt/schemata/1',
    ]);
  });
});

describe('update of linux.intelRdt', () => {
  const update = (...args: Parameters<typeof planUpdateIntelRdt>) => planUpdateIntelRdt(...args);

  it('writes the lines asked for into the class the container has, in one write', () => {
    const asked = { l3CacheSchema: 'L3:0=f', memBwSchema: 'MB:0=50' };
    expect(opsOf(update('/sys/fs/resctrl', 'gold', asked))).toEqual([
      write('/sys/fs/resctrl/gold/schemata', 'L3:0=f\nMB:0=50\n'),
    ]);
    expect(opsOf(update('/sys/fs/resctrl', '/', { memBwSchema: 'MB:0=50' }))).toEqual([
      write('/sys/fs/resctrl/schemata', 'MB:0=50\n'),
    ]);
  });

  it('writes nothing when nothing is asked for', () => {
    expect(update('/sys/fs/resctrl', 'gold', {})).toEqual([]);
  });
});
