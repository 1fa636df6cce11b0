import { describe, expect, it } from 'vitest';
import { formatListJson, formatListTable } from '../../../src/cli/list.ts';

const web = {
  ociVersion: '1.3.0',
  id: 'web',
  pid: 42,
  status: 'running',
  bundle: '/b/web',
  rootfs: '/b/web/rootfs',
  created: '2026-01-02T03:04:05.678Z',
  owner: 'root',
} as const;

describe('list', () => {
  it('writes a table with a header even when there is nothing', () => {
    expect(formatListTable([])).toBe(
      'ID          PID         STATUS      BUNDLE      CREATED     OWNER\n',
    );
  });

  it('writes one line a container', () => {
    expect(formatListTable([web]).split('\n')[1]).toBe(
      'web         42          running     /b/web      2026-01-02T03:04:05.678Z   root',
    );
  });

  it('writes JSON as one line of what state shows', () => {
    expect(formatListJson([web])).toBe(`${JSON.stringify([web])}\n`);
  });

  it('writes null for no containers, as Go does', () => {
    expect(formatListJson([])).toBe('null\n');
  });
});
