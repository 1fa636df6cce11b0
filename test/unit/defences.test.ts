/** SECURITY.md's table of attacks is that of test/defences, whose pieces of the source are still there. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { DEFENCES } from '../defences/defences.ts';
import { attackTable } from '../defences/table.ts';

const TOP = join(import.meta.dirname, '../..');
const read = (path: string) => readFileSync(join(TOP, path), 'utf8');

/** A title of it.each stands in the file in pieces. */
const isTitle = (source: string, title: string): boolean =>
  title.split(/[ :"]+/).every((word) => source.includes(word));

describe('test/defences', () => {
  it.each(DEFENCES.map((one) => [one.attack, one] as const))('%s', (_, defence) => {
    for (const { file, from } of defence.removals) {
      expect(read(file).split(from).length - 1, `${file}: ${from}`).toBe(1);
    }
    expect(isTitle(read(`test/integration/${defence.test}`), defence.title)).toBe(true);
  });
  it('is what .github/SECURITY.md tells of attacks', () => {
    expect(read('.github/SECURITY.md')).toContain(attackTable(DEFENCES));
  });
  it('has every attack that other runtimes were known to fall for', () => {
    const named = new Set(DEFENCES.flatMap(({ cves }) => cves));
    for (const cve of [
      'CVE-2016-9962 CVE-2019-5736 CVE-2019-16884 CVE-2019-19921 CVE-2021-30465 CVE-2022-29162',
      'CVE-2023-25809 CVE-2023-27561 CVE-2023-28642 CVE-2024-21626 CVE-2024-45310 CVE-2025-31133',
      'CVE-2025-52565 CVE-2025-52881 CVE-2026-41579 CVE-2026-47766 CVE-2026-30892',
    ].flatMap((line) => line.split(' ')))
      expect(named).toContain(cve);
  });
});
