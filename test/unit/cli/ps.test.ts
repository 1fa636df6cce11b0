import { describe, expect, it } from 'vitest';
import { parseOpening, parseRequest } from '../../../src/cli/commandLine.ts';
import { formatPidsJson, selectProcesses } from '../../../src/cli/ps.ts';

const TABLE = `UID          PID    PPID CMD
root           1       0 init 12
root          12       1 sleep 120
root         120       1 sh 12
`;

describe('ps', () => {
  it('prints numbers as one line of JSON, null when there are none', () => {
    expect(formatPidsJson([1, 2])).toBe('[1,2]\n');
    expect(formatPidsJson([])).toBe('null\n');
  });

  it('keeps the header and the lines whose column PID names a process of the container', () => {
    expect(selectProcesses(TABLE, [12, 7])).toBe(
      'UID          PID    PPID CMD\nroot          12       1 sleep 120\n',
    );
    expect(selectProcesses(TABLE, [])).toBe('UID          PID    PPID CMD\n');
  });

  it('finds the column wherever ps(1) put it', () => {
    expect(selectProcesses('  PID TTY\n   12 ?\n  120 ?\n', [120])).toBe('  PID TTY\n  120 ?\n');
  });

  it('fails on a table without the column PID', () => {
    expect(() => selectProcesses('COMMAND\nsh\n', [1])).toThrow('PID');
  });

  it('leaves what stands behind the container to ps(1), known flags too', () => {
    const request = parseRequest(parseOpening(['ps', '--format', 'table', 'web', '-f', '-h', 'x']));
    expect(request).toMatchObject({ kind: 'verb', verb: 'ps', args: ['web', '-f', '-h', 'x'] });
  });
});
