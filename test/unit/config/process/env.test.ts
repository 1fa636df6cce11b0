import { describe, expect, it } from 'vitest';
import { checkEnv, containerEnvironment, planHome } from '../../../../src/config/process/env.ts';
import { contextOf, opsOf, specOfProcess } from '../../context.ts';

const environment = (env: readonly string[], options = {}) =>
  containerEnvironment(contextOf(specOfProcess({ env }), { options }));

describe('process.env', () => {
  it('keeps the last of duplicates at its place, values with = and newlines as they are', () => {
    expect(environment(['A=1', 'B=2', 'A=3', 'C=x=y\nz'])).toEqual(['B=2', 'A=3', 'C=x=y\nz']);
  });

  it('looks HOME up for the user when it is absent or empty', () => {
    for (const env of [[], ['HOME=']]) {
      const context = contextOf(specOfProcess({ env, user: { uid: 7 } }));
      expect(opsOf(planHome(context))).toEqual([{ call: 'find_home', uid: 7 }]);
      expect(containerEnvironment(context)).toEqual([]);
    }
    expect(planHome(contextOf(specOfProcess({ env: ['HOME=/root'] })))).toEqual([]);
  });

  it('tells the program of sockets it was given, over what the config says', () => {
    expect(environment(['LISTEN_PID=77', 'A=1'], { listenFds: 2, listenFdNames: 'a:b' })).toEqual([
      'A=1',
      'LISTEN_FDS=2',
      'LISTEN_PID=1',
      'LISTEN_FDNAMES=a:b',
    ]);
  });

  it.each([['NO_VALUE'], ['=x'], ['A=\0']])('refuses %j', (variable) => {
    expect(checkEnv(specOfProcess({ env: ['A=1', variable] }))).toMatchObject([
      { severity: 'error', path: '/process/env/1' },
    ]);
  });

  it('accepts an empty value', () => {
    expect(checkEnv(specOfProcess({ env: ['A='] }))).toEqual([]);
  });
});
