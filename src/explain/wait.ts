/** `tsrun wait`: waits until a container has ended, and tells how. */
import { type Invocation, idOf } from '../cli/invocation.ts';
import { print } from '../cli/output.ts';
import { type ContainerEnding, describeEnding, endingOf } from '../container/ending.ts';
import { initOf, statusOf } from '../container/status.ts';
import { load, type Stored } from '../container/store.ts';
import { statusUnknown, usage } from '../errors.ts';
import { SIGNALS } from '../linux/constants/signals.ts';
import { closing, type Fd } from '../linux/files.ts';
import { pidfdOf } from '../linux/pidfd.ts';
import { endingOfPidfd, endingOfZombie, waitForPidfd } from '../linux/pidfdInfo.ts';
import type { Ending } from '../linux/processes.ts';
import { formatJson } from '../spec/formatJson.ts';

export function wait(invocation: Invocation): void {
  const format = invocation.values.text('format');
  if (format !== 'text' && format !== 'json') throw usage('invalid format option', 'wait');
  const ending = waitForEnding(load(invocation.globals.root, idOf(invocation)));
  print(format === 'json' ? `${formatJson(ending)}\n` : `${statusNumber(ending)}\n`);
}

/** 128 and the signal's number, as shells and `run` have it. */
function statusNumber({ exitStatus, exitSignal }: ContainerEnding): number {
  const signal = Object.entries(SIGNALS).find(([name]) => name === exitSignal)?.[1];
  return exitStatus ?? 128 + (signal ?? Number(exitSignal));
}

/** Throws `status-unknown` when it has ended and nobody knows how. */
function waitForEnding(stored: Stored): ContainerEnding {
  const init = initOf(stored);
  // Opened before it is asked whether it runs: from here on its number cannot become another's.
  const pidfd = init === undefined || statusOf(stored) === 'stopped' ? undefined : pidfdOf(init);
  const ending =
    pidfd === undefined ? endingOf(stored) : closing(pidfd, () => endingFrom(pidfd, stored));
  if (Object.keys(ending).length === 0) throw statusUnknown();
  return ending;
}

const FOREVER = -1;
/** How often a parent is asked for that has not reaped: its child's status can be read meanwhile. */
const TRIES = 3;
const PATIENCE_MS = 20;

function endingFrom(pidfd: Fd, stored: Stored): ContainerEnding {
  const { record } = stored;
  waitForPidfd(pidfd, false, FOREVER);
  for (let attempt = 0; attempt < TRIES; attempt += 1) {
    const ending: Ending | undefined =
      endingOfPidfd(pidfd) ?? endingOfZombie(record.init_process_pid);
    if (ending !== undefined) return describeEnding(ending, record);
    waitForPidfd(pidfd, true, PATIENCE_MS);
  }
  return {};
}
