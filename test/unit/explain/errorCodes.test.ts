import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import table from '../../../schemas/errors.json' with { type: 'json' };
import { DOCUMENT, withTables } from '../../../schemas/generate-errors.ts';

const TOP = resolve(import.meta.dirname, '../../..');

describe('schemas/errors.json', () => {
  it('is what the documentation says', () => {
    const text = readFileSync(`${TOP}/${DOCUMENT}`, 'utf8');
    expect(withTables(text, table)).toBe(text);
  });

  it('has no code twice, and none that is never used', () => {
    const codes = table.codes.map(({ code }) => code);
    expect(new Set(codes).size).toBe(codes.length);
    const sources = ['-rhoE', "'[a-z]+(-[a-z]+)*'", '--include=*.ts', '--exclude-dir=generated'];
    const { stdout } = spawnSync('grep', [...sources, `${TOP}/src`], { encoding: 'utf8' });
    const used = new Set(stdout.split('\n').map((word) => word.slice(1, -1)));
    expect(codes.filter((code) => !used.has(code))).toEqual([]);
  });
});
