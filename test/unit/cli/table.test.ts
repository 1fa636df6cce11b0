import { describe, expect, it } from 'vitest';
import { formatTable } from '../../../src/cli/table.ts';

describe('formatTable', () => {
  it('makes columns at least 12 wide and pads no last cell', () => {
    expect(formatTable([['ID', 'PID', 'OWNER']])).toBe('ID          PID         OWNER\n');
  });

  it('leaves three spaces behind the widest cell, counted in characters', () => {
    expect(
      formatTable([
        ['ID', 'PID'],
        ['a-long-container', '1'],
        ['ünïcödé', '2'],
      ]),
    ).toBe('ID                 PID\na-long-container   1\nünïcödé            2\n');
  });
});
