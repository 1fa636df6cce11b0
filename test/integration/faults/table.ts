/** The table faults.md: every system call of the verbs, and what came of its failing. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { reasonForSilence, reasonNotToTry, reasonToGoOn } from './expected.ts';
import type { Point } from './injector.ts';
import type { Outcome } from './judge.ts';

export interface Entry {
  readonly verb: string;
  readonly role: string;
  readonly point: Point;
  readonly outcome: Outcome;
}

const OUTCOMES = ['refused', 'warned', 'harmless', 'silent', 'untried', 'killed'] as const;

/** Why an outcome that is no message is right. */
const REASONS: {
  readonly [outcome in Outcome]?: (point: Point, role: string) => string | undefined;
} = {
  harmless: reasonToGoOn,
  silent: reasonForSilence,
  untried: reasonNotToTry,
};

const INTRODUCTION = `# Every system call of create, start, exec and delete, made to fail

Made by \`npm run test:soak faults\` (test/integration/faults.test.ts): each call that the verb's processes make was
made to fail with EIO in a run of its own, and in another its process got SIGKILL there. Numbers are runs: where a
process made another call in that place, as one that waits for others may, it was tried up to twice more.

- refused: one message with the step, the property it is for and errno; exit status not 0; of a create
  nothing is left, and \`delete --force\` leaves nothing of any.
- warned: the verb went on, and its warning says what it could not do.
- harmless: it went on, for the reason given.
- silent: it failed without a message, for the reason given.
- untried: it cannot fail, for the reason given.
- killed: its process got SIGKILL at that call; \`delete --force\` then left no process, cgroup, mount or file.
`;

const keyOf = ({ verb, role, point }: Entry) => `${verb} | ${role} | \`${point.name}\``;

/** Whether the table tells of such an outcome; true for a call it does not know, as other kernels have. */
export function tableTells(path: string, entry: Entry): boolean {
  if (!existsSync(path)) return false;
  const line = rowsOf(path).find((row) => row.startsWith(`| ${keyOf(entry)} `));
  const cells = line?.split('|').map((cell) => cell.trim());
  const column = 4 + OUTCOMES.indexOf(entry.outcome);
  return cells === undefined || cells[column] !== '';
}

/** The rows of the table, as they stand in it. */
const rowsOf = (path: string): readonly string[] =>
  existsSync(path)
    ? readFileSync(path, 'utf8')
        .split('\n')
        .filter((line) => line.includes(' | `'))
    : [];

const VERBS = ['create', 'start', 'exec', 'delete'];
const verbOf = (row: string) => VERBS.findIndex((verb) => row.startsWith(`| ${verb} |`));

/** Writes the rows of the verbs that were swept; those of the others stay. */
export function writeTable(path: string, entries: readonly Entry[]): void {
  const swept = new Set(entries.map(({ verb }) => verb));
  const kept = rowsOf(path).filter((row) => !swept.has(VERBS[verbOf(row)] ?? ''));
  const rows = [...kept, ...newRows(entries)].sort((a, b) => verbOf(a) - verbOf(b));
  const total = (outcome: Outcome) =>
    rows.reduce((sum, row) => sum + Number(row.split('|')[4 + OUTCOMES.indexOf(outcome)]), 0);
  const text = [
    INTRODUCTION,
    `All: ${OUTCOMES.map((one) => `${total(one)} ${one}`).join(', ')}.`,
    '',
    `| verb | process | call | ${OUTCOMES.join(' | ')} | why |`,
    `| --- | --- | --- | ${OUTCOMES.map(() => '---').join(' | ')} | --- |`,
    ...rows,
    '',
  ];
  writeFileSync(path, text.join('\n'));
}

function newRows(entries: readonly Entry[]): readonly string[] {
  const rows = new Map<string, Entry[]>();
  for (const entry of entries) rows.set(keyOf(entry), [...(rows.get(keyOf(entry)) ?? []), entry]);
  return [...rows].map(([key, all]) => {
    const count = (outcome: Outcome) => all.filter((one) => one.outcome === outcome).length || '';
    const reasons = new Set(
      all.flatMap(({ outcome, point, role }) => REASONS[outcome]?.(point, role) ?? []),
    );
    return `| ${[key, ...OUTCOMES.map(count), [...reasons].join('; ')].join(' | ')} |`;
  });
}
