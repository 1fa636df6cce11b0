/**
 * What `events` tells of a container's cgroups: members and their order are runc's, which containerd and
 * docker read. Numbers are u64. A member that is undefined is not printed; nor is a zero where runc
 * leaves it out.
 */

export interface Statistics {
  readonly cpu: CpuStatistics;
  readonly cpuset: CpusetStatistics;
  readonly memory: MemoryStatistics;
  readonly pids: { readonly current?: bigint | undefined; readonly limit?: bigint | undefined };
  readonly blkio: BlkioStatistics;
  /** By page size, `2MB`. */
  readonly hugetlb: { readonly [size: string]: HugetlbStatistics };
}

/** Times are nanoseconds. */
export interface CpuStatistics {
  readonly usage: {
    readonly total?: bigint | undefined;
    readonly percpu?: readonly bigint[] | undefined;
    readonly percpu_kernel?: readonly bigint[] | undefined;
    readonly percpu_user?: readonly bigint[] | undefined;
    readonly kernel: bigint;
    readonly user: bigint;
  };
  readonly throttling: {
    readonly periods?: bigint | undefined;
    readonly throttledPeriods?: bigint | undefined;
    readonly throttledTime?: bigint | undefined;
  };
  readonly psi?: Pressure | undefined;
}

export interface CpusetStatistics {
  readonly cpus?: readonly number[] | undefined;
  readonly cpu_exclusive: bigint;
  readonly mems?: readonly number[] | undefined;
  readonly mem_hardwall: bigint;
  readonly mem_exclusive: bigint;
  readonly memory_migrate: bigint;
  readonly memory_spread_page: bigint;
  readonly memory_spread_slab: bigint;
  readonly memory_pressure: bigint;
  readonly sched_load_balance: bigint;
  readonly sched_relax_domain_level: bigint;
}

/** Bytes; without a limit, 2^64-1. */
export interface MemoryEntry {
  readonly limit: bigint;
  readonly usage?: bigint | undefined;
  readonly max?: bigint | undefined;
  readonly failcnt: bigint;
}

export interface MemoryStatistics {
  readonly cache?: bigint | undefined;
  readonly usage: MemoryEntry;
  /** Memory and swap together. */
  readonly swap: MemoryEntry;
  readonly kernel: MemoryEntry;
  readonly kernelTCP: MemoryEntry;
  /** memory.stat. */
  readonly raw?: { readonly [name: string]: bigint } | undefined;
  readonly psi?: Pressure | undefined;
}

export interface BlkioEntry {
  readonly major?: bigint | undefined;
  readonly minor?: bigint | undefined;
  readonly op?: string | undefined;
  readonly value?: bigint | undefined;
}

export type BlkioList =
  | 'ioServiceBytesRecursive'
  | 'ioServicedRecursive'
  | 'ioQueueRecursive'
  | 'ioServiceTimeRecursive'
  | 'ioWaitTimeRecursive'
  | 'ioMergedRecursive'
  | 'ioTimeRecursive'
  | 'sectorsRecursive';

export type BlkioStatistics = {
  readonly [K in BlkioList]?: readonly BlkioEntry[] | undefined;
} & { readonly psi?: Pressure | undefined };

export interface HugetlbStatistics {
  readonly usage?: bigint | undefined;
  readonly max?: bigint | undefined;
  readonly failcnt: bigint;
}

/** Pressure stall information (psi.rst): shares of time in percent, `total` in microseconds. */
export interface Pressure {
  readonly some: PressureLine;
  readonly full: PressureLine;
}

export interface PressureLine {
  readonly avg10: number;
  readonly avg60: number;
  readonly avg300: number;
  readonly total: bigint;
}

/** A file of the container's cgroup in the hierarchy of a controller; undefined when it is not there. */
export type ReadFile = (controller: string, file: string) => string | undefined;

/** What one version of cgroups has files of its own for. */
export interface VersionStatistics {
  readonly cpuOf: (read: ReadFile) => CpuStatistics;
  readonly cpusetOf: (read: ReadFile) => CpusetStatistics;
  readonly memoryOf: (read: ReadFile) => MemoryStatistics;
  readonly blkioOf: (read: ReadFile) => BlkioStatistics;
  /** How files end, behind `hugetlb.2MB.`. */
  readonly hugetlb: {
    readonly usage: string;
    readonly max?: string;
    /** How often the limit was met: of the page size whose files begin so. */
    readonly failures: (read: ReadFile, prefix: string) => bigint;
  };
}
