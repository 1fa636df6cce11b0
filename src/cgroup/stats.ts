/** What a container uses, read from its cgroups. */
import { unless } from '../linux/call.ts';
import { listDirectory, readTextIfExists } from '../linux/files.ts';
import type { CgroupLayout } from '../plan/context.ts';
import type { ReadFile, Statistics } from './stats/statistics.ts';
import { statisticsV1 } from './stats/v1.ts';
import { statisticsV2 } from './stats/v2.ts';

/** Reads the statistics of a container's cgroup directories (state.json cgroup_paths). */
export function readStatistics(layout: CgroupLayout, directories: readonly string[]): Statistics {
  const sizes = pageSizes();
  if (layout.version === 1) return statisticsV1(readerV1(layout, directories), sizes);
  const directory = directories[0];
  return statisticsV2(
    (_controller, file) => (directory === undefined ? undefined : readFile(`${directory}/${file}`)),
    sizes,
  );
}

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
