/** How a container ended, after the fact: nobody of tsrun need have waited for it. */
import { unless } from '../linux/call.ts';
import { SIGNALS } from '../linux/constants/signals.ts';
import { readTextIfExists } from '../linux/files.ts';
import { endingAt, endingOfZombie } from '../linux/pidfdInfo.ts';
import { type Ending, readProcess } from '../linux/processes.ts';
import type { StateRecord } from './record.ts';
import type { Stored } from './store.ts';

/** The file of the state directory over which init's pidfd is mounted (--keep-status). */
export const PIDFD_FILE = 'init.pidfd';

export interface ContainerEnding {
  readonly exitStatus?: number;
  /** `SIGKILL`. */
  readonly exitSignal?: string;
  readonly oomKilled?: boolean;
}

/** Of a stopped container; empty when it is not known any more. */
export function endingOf({ record, directory }: Stored): ContainerEnding {
  const ending = endingAt(`${directory}/${PIDFD_FILE}`) ?? endingOfUnreaped(record);
  return ending === undefined ? {} : describeEnding(ending, record);
}

/** With what the cgroup says of memory, which stays until `delete`. */
export function describeEnding(ending: Ending, record: StateRecord): ContainerEnding {
  if ('status' in ending) return { exitStatus: ending.status };
  const name = Object.entries(SIGNALS).find(([, number]) => number === ending.signal)?.[0];
  const oomKilled = ending.signal === SIGNALS.SIGKILL && record.cgroup_paths.some(hasKilled);
  return { exitSignal: name ?? String(ending.signal), oomKilled };
}

function endingOfUnreaped({ init_process_pid: pid, init_process_start: start }: StateRecord) {
  const isSame = pid !== 0 && readProcess(pid)?.startTime === start;
  return isSame ? endingOfZombie(pid) : undefined;
}

/** v2's memory.events and v1's memory.oom_control count the processes that were killed. */
function hasKilled(directory: string): boolean {
  const read = (file: string) =>
    unless(['EACCES', 'EPERM'], () => readTextIfExists(`${directory}/${file}`));
  const text = read('memory.events') ?? read('memory.oom_control') ?? '';
  return /^oom_kill [1-9]/m.test(text);
}
