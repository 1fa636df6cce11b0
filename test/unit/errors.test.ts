import { describe, expect, it } from 'vitest';
import {
  asTsrunError,
  configInvalid,
  configMissing,
  containerMissing,
  usage,
} from '../../src/errors.ts';
import { SystemError } from '../../src/linux/call.ts';
import { error, warning } from '../../src/spec/problem.ts';

describe('asTsrunError', () => {
  it('leaves a TsrunError as it is', () => {
    const error = usage('x');
    expect(asTsrunError(error)).toBe(error);
  });

  it('words a failed call with its object, errno and strerror', () => {
    const error = asTsrunError(new SystemError('openat', 13, '/run/x'));
    expect(error.message).toBe('openat "/run/x": EACCES: permission denied');
    expect(error).toMatchObject({ code: 'system', facts: { call: 'openat', errno: 13 } });
  });

  it('takes anything else for a fault of tsrun itself', () => {
    expect(asTsrunError(new RangeError('bad slot'))).toMatchObject({
      code: 'internal',
      message: 'RangeError: bad slot',
    });
    expect(asTsrunError('text').code).toBe('internal');
  });
});

describe('words that engines match', () => {
  it.each([
    [containerMissing(), 'does not exist'],
    [configMissing('/b/config.json'), 'JSON specification file config.json not found'],
  ])('%s', (error, words) => {
    expect(error.message).toContain(words);
  });
});

describe('configInvalid', () => {
  const problems = [
    {
      ...error('/process/cwd', 'must be an absolute path', 'tmp'),
      position: { line: 2, column: 5 },
    },
    warning('/windows', 'is ignored'),
    { ...error('/mounts/0/type', 'is unknown'), expected: 'proc' },
  ];

  it('lists every error with its place, what was got and what was expected', () => {
    expect(configInvalid('config.json', problems).message).toBe(
      [
        'config.json: 2 problems',
        '  config.json:2:5: process.cwd: must be an absolute path (got "tmp")',
        '  config.json: mounts[0].type: is unknown (expected proc)',
      ].join('\n'),
    );
  });

  it('is one line for one error', () => {
    expect(configInvalid('config.json', problems.slice(0, 1)).message).not.toContain('\n');
  });

  it('keeps the warnings for the log', () => {
    const { facts } = configInvalid('config.json', problems);
    expect(facts.warnings).toStrictEqual(['config.json: windows: is ignored']);
    expect(facts.problems?.map(({ path }) => path)).toStrictEqual([
      '/process/cwd',
      '/mounts/0/type',
    ]);
  });
});
