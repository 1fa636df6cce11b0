/** The mounts of a container, each with the property of config.json that asked for it. */

import { cleanDestination } from '../config/mounts/destination.ts';
import type { Spec } from '../generated/spec.ts';

export interface MountFact {
  readonly path: string;
  readonly type: string;
  readonly source: string;
  readonly options: string;
  /** JSON pointer; empty for what tsrun makes by itself. */
  readonly origin: string;
}

/** /proc/PID/mountinfo, proc_pid_mountinfo(5), in the order of the kernel. */
export function mountFacts(mountinfo: string, spec: Spec): readonly MountFact[] {
  const origins = originsOf(spec);
  return mountinfo.split('\n').flatMap((line) => {
    const [front = '', back = ''] = line.split(' - ');
    const [, , , root = '', path = '', options = ''] = front.split(' ').map(unescape8);
    const [type = '', device = ''] = back.split(' ').map(unescape8);
    if (type === '') return [];
    // Of a bind mount the kernel tells what of its file system is shown.
    const source = root === '/' ? device : `${device}[${root}]`;
    return [{ path, type, source, options, origin: origins.get(path) ?? '' }];
  });
}

/** Path → property; of several the last, which lies on top. */
function originsOf({ mounts = [], linux = {}, root }: Spec): ReadonlyMap<string, string> {
  const { maskedPaths = [], readonlyPaths = [], devices = [] } = linux;
  return new Map([
    ...(root === undefined ? [] : [['/', '/root'] as const]),
    ...mounts.map(
      ({ destination }, index) => [cleanDestination(destination), `/mounts/${index}`] as const,
    ),
    ...devices.map(({ path }, index) => [path, `/linux/devices/${index}`] as const),
    ...readonlyPaths.map((path, index) => [path, `/linux/readonlyPaths/${index}`] as const),
    ...maskedPaths.map((path, index) => [path, `/linux/maskedPaths/${index}`] as const),
  ]);
}

/** `\040` is a space. */
const unescape8 = (text: string): string =>
  text.replaceAll(/\\([0-7]{3})/g, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 8)),
  );
