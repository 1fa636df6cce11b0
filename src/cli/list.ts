/** `tsrun list`: a table, JSON or ids alone, in the shapes of runc's. */
import { type ContainerState, listContainers } from '../container/state.ts';
import { unreadableContainer, usage } from '../errors.ts';
import { formatJson } from '../spec/formatJson.ts';
import type { Invocation } from './invocation.ts';
import { print } from './output.ts';
import { formatTable } from './table.ts';

const HEADER = ['ID', 'PID', 'STATUS', 'BUNDLE', 'CREATED', 'OWNER'];

export function list({ values, globals, log }: Invocation): void {
  const format = values.text('format');
  if (format !== 'table' && format !== 'json') throw usage('invalid format option', 'list');
  const { containers, unreadable } = listContainers(globals.root);
  for (const id of unreadable) log.warning(unreadableContainer(id));
  if (values.isSet('quiet')) print(containers.map(({ id }) => `${id}\n`).join(''));
  else print(format === 'json' ? formatListJson(containers) : formatListTable(containers));
}

/** One line; `null` when there are none, as Go writes an empty list. */
export const formatListJson = (containers: readonly ContainerState[]): string =>
  containers.length === 0 ? 'null\n' : `${formatJson(containers)}\n`;

export const formatListTable = (containers: readonly ContainerState[]): string =>
  formatTable([
    HEADER,
    ...containers.map(({ id, pid, status, bundle, created, owner }) => [
      id,
      String(pid),
      status,
      bundle,
      created,
      owner,
    ]),
  ]);
