import { describe, expect, it } from 'vitest';
import { parseOpening, parseRequest } from '../../../src/cli/commandLine.ts';
import { TsrunError } from '../../../src/errors.ts';

const parse = (...args: string[]) => parseRequest(parseOpening(args));

describe('the command line', () => {
  it('is a verb with its flags and arguments', () => {
    const request = parse('--root', '/r', 'kill', '--all', 'web', 'KILL');
    expect(request).toMatchObject({ kind: 'verb', verb: 'kill', args: ['web', 'KILL'] });
    expect(request.kind === 'verb' && request.values.isSet('all')).toBe(true);
  });

  it.each([
    [[], { kind: 'help' }],
    [['--help'], { kind: 'help' }],
    [['help'], { kind: 'help' }],
    [['help', 'kill'], { kind: 'help', verb: 'kill' }],
    [['kill', '-h'], { kind: 'help', verb: 'kill' }],
    [['kill', 'web', '--help'], { kind: 'help', verb: 'kill' }],
    [['--version'], { kind: 'version' }],
    [['-v', 'kill'], { kind: 'version' }],
  ])('%j asks for help or the version', (args, request) => {
    expect(parse(...args)).toStrictEqual(request);
  });

  it('keeps the flags before a verb from those behind it', () => {
    expect(() => parse('--bundle', '/b', 'create', 'web')).toThrow('not defined: -bundle');
    expect(() => parse('create', '--root', '/r', 'web')).toThrow('not defined: -root');
  });

  it.each([
    [['create'], '"create" requires exactly 1 argument(s)'],
    [['create', 'a', 'b'], '"create" requires exactly 1 argument(s)'],
    [['kill'], '"kill" requires a minimum of 1 argument(s)'],
    [['kill', 'a', '9', 'x'], '"kill" requires a maximum of 2 argument(s)'],
    [['list', 'a'], '"list" requires exactly 0 argument(s)'],
  ])('%j has a wrong number of arguments', (args, message) => {
    expect(() => parse(...args)).toThrow(new TsrunError('usage', message, { verb: args[0] ?? '' }));
  });

  it.each([[['foo']], [['foo', '-h']], [['help', 'foo']], [['toString']]])(
    '%j names no command',
    (args) => {
      expect(() => parse(...args)).toThrow(/^No help topic for '(foo|toString)'$/);
    },
  );
});
