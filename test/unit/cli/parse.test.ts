import { describe, expect, it } from 'vitest';
import { commandOf } from '../../../src/cli/commands.ts';
import { type Flag, GLOBAL_FLAGS } from '../../../src/cli/flags.ts';
import { parseArguments } from '../../../src/cli/parse.ts';
import { TsrunError } from '../../../src/errors.ts';

const flags: readonly Flag[] = [
  { name: 'force', alias: 'f', type: 'bool', help: '' },
  { name: 'no-pivot', type: 'bool', help: '' },
  { name: 'bundle', alias: 'b', type: 'text', help: '' },
  { name: 'format', type: 'text', help: '', default: 'table' },
  { name: 'preserve-fds', type: 'int', help: '' },
];

const parse = (...args: string[]) => parseArguments(args, flags, 'mixed', 'create');

describe('flags', () => {
  it.each([['--force'], ['-force'], ['-f'], ['--f'], ['--force=true'], ['-force=1'], ['-f=T']])(
    'sets a bool by %s',
    (arg) => {
      expect(parse(arg).values.isSet('force')).toBe(true);
    },
  );

  it.each([['--force=false'], ['-force=0'], ['-f=F']])('unsets a bool by %s', (arg) => {
    expect(parse('--force', arg).values.isSet('force')).toBe(false);
  });

  it('takes no argument after a bool, be it a container called true', () => {
    const { values, rest } = parse('--force', 'true');
    expect(values.isSet('force')).toBe(true);
    expect(rest).toStrictEqual(['true']);
  });

  it('knows a long name behind one dash from letters', () => {
    expect(parse('-no-pivot').values.isSet('no-pivot')).toBe(true);
  });

  it.each([
    [['--bundle', '/b']],
    [['--bundle=/b']],
    [['-bundle', '/b']],
    [['-b', '/b']],
    [['-b=/b']],
    [['-b', '/a', '--bundle', '/b']],
  ])('reads a text by %j, the last one counting', (args) => {
    expect(parse(...args).values.text('bundle')).toBe('/b');
  });

  it.each([['-x'], ['--force'], ['--'], [''], ['a=b']])(
    'takes the next argument as value, even %j',
    (value) => {
      expect(parse('--bundle', value, 'id').values.text('bundle')).toBe(value);
      expect(parse('--bundle', value, 'id').rest).toStrictEqual(['id']);
    },
  );

  it('keeps an empty value and one with equals signs', () => {
    expect(parse('--bundle=').values.text('bundle')).toBe('');
    expect(parse('--bundle=a=b\nc').values.text('bundle')).toBe('a=b\nc');
  });

  it('gives the default, undefined, 0 or false for what was not given', () => {
    const { values } = parse('id');
    expect(values.text('format')).toBe('table');
    expect(values.text('bundle')).toBeUndefined();
    expect(values.int('preserve-fds')).toBe(0);
    expect(values.isSet('force')).toBe(false);
  });

  it('reads an integer', () => {
    expect(parse('--preserve-fds', '3').values.int('preserve-fds')).toBe(3);
  });
});

describe('arguments', () => {
  it('may stand before flags', () => {
    const { values, rest } = parse('id', '--force', 'KILL');
    expect(values.isSet('force')).toBe(true);
    expect(rest).toStrictEqual(['id', 'KILL']);
  });

  it('end the flags where the command says so', () => {
    const { rest } = parseArguments(['-f', 'id', 'sh', '-f'], flags, 'flags-first');
    expect(rest).toStrictEqual(['id', 'sh', '-f']);
  });

  it('are all that stands behind two dashes', () => {
    expect(parse('--force', '--', '--bundle').rest).toStrictEqual(['--bundle']);
  });

  it('may look like a flag that does not exist, behind the first', () => {
    expect(parse('id', '-9').rest).toStrictEqual(['id', '-9']);
  });

  it('may be a lone dash', () => {
    expect(parse('-').rest).toStrictEqual(['-']);
  });
});

describe('a wrong flag is refused in the words of Go', () => {
  it.each([
    [['--nope'], 'flag provided but not defined: -nope'],
    [['-fb'], 'flag provided but not defined: -fb'],
    [['--bundle'], 'flag needs an argument: -bundle'],
    [['--force=maybe'], 'invalid boolean value "maybe" for -force: parse error'],
    [['--preserve-fds', 'x'], 'invalid value "x" for flag -preserve-fds: parse error'],
    [['---force'], 'bad flag syntax: ---force'],
    [['-=x'], 'bad flag syntax: -=x'],
  ])('%j', (args, message) => {
    expect(() => parse(...args)).toThrow(new TsrunError('usage', message, { verb: 'create' }));
  });
});

describe('the calls engines make', () => {
  it('containerd: flags before and behind the verb', () => {
    const global = parseArguments(
      ['--root', '/run/x', '--log', 'log.json', '--log-format', 'json', 'create', '--bundle', '/b'],
      GLOBAL_FLAGS,
      'flags-first',
    );
    expect(global.values.text('log-format')).toBe('json');
    expect(global.rest).toStrictEqual(['create', '--bundle', '/b']);
  });

  it('containerd: restore style single dashes', () => {
    const { values } = parseArguments(['-no-subreaper', 'id'], commandOf('run').flags, 'mixed');
    expect(values.isSet('no-subreaper')).toBe(true);
  });
});
