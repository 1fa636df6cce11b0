/** `tsrun ps`: process numbers as JSON, or those lines of ps(1) that are the container's. */
import { processes, runPs } from '../container/ps.ts';
import { psFailed, usage } from '../errors.ts';
import { type Invocation, idOf } from './invocation.ts';
import { print } from './output.ts';

const DEFAULT_OPTIONS = ['-ef'];

export function ps(invocation: Invocation): void {
  const { args, values, globals } = invocation;
  const format = values.text('format');
  if (format !== 'table' && format !== 'json') throw usage('invalid format option', 'ps');
  const pids = processes(globals.root, idOf(invocation));
  if (format === 'json') {
    print(formatPidsJson(pids));
    return;
  }
  const options = args.slice(1);
  print(selectProcesses(runPs(options.length === 0 ? DEFAULT_OPTIONS : options), pids));
}

/** One line; `null` when there are none, as Go writes an empty list. */
export const formatPidsJson = (pids: readonly number[]): string =>
  `${pids.length === 0 ? 'null' : JSON.stringify(pids)}\n`;

/** The header of a table of ps(1) and its lines for these processes; it must have a column PID. */
export function selectProcesses(table: string, pids: readonly number[]): string {
  const [header = '', ...lines] = table.split('\n');
  const column = cellsOf(header).indexOf('PID');
  if (column < 0) throw psFailed("couldn't find PID field in ps output");
  const wanted = new Set(pids.map(String));
  const selected = lines.filter((line) => wanted.has(cellsOf(line)[column] ?? ''));
  return [header, ...selected].map((line) => `${line}\n`).join('');
}

const cellsOf = (line: string): readonly string[] => line.trim().split(/\s+/);
