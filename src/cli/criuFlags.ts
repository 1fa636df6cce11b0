/** The flags that `checkpoint` and `restore` share, read. */
import { CGROUP_MODES, type CriuRequest, NETWORK_LOCKS } from '../container/criuRequest.ts';
import { usage } from '../errors.ts';
import { absolutePath } from '../linux/paths.ts';
import { pathOf } from './creation.ts';
import type { Invocation } from './invocation.ts';

export function criuRequestOf(invocation: Invocation): CriuRequest {
  const { values, verb } = invocation;
  const workPath = pathOf(invocation, 'work-path');
  const mode = values.text('manage-cgroups-mode') || 'soft';
  if (!isKey(CGROUP_MODES, mode)) throw usage('Invalid manage cgroups mode', verb);
  const lock = values.text('network-lock') || undefined;
  if (lock !== undefined && !isKey(NETWORK_LOCKS, lock)) throw usage('Invalid network lock', verb);
  const empty = values.list('empty-ns');
  const other = empty.find((name) => name !== 'network');
  if (other !== undefined) throw usage(`namespace ${JSON.stringify(other)} is not supported`, verb);
  return {
    imagePath: absolutePath(values.text('image-path') || 'checkpoint'),
    ...(workPath === undefined ? {} : { workPath }),
    tcpEstablished: values.isSet('tcp-established'),
    extUnixSk: values.isSet('ext-unix-sk'),
    shellJob: values.isSet('shell-job'),
    fileLocks: values.isSet('file-locks'),
    lazyPages: values.isSet('lazy-pages'),
    autoDedup: values.isSet('auto-dedup'),
    linkRemap: values.isSet('link-remap'),
    manageCgroupsMode: mode,
    ...(lock === undefined ? {} : { networkLock: lock }),
    emptyNetwork: empty.length > 0,
  };
}

const isKey = <T extends object>(table: T, name: string): name is Extract<keyof T, string> =>
  Object.hasOwn(table, name);
