/**
 * linux.resources.devices: which devices may be opened and made (config-linux.md "Allowed Device list").
 * A cgroup that says nothing allows nothing but the default devices, which are allowed behind the
 * config's own rules: a container without /dev/null is none. Of the rules that match a device the last
 * one decides, for each of read, write and mknod by itself. cgroup v1 has files for them
 * (devices/list.ts), v2 a program (devices/program.ts).
 */
import type { DeviceCgroup, LinuxResources } from '../../../generated/spec.ts';
import type { ConfigPath } from '../../../plan/step.ts';
import { error, type Problem } from '../../../spec/problem.ts';
import { oncePer } from '../../once.ts';
import { RESOURCES } from './setting.ts';

export const DEVICES: ConfigPath = `${RESOURCES}/devices`;

/** One rule, complete: a rule for both types is one for everything, or two. */
export interface DeviceRule {
  readonly allow: boolean;
  /** `a` is every device with every access; then the numbers are ANY. */
  readonly type: 'a' | 'b' | 'c';
  readonly major: number;
  readonly minor: number;
  /** A union of READ, WRITE and MKNOD. */
  readonly access: number;
  readonly origin: ConfigPath;
}

/** Any major or minor number. */
export const ANY = -1;

// As linux/bpf.h numbers them (BPF_DEVCG_ACC_).
export const MKNOD = 1;
export const READ = 2;
export const WRITE = 4;
export const EVERY_ACCESS = MKNOD | READ | WRITE;

/** runc's: any node may be made (not opened), and what every program counts on. */
const DEFAULTS: readonly DeviceRule[] = (
  [
    ['c', ANY, ANY, MKNOD],
    ['b', ANY, ANY, MKNOD],
    ['c', 1, 3, EVERY_ACCESS], // /dev/null
    ['c', 1, 8, EVERY_ACCESS], // /dev/random
    ['c', 1, 7, EVERY_ACCESS], // /dev/full
    ['c', 5, 0, EVERY_ACCESS], // /dev/tty
    ['c', 1, 5, EVERY_ACCESS], // /dev/zero
    ['c', 1, 9, EVERY_ACCESS], // /dev/urandom
    ['c', 136, ANY, EVERY_ACCESS], // /dev/pts/N
    ['c', 5, 2, EVERY_ACCESS], // /dev/ptmx
    ['c', 10, 200, EVERY_ACCESS], // /dev/net/tun
  ] as const
).map(([type, major, minor, access]) => ({ allow: true, type, major, minor, access, origin: '' }));

export const checkDeviceRules = ({ devices }: LinuxResources): readonly Problem[] =>
  (devices ?? []).flatMap(({ access }, i) =>
    access === undefined || /^[rwm]*$/.test(access)
      ? []
      : [
          {
            ...error(`${DEVICES}/${i}/access`, 'is not an access', access),
            expected: 'some of "rwm"',
          },
        ],
  );

/**
 * The rules in the order in which they count. The first is for everything, and no other is: what stands
 * before a rule for everything has no effect. One that allows everything leaves nothing to the defaults.
 */
export const deviceRules = oncePer(({ devices }: LinuxResources): readonly DeviceRule[] => {
  const asked = (devices ?? []).flatMap((rule, i) => rulesOf(rule, `${DEVICES}/${i}`));
  const nothing = everything(false, '');
  const all = [nothing, ...asked, ...DEFAULTS];
  const rules = all.slice(all.findLastIndex(({ type }) => type === 'a'));
  return rules.every(({ allow }) => allow) ? rules.slice(0, 1) : rules;
});

/** Whether the rules forbid nothing. */
export const allowEverything = (rules: readonly DeviceRule[]): boolean =>
  rules.every(({ allow }) => allow);

const everything = (allow: boolean, origin: ConfigPath): DeviceRule => ({
  allow,
  type: 'a',
  major: ANY,
  minor: ANY,
  access: EVERY_ACCESS,
  origin,
});

function rulesOf(rule: DeviceCgroup, origin: ConfigPath): readonly DeviceRule[] {
  const { allow, type = 'a', major = ANY, minor = ANY } = rule;
  const numbers = { major: Math.max(Number(major), ANY), minor: Math.max(Number(minor), ANY) };
  const access = parseAccess(rule.access || 'rwm');
  const isAll = numbers.major === ANY && numbers.minor === ANY && access === EVERY_ACCESS;
  if (type === 'a' && isAll) return [everything(allow, origin)];
  const types: readonly ('b' | 'c')[] = type === 'a' ? ['c', 'b'] : [type];
  return types.map((each) => ({ allow, type: each, ...numbers, access, origin }));
}

const parseAccess = (text: string): number =>
  (text.includes('r') ? READ : 0) |
  (text.includes('w') ? WRITE : 0) |
  (text.includes('m') ? MKNOD : 0);
