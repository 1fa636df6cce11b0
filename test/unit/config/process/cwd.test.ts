import { describe, expect, it } from 'vitest';
import {
  checkCwd,
  planChdir,
  planMakeCwd,
  planVerifyCwd,
} from '../../../../src/config/process/cwd.ts';
import { contextOf, opsOf, specOfProcess } from '../../context.ts';

const context = contextOf(specOfProcess({ cwd: '/home/web' }));

describe('process.cwd', () => {
  it('is made in the root by its owner', () => {
    expect(opsOf(planMakeCwd(context))).toEqual([
      { call: 'mkdir_in_root', root: 'root', path: '/home/web', mode: 0o755, uid: 0, gid: 0 },
    ]);
    expect(planMakeCwd(contextOf(specOfProcess({ cwd: '/' })))).toEqual([]);
  });

  it('is entered as root; where root is refused, as the user, and verified (CVE-2024-21626)', () => {
    expect(planChdir(context)).toMatchObject([
      { op: { call: 'chdir', path: '/home/web' }, ignore: ['EACCES', 'EPERM'] },
    ]);
    expect(opsOf(planVerifyCwd(context))).toEqual([{ call: 'check_cwd', path: '/home/web' }]);
  });

  it.each(['', 'home', './x', '/a\0b'])('refuses %j', (cwd) => {
    expect(checkCwd(specOfProcess({ cwd }))).toMatchObject([
      { severity: 'error', path: '/process/cwd' },
    ]);
  });
});
