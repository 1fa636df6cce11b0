/** An inspection for people: sections of aligned columns. */
import { formatConfigPath } from '../spec/configPath.ts';
import type { Inspection } from './inspect.ts';
import { printable } from './printable.ts';

type Rows = readonly (readonly string[])[];

/** Ends with a newline. */
export function formatInspection(found: Inspection): string {
  const { id, status, bundle, created, cgroups } = found;
  const head = [
    ['id', id],
    ['status', status],
    ['bundle', bundle],
    ['created', created],
  ];
  const sections: readonly (readonly [string, Rows])[] = [
    ['CONTAINER', head],
    ['PROCESS', processRows(found)],
    ['NAMESPACES', namespaceRows(found)],
    ...cgroups.map(({ directory, values }): readonly [string, Rows] => [
      `CGROUP ${directory}`,
      [
        ['what', 'used', 'limit'],
        ...values.map(({ name, used = '-', limit = '-' }) => [name, used, limit]),
      ],
    ]),
    ['MOUNTS', mountRows(found)],
  ];
  return sections.map(([title, rows]) => `${title}\n${align(rows)}`).join('\n');
}

const processRows = ({ process }: Inspection): Rows => [
  ['pid', `${process.pid} on the host, ${process.pidInside} in the container`],
  ['command', process.command],
  ['uid, gid on the host', `${first(process.uid)}, ${first(process.gid)}`],
  ['ids (container host size)', process.uidMap.join('; ')],
  ['capabilities, effective', list(process.capabilities['effective'])],
  ['capabilities, bounding', list(process.capabilities['bounding'])],
  ['no_new_privs', process.noNewPrivileges ? 'yes' : 'no'],
  [
    'seccomp',
    process.seccomp === 'filter' ? `filter (${process.seccompFilters})` : process.seccomp,
  ],
  ['label', process.label || '-'],
  ['oom_score_adj', String(process.oomScoreAdj)],
];

const namespaceRows = ({ namespaces }: Inspection): Rows => [
  ['type', 'flag', 'inode', 'whose'],
  ...namespaces.map(({ type, flag, inode, shared }) => [type, flag, inode, ownerOf(shared)]),
];

function ownerOf(shared: Inspection['namespaces'][number]['shared']): string {
  if (shared === 'own') return 'its own';
  return shared === 'host' ? "the host's" : `shared with ${shared.join(', ')}`;
}

export const formatMounts = (mounts: Inspection['mounts']): string => align(mountRows({ mounts }));

const mountRows = ({ mounts }: Pick<Inspection, 'mounts'>): Rows => [
  ['path', 'type', 'from', 'options', 'property'],
  ...mounts.map(({ path, type, source, options, origin }) => [
    path,
    type,
    source,
    options,
    origin === '' ? '-' : formatConfigPath(origin),
  ]),
];

const first = (ids: string): string => ids.split(' ')[0] ?? '';

const list = (names: readonly string[] | undefined): string =>
  names === undefined || names.length === 0 ? 'none' : names.join(' ');

function align(found: Rows): string {
  const rows = found.map((row) => row.map(printable));
  const widths: number[] = [];
  for (const row of rows) {
    for (const [i, cell] of row.entries()) widths[i] = Math.max(widths[i] ?? 0, cell.length);
  }
  return rows
    .map((row) => `  ${row.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join('  ')}`.trimEnd())
    .map((line) => `${line}\n`)
    .join('');
}
