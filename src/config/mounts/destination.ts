/** mounts[].destination: where in the container a mount may stand. */

import { MS_BIND } from '../../linux/constants/mount.ts';
import { error, type Problem, warning } from '../../spec/problem.ts';
import type { MountEntry } from './entry.ts';

/**
 * The only places below /proc: files that lxcfs replaces by the container's own view. Anything else
 * there could give the container false names for what the runtime writes to /proc (CVE-2019-16884).
 */
const ALLOWED_IN_PROC: readonly string[] = [
  '/proc/cpuinfo',
  '/proc/diskstats',
  '/proc/meminfo',
  '/proc/stat',
  '/proc/swaps',
  '/proc/uptime',
  '/proc/loadavg',
  '/proc/slabinfo',
  '/proc/sys/kernel/ns_last_pid',
  '/proc/sys/crypto/fips_enabled',
];

/** Absolute, without `.`, `..`, empty components or a slash at the end; `..` never leads above `/`. */
export function cleanDestination(destination: string): string {
  if (isClean(destination)) return destination;
  const parts: string[] = [];
  for (const part of destination.split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '' && part !== '.') parts.push(part);
  }
  return `/${parts.join('/')}`;
}

/** Nearly every one is, and to see it is cheaper than to take it apart. */
const isClean = (path: string): boolean =>
  path.startsWith('/') &&
  !path.includes('//') &&
  !path.includes('/.') &&
  (!path.endsWith('/') || path === '/');

export const isInProc = (destination: string): boolean =>
  destination === '/proc' || destination.startsWith('/proc/');

const NONE: readonly Problem[] = [];

export function checkDestination(entry: MountEntry): readonly Problem[] {
  const { destination, mount, origin } = entry;
  const isAbsolute = destination === mount.destination || mount.destination.startsWith('/');
  if (isAbsolute && destination !== '/' && !isInProc(destination)) return NONE;
  const problems: Problem[] = [];
  const at = `${origin}/destination`;
  if (!isAbsolute)
    problems.push(
      warning(at, 'should be an absolute path; taken as relative to /', mount.destination),
    );
  if (destination === '/')
    problems.push(
      error(at, 'is the root of the container, which root.path gives', mount.destination),
    );
  if (destination === '/proc' && !mayCoverProc(entry))
    problems.push(
      error(at, '"/proc" cannot be mounted because it is not of type proc', mount.type ?? ''),
    );
  if (destination.startsWith('/proc/') && !ALLOWED_IN_PROC.includes(destination))
    problems.push(
      error(at, `"${destination}" cannot be mounted because it is inside /proc`, mount.destination),
    );
  return problems;
}

/** A procfs: a new one, or a bind of the host's. */
const mayCoverProc = ({ type, source, options }: MountEntry): boolean =>
  options.flags & MS_BIND
    ? source !== undefined && cleanDestination(source) === '/proc'
    : type === 'proc';
