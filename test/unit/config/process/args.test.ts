import { describe, expect, it } from 'vitest';
import { checkArgs, planExecve, planFindExecutable } from '../../../../src/config/process/args.ts';
import { contextOf, opsOf, specOfProcess } from '../../context.ts';

describe('process.args', () => {
  it('looks the program up in the PATH of process.env, the last of two', () => {
    const spec = specOfProcess({ args: ['sh', '-c', 'true'], env: ['PATH=/a', 'PATH=/b:/c'] });
    expect(opsOf(planFindExecutable(contextOf(spec)))).toEqual([
      { call: 'find_executable', file: 'sh', search: '/b:/c' },
    ]);
  });

  it('has nowhere to look without PATH', () => {
    const spec = specOfProcess({ args: ['/bin/sh'] });
    expect(opsOf(planFindExecutable(contextOf(spec)))).toEqual([
      { call: 'find_executable', file: '/bin/sh', search: undefined },
    ]);
  });

  it('executes args as they are, the first included', () => {
    const spec = specOfProcess({ args: ['sh', '', 'a b'], env: ['A=1'] });
    expect(opsOf(planExecve(contextOf(spec)))).toEqual([
      { call: 'execve', args: ['sh', '', 'a b'], env: ['A=1'] },
    ]);
  });

  it.each([
    ['no args', [], '/process/args'],
    ['an empty program', [''], '/process/args/0'],
    ['NUL in an argument', ['sh', 'a\0b'], '/process/args/1'],
  ])('refuses %s', (_, args, path) => {
    expect(checkArgs(specOfProcess({ args }))).toMatchObject([{ severity: 'error', path }]);
  });
});
