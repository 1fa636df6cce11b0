/** What a container uses, read from its cgroups. */
import { unless } from '../linux/call.ts';
import { listDirectory, readTextIfExists } from '../linux/files.ts';
import type { CgroupLayout } from '../plan/context.ts';
import type {
  HugetlbStatistics,
  ReadFile,
  Statistics,
  VersionStatistics,
} from './stats/statistics.ts';
import { parseNumber, sortedRecord, unlessZero } from './stats/text.ts';
import { V1 } from './stats/v1.ts';
import { V2 } from './stats/v2.ts';

/** Reads the statistics of a container's cgroup directories (state.json cgroup_paths). */
export function readStatistics(layout: CgroupLayout, directories: readonly string[]): Statistics {
  const sizes = pageSizes();
  return layout.version === 1
    ? statisticsFrom(readerV1(layout, directories), V1, sizes)
    : statisticsFrom(readerV2(directories), V2, sizes);
}

/** `pageSizes`: of the huge pages that the machine has. */
export const statisticsFrom = (
  read: ReadFile,
  version: VersionStatistics,
  pageSizes: readonly string[],
): Statistics => ({
  cpu: version.cpuOf(read),
  cpuset: version.cpusetOf(read),
  memory: version.memoryOf(read),
  pids: pidsOf(read),
  blkio: version.blkioOf(read),
  hugetlb: sortedRecord(pageSizes.flatMap((size) => hugetlbOf(read, version.hugetlb, size))) ?? {},
});

/** The same files on both versions. */
function pidsOf(read: ReadFile): Statistics['pids'] {
  const limit = read('pids', 'pids.max')?.trim();
  return {
    current: unlessZero(parseNumber(read('pids', 'pids.current'))),
    limit: limit === 'max' ? undefined : unlessZero(parseNumber(limit)),
  };
}

/** Reserved pages where the kernel counts them: what the limit is about there. */
function hugetlbOf(
  read: ReadFile,
  { usage: file, max, failures }: VersionStatistics['hugetlb'],
  size: string,
): [string, HugetlbStatistics][] {
  const reserved = read('hugetlb', `hugetlb.${size}.rsvd.${file}`);
  const prefix = `hugetlb.${size}${reserved === undefined ? '' : '.rsvd'}`;
  const usage = reserved ?? read('hugetlb', `${prefix}.${file}`);
  if (usage === undefined) return [];
  const statistics = {
    usage: unlessZero(parseNumber(usage)),
    max: unlessZero(
      parseNumber(max === undefined ? undefined : read('hugetlb', `${prefix}.${max}`)),
    ),
    failcnt: failures(read, prefix),
  };
  return [[size, statistics]];
}

const readerV2 =
  ([directory]: readonly string[]): ReadFile =>
  (_controller, file) =>
    directory === undefined ? undefined : readFile(`${directory}/${file}`);

type LegacyLayout = Extract<CgroupLayout, { readonly version: 1 }>;

function readerV1({ hierarchies }: LegacyLayout, directories: readonly string[]): ReadFile {
  const found = new Map<string, string>();
  for (const { controllers, mountpoint } of hierarchies) {
    const directory = directories.find((path) => path.startsWith(`${mountpoint}/`));
    if (directory !== undefined) for (const name of controllers) found.set(name, directory);
  }
  return (controller, file) => {
    const directory = found.get(controller);
    return directory === undefined ? undefined : readFile(`${directory}/${file}`);
  };
}

/** Pressure is EOPNOTSUPP where the kernel was booted without it. */
const readFile = (path: string): string | undefined =>
  unless(['EOPNOTSUPP', 'EINVAL'], () => readTextIfExists(path));

const KIB_A_MIB = 1024;
const KIB_A_GIB = 1024 * 1024;

/** The sizes of huge pages this machine has, as cgroup files name them: `2MB`, `1GB`. */
const pageSizes = (): readonly string[] =>
  listDirectory('/sys/kernel/mm/hugepages').flatMap(({ name }) => {
    const size = Number(/^hugepages-(\d+)kB$/.exec(name)?.[1] ?? 0);
    return size === 0 ? [] : [pageSizeName(size)];
  });

export function pageSizeName(kib: number): string {
  if (kib >= KIB_A_GIB) return `${kib / KIB_A_GIB}GB`;
  return kib >= KIB_A_MIB ? `${kib / KIB_A_MIB}MB` : `${kib}KB`;
}
