/** linux.resources.unified: files of a v2 cgroup by name, as they are (config-linux.md "Unified"). */
import type { LinuxResources } from '../../../generated/spec.ts';
import { escapePointer } from '../../../spec/json.ts';
import { error, type Problem } from '../../../spec/problem.ts';
import { type CgroupVersion, RESOURCES, type Setting } from './setting.ts';

const pointer = (file: string) => `${RESOURCES}/unified/${escapePointer(file)}`;

export const checkUnified = ({ unified }: LinuxResources): readonly Problem[] =>
  Object.keys(unified ?? {}).flatMap((file) => {
    if (file.includes('/')) return [error(pointer(file), 'must be a file name (no slashes)')];
    return /^[a-z_]+\.\S+$/.test(file)
      ? []
      : [{ ...error(pointer(file), 'is not a cgroup file'), expected: 'controller.name' }];
  });

/** What this version of cgroups cannot do. */
export const limitsOfUnified = ({ unified }: LinuxResources, version: CgroupVersion) =>
  version === 1 && Object.keys(unified ?? {}).length > 0
    ? [error(`${RESOURCES}/unified`, 'cannot be set with cgroup v1')]
    : [];

export const planUnified = (
  { unified }: LinuxResources,
  version: CgroupVersion,
): readonly Setting[] =>
  version === 1
    ? []
    : Object.entries(unified ?? {}).map(([file, value]) => ({
        controller: file.slice(0, file.indexOf('.')),
        file,
        value,
        origin: pointer(file),
      }));
