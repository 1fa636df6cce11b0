/** What a resource comes down to: a line written into a file of the container's cgroup. */
import type { Integer64 } from '../../../generated/spec.ts';
import type { ConfigPath, ErrnoName } from '../../../plan/step.ts';

export interface Setting {
  /** The controller whose directory holds the file; on v2 there is one directory, but it must be on. */
  readonly controller: string;
  readonly file: string;
  readonly value: string;
  readonly origin: ConfigPath;
  /** Stands for the same as the setting before it: it is enough when the kernel takes one of them. */
  readonly isAlternative?: true;
  readonly ignore?: readonly ErrnoName[];
  /** An ignored failure is worth a line in the log. */
  readonly warn?: true;
}

export type CgroupVersion = 1 | 2;

export const RESOURCES: ConfigPath = '/linux/resources';

/** A limit as v2 writes it: negative is none. */
export const orMax = (limit: Integer64): string => (limit < 0 ? 'max' : limit.toString());

/** Zero stands for "not set", as Go's decoder makes absent of it in runc. */
export const isSet = (value: Integer64 | undefined): value is Integer64 =>
  value !== undefined && BigInt(value) !== 0n;
