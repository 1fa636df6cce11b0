/** An inspection for people: sections of aligned columns. */
import { formatConfigPath } from '../spec/configPath.ts';
import type { Inspection } from './inspect.ts';

/** Ends with a newline. */
export function formatInspection(found: Inspection): string {
  const { process, namespaces, cgroups, mounts } = found;
  const sections: readonly (readonly [string, readonly (readonly string[])[]])[] = [
    [
      'CONTAINER',
      [
        ['id', found.id],
        ['status', found.status],
        ['bundle', found.bundle],
        ['created', found.created],
      ],
    ],
    [
      'PROCESS',
      [
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
      ],
    ],
    [
      'NAMESPACES',
      [
        ['type', 'flag', 'inode', 'whose'],
        ...namespaces.map(({ type, flag, inode, shared }) => [
          type,
          flag,
          inode,
          shared === 'own'
            ? 'its own'
            : shared === 'host'
              ? "the host's"
              : `shared with ${shared.join(', ')}`,
        ]),
      ],
    ],
    ...cgroups.map(
      ({ directory, values }) =>
        [
          `CGROUP ${directory}`,
          [
            ['what', 'used', 'limit'],
            ...values.map(({ name, used = '-', limit = '-' }) => [name, used, limit]),
          ],
        ] as const,
    ),
    [
      'MOUNTS',
      [
        ['path', 'type', 'from', 'options', 'property'],
        ...mounts.map(({ path, type, source, options, origin }) => [
          path,
          type,
          source,
          options,
          origin === '' ? '-' : formatConfigPath(origin),
        ]),
      ],
    ],
  ];
  return sections.map(([title, rows]) => `${title}\n${align(rows)}`).join('\n');
}

const first = (ids: string): string => ids.split(' ')[0] ?? '';

const list = (names: readonly string[] | undefined): string =>
  names === undefined || names.length === 0 ? 'none' : names.join(' ');

function align(rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [i, cell] of row.entries()) widths[i] = Math.max(widths[i] ?? 0, cell.length);
  }
  return rows
    .map((row) => `  ${row.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join('  ')}`.trimEnd())
    .map((line) => `${line}\n`)
    .join('');
}
