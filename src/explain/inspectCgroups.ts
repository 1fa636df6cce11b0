/** Limits beside what is used, of cgroup v1 and v2. */

export interface CgroupFact {
  readonly directory: string;
  readonly values: readonly CgroupValue[];
}

export interface CgroupValue {
  readonly name: string;
  readonly used?: string;
  /** As the kernel writes it; `max` for no limit. */
  readonly limit?: string;
}

/** What is used, the file that says it, the file of the limit. v2 first, then v1. */
const FILES = [
  ['memory, bytes', 'memory.current', 'memory.max'],
  ['memory, most so far', 'memory.peak', ''],
  ['swap, bytes', 'memory.swap.current', 'memory.swap.max'],
  ['processes', 'pids.current', 'pids.max'],
  ['cpu.max (quota period), µs', '', 'cpu.max'],
  ['cpu weight', '', 'cpu.weight'],
  ['cpuset', '', 'cpuset.cpus.effective'],
  ['memory, bytes', 'memory.usage_in_bytes', 'memory.limit_in_bytes'],
  ['memory, most so far', 'memory.max_usage_in_bytes', ''],
  ['memory and swap, bytes', 'memory.memsw.usage_in_bytes', 'memory.memsw.limit_in_bytes'],
  ['cpu time, ns', 'cpuacct.usage', ''],
  ['cpu quota, µs a period', '', 'cpu.cfs_quota_us'],
  ['cpu shares', '', 'cpu.shares'],
  ['cpuset', '', 'cpuset.effective_cpus'],
] as const;

/** Directories of no file that says something are left out. */
export const cgroupFacts = (
  directories: readonly string[],
  read: (path: string) => string | undefined,
): readonly CgroupFact[] =>
  directories
    .map((directory) => ({ directory, values: valuesOf(directory, read) }))
    .filter(({ values }) => values.length > 0);

function valuesOf(
  directory: string,
  read: (path: string) => string | undefined,
): readonly CgroupValue[] {
  const value = (file: string) => (file === '' ? undefined : read(`${directory}/${file}`)?.trim());
  const rows: CgroupValue[] = FILES.flatMap(([name, usedFile, limitFile]) => {
    const [used, limit] = [value(usedFile), limitOf(value(limitFile))];
    if (used === undefined && limit === undefined) return [];
    return [
      { name, ...(used === undefined ? {} : { used }), ...(limit === undefined ? {} : { limit }) },
    ];
  });
  const time = /^usage_usec (\d+)$/m.exec(value('cpu.stat') ?? '')?.[1];
  const kills = /^oom_kill (\d+)$/m.exec(
    value('memory.events') ?? value('memory.oom_control') ?? '',
  )?.[1];
  return [
    ...rows,
    ...(time === undefined ? [] : [{ name: 'cpu time, µs', used: time }]),
    ...(kills === undefined ? [] : [{ name: 'killed for memory', used: kills }]),
  ];
}

/** v1 writes no limit of memory as the last page below 2^63, no quota as -1. */
const limitOf = (text: string | undefined): string | undefined =>
  text === '9223372036854771712' || text === '-1' ? 'max' : text;
