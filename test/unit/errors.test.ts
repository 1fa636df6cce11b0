import { describe, expect, it } from 'vitest';
import { asTsrunError, configMissing, containerMissing, usage } from '../../src/errors.ts';
import { SystemError } from '../../src/linux/call.ts';

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
