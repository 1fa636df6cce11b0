import { describe, expect, it } from 'vitest';
import { formatEntry, formatTime } from '../../../src/cli/log.ts';

const date = new Date(Date.UTC(2026, 0, 2, 3, 4, 5, 678));

describe('formatTime', () => {
  it.each([
    [0, '2026-01-02T03:04:05Z'],
    [120, '2026-01-02T05:04:05+02:00'],
    [-570, '2026-01-01T17:34:05-09:30'],
  ])('writes RFC 3339 in the zone %i minutes east', (offset, text) => {
    expect(formatTime(date, offset)).toBe(text);
  });
});

describe('the text format', () => {
  it.each([
    ['word', 'msg=word'],
    ['two words', 'msg="two words"'],
    ['a "b"\nc', 'msg="a \\"b\\"\\nc"'],
    ['\u001b[31m', 'msg="\\x1b[31m"'],
  ])('quotes %j as Go does', (message, text) => {
    expect(formatEntry('text', date, 'error', message, 'usage')).toMatch(
      /^time="[^"]+" level=error msg=/,
    );
    expect(formatEntry('text', date, 'error', message)).toContain(`${text}\n`);
  });
});

describe('the JSON format', () => {
  it('is one object a line with sorted keys', () => {
    const line = formatEntry('json', date, 'warning', 'a "b"\nc');
    expect(line.endsWith('}\n')).toBe(true);
    const entry = JSON.parse(line);
    expect(Object.keys(entry)).toStrictEqual(['level', 'msg', 'time']);
    expect(entry).toMatchObject({ level: 'warning', msg: 'a "b"\nc' });
    expect(new Date(entry.time).getTime()).toBe(date.getTime() - 678);
  });

  it('carries the code of an error', () => {
    const entry = JSON.parse(formatEntry('json', date, 'error', 'x', 'step-failed'));
    expect(Object.keys(entry)).toStrictEqual(['code', 'level', 'msg', 'time']);
    expect(entry.code).toBe('step-failed');
  });
});
