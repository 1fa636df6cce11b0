/**
 * linux.resources.devices: which devices may be opened and made (config-linux.md "Allowed Device list";
 * cgroup-v1/devices.rst). A cgroup that says nothing allows nothing but the default devices, which are
 * allowed behind the config's own rules: a container without /dev/null is none.
 */
import type { DeviceCgroup, LinuxResources } from '../../../generated/spec.ts';
import { error, type Problem } from '../../../spec/problem.ts';
import { RESOURCES, type Setting } from './setting.ts';

const POINTER = `${RESOURCES}/devices`;

interface Rule {
  readonly allow: boolean;
  /** `a *:* rwm`, `c 1:3 rwm`: a line of devices.allow and devices.deny. */
  readonly line: string;
  readonly origin: string;
}

const EVERYTHING = 'a *:* rwm';

/** runc's: any node may be made (not opened), and what every program counts on. */
const DEFAULTS: readonly Rule[] = [
  'c *:* m',
  'b *:* m',
  'c 1:3 rwm', // /dev/null
  'c 1:8 rwm', // /dev/random
  'c 1:7 rwm', // /dev/full
  'c 5:0 rwm', // /dev/tty
  'c 1:5 rwm', // /dev/zero
  'c 1:9 rwm', // /dev/urandom
  'c 136:* rwm', // /dev/pts/N
  'c 5:2 rwm', // /dev/ptmx
  'c 10:200 rwm', // /dev/net/tun
].map((line) => ({ allow: true, line, origin: '' }));

export const checkDeviceRules = ({ devices }: LinuxResources): readonly Problem[] =>
  (devices ?? []).flatMap(({ access }, i) =>
    access === undefined || /^[rwm]*$/.test(access)
      ? []
      : [
          {
            ...error(`${POINTER}/${i}/access`, 'is not an access', access),
            expected: 'some of "rwm"',
          },
        ],
  );

/** Lines for cgroup v1's devices.allow and devices.deny, in order, none of them without effect. */
export function planDeviceRules({ devices }: LinuxResources): readonly Setting[] {
  const asked = (devices ?? []).flatMap((rule, i) => rulesOf(rule, `${POINTER}/${i}`));
  const nothing: Rule = { allow: false, line: EVERYTHING, origin: '' };
  const all = [nothing, ...asked, ...DEFAULTS];
  // A rule for everything leaves nothing of those before it.
  const rules = all.slice(all.findLastIndex(({ line }) => line === EVERYTHING));
  const isRedundant = rules.every(({ allow }) => allow);
  return (isRedundant ? rules.slice(0, 1) : rules).map(({ allow, line, origin }) => ({
    controller: 'devices',
    file: allow ? 'devices.allow' : 'devices.deny',
    value: line,
    origin,
  }));
}

/** The kernel takes `a` for every device with every access, whatever follows: the rest needs two rules. */
function rulesOf(rule: DeviceCgroup, origin: string): readonly Rule[] {
  const { allow, type = 'a', major = -1, minor = -1 } = rule;
  const access = rule.access || 'rwm';
  const rest = `${number(major)}:${number(minor)} ${access}`;
  const isAll = major < 0 && minor < 0 && ['r', 'w', 'm'].every((right) => access.includes(right));
  if (type === 'a' && isAll) return [{ allow, line: EVERYTHING, origin }];
  const types = type === 'a' ? ['c', 'b'] : [type];
  return types.map((each) => ({ allow, line: `${each} ${rest}`, origin }));
}

const number = (n: number): string => (n < 0 ? '*' : `${n}`);
