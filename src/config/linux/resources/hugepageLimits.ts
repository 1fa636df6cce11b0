/** linux.resources.hugepageLimits: bytes of huge pages a page size (config-linux.md; hugetlb.rst). */
import type { LinuxResources } from '../../../generated/spec.ts';
import { error, type Problem } from '../../../spec/problem.ts';
import { type CgroupVersion, RESOURCES, type Setting } from './setting.ts';

const PAGE_SIZE = /^[1-9]\d*[KMG]B$/;

export const checkHugepageLimits = ({ hugepageLimits }: LinuxResources): readonly Problem[] =>
  (hugepageLimits ?? []).flatMap(({ pageSize }, i) => {
    if (PAGE_SIZE.test(pageSize)) return [];
    const path = `${RESOURCES}/hugepageLimits/${i}/pageSize`;
    return [{ ...error(path, 'is not a page size', pageSize), expected: 'as "2MB"' }];
  });

/** Used pages, and reserved ones where the kernel counts these (5.7): mmap(2) fails, not a later fault. */
export const planHugepageLimits = (
  { hugepageLimits }: LinuxResources,
  version: CgroupVersion,
): readonly Setting[] =>
  (hugepageLimits ?? []).flatMap(({ pageSize, limit }, i) => {
    const suffix = version === 1 ? 'limit_in_bytes' : 'max';
    const base = {
      controller: 'hugetlb',
      value: `${limit}`,
      origin: `${RESOURCES}/hugepageLimits/${i}`,
    };
    return [
      { ...base, file: `hugetlb.${pageSize}.${suffix}` },
      { ...base, file: `hugetlb.${pageSize}.rsvd.${suffix}`, ignore: ['ENOENT'] as const },
    ];
  });
