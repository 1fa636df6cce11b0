/** The attacks as a table: of .github/SECURITY.md. */
import type { Defence } from './defences.ts';

/** Padded as the other tables there are. */
export function attackTable(defences: readonly Defence[]): string {
  const rows = defences.map(({ cves, attack, removals, test, title, isTried }) => [
    cves.length === 0 ? '–' : cves.join(', '),
    attack,
    [...new Set(removals.map(({ file }) => `\`${file}\``))].join(', '),
    `\`${test.replace('attacks/', '')}\`: ${title}`,
    isTried ? 'yes' : 'untried',
  ]);
  const head = ['known as', 'attack', 'defence', 'test', 'fails without the defence'];
  const widths = head.map((name, i) =>
    Math.max(name.length, ...rows.map((row) => (row[i] ?? '').length)),
  );
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join(' | ')} |`;
  const rule = `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`;
  return [line(head), rule, ...rows.map(line)].join('\n');
}
