/**
 * linux.resources.blockIO: weights and rates of block devices (config-linux.md "Block IO";
 * blkio-controller.rst, cgroup-v2.rst "IO").
 */
import type { BlockIo, LinuxResources } from '../../../generated/spec.ts';
import { error, type Problem } from '../../../spec/problem.ts';
import { type CgroupVersion, RESOURCES, type Setting } from './setting.ts';

const POINTER = `${RESOURCES}/blockIO`;

const THROTTLES = [
  ['throttleReadBpsDevice', 'blkio.throttle.read_bps_device', 'rbps'],
  ['throttleWriteBpsDevice', 'blkio.throttle.write_bps_device', 'wbps'],
  ['throttleReadIOPSDevice', 'blkio.throttle.read_iops_device', 'riops'],
  ['throttleWriteIOPSDevice', 'blkio.throttle.write_iops_device', 'wiops'],
] as const;

export function checkBlockIO({ blockIO }: LinuxResources): readonly Problem[] {
  const weights = [
    ['weight', blockIO?.weight],
    ['leafWeight', blockIO?.leafWeight],
    ...(blockIO?.weightDevice ?? []).flatMap((device, i) => [
      [`weightDevice/${i}/weight`, device.weight] as const,
      [`weightDevice/${i}/leafWeight`, device.leafWeight] as const,
    ]),
  ] as const;
  return weights.flatMap(([name, weight]) =>
    weight === undefined || weight === 0 || (weight >= 10 && weight <= 1000)
      ? []
      : [{ ...error(`${POINTER}/${name}`, 'is out of range', weight), expected: '10 to 1000' }],
  );
}

/** What this version of cgroups cannot do. */
export function limitsOfBlockIO({ blockIO }: LinuxResources, version: CgroupVersion) {
  if (version === 1 || blockIO === undefined) return [];
  const leaves = [
    ['leafWeight', blockIO.leafWeight],
    ...(blockIO.weightDevice ?? []).map((d, i) => [`weightDevice/${i}/leafWeight`, d.leafWeight]),
  ];
  return leaves.flatMap(([name, weight]) =>
    weight ? [error(`${POINTER}/${name}`, 'cannot be set with cgroup v2')] : [],
  );
}

export function planBlockIO(
  { blockIO }: LinuxResources,
  version: CgroupVersion,
): readonly Setting[] {
  if (blockIO === undefined) return [];
  return version === 1 ? planV1(blockIO) : planV2(blockIO);
}

/**
 * The BFQ scheduler has a file of its own for weights; which of the two a kernel has cannot be known
 * before the cgroup exists, and a device is served by one of them at most (the other says EOPNOTSUPP), so
 * both are written. A kernel without either is worth a warning; a device that neither serves is an error.
 */
const weights = (
  controller: string,
  origin: string,
  bfq: readonly [file: string, value: string],
  other: readonly [file: string, value: string],
): readonly Setting[] => {
  const base = { controller, origin, ignore: ['ENOENT'], warn: true } as const;
  return [
    { ...base, file: bfq[0], value: bfq[1] },
    { ...base, file: other[0], value: other[1], isAlternative: true },
  ];
};

function planV1(blockIO: BlockIo): readonly Setting[] {
  const { weight, leafWeight, weightDevice } = blockIO;
  const leaf = (name: string, file: string, value: string): Setting => ({
    controller: 'blkio',
    file,
    value,
    origin: `${POINTER}/${name}`,
  });
  const both = (name: string, suffix: string, value: string) =>
    weights(
      'blkio',
      `${POINTER}/${name}`,
      [`blkio.bfq.weight${suffix}`, value],
      [`blkio.weight${suffix}`, value],
    );
  return [
    ...(weight ? both('weight', '', `${weight}`) : []),
    ...(leafWeight ? [leaf('leafWeight', 'blkio.leaf_weight', `${leafWeight}`)] : []),
    ...(weightDevice ?? []).flatMap((device, i) => {
      const number = `${device.major}:${device.minor}`;
      const name = `weightDevice/${i}`;
      return [
        ...(device.weight ? both(`${name}/weight`, '_device', `${number} ${device.weight}`) : []),
        ...(device.leafWeight
          ? [
              leaf(
                `${name}/leafWeight`,
                'blkio.leaf_weight_device',
                `${number} ${device.leafWeight}`,
              ),
            ]
          : []),
      ];
    }),
    ...throttles(blockIO, 'blkio', (file, _key, number, rate) => [file, `${number} ${rate}`]),
  ];
}

function planV2(blockIO: BlockIo): readonly Setting[] {
  const both = (name: string, prefix: string, weight: number) =>
    weights(
      'io',
      `${POINTER}/${name}`,
      ['io.bfq.weight', `${prefix}${weight}`],
      ['io.weight', `${prefix}${ioWeightOf(weight)}`],
    );
  return [
    ...(blockIO.weight ? both('weight', '', blockIO.weight) : []),
    ...(blockIO.weightDevice ?? []).flatMap(({ major, minor, weight }, i) =>
      weight ? both(`weightDevice/${i}/weight`, `${major}:${minor} `, weight) : [],
    ),
    ...throttles(blockIO, 'io', (_file, key, number, rate) => [
      'io.max',
      `${number} ${key}=${rate}`,
    ]),
  ];
}

/** 10 to 1000 (BFQ) stretched to 1 to 10000 (io.weight). */
export const ioWeightOf = (weight: number): number => 1 + Math.trunc(((weight - 10) * 9999) / 990);

function throttles(
  blockIO: BlockIo,
  controller: string,
  line: (file: string, key: string, number: string, rate: string) => readonly [string, string],
): readonly Setting[] {
  return THROTTLES.flatMap(([name, v1File, key]) =>
    (blockIO[name] ?? []).map(({ major, minor, rate }, i) => {
      const [file, value] = line(v1File, key, `${major}:${minor}`, `${rate}`);
      return { controller, file, value, origin: `${POINTER}/${name}/${i}` };
    }),
  );
}
