/** Which program decides about devices in a v2 cgroup. */

import {
  attachDeviceProgram,
  attachedDevicePrograms,
  detachDeviceProgram,
  loadDeviceProgram,
} from '../linux/bpf.ts';
import { failedWith } from '../linux/call.ts';
import { close, closing, type Fd, openDirectory } from '../linux/files.ts';

/** Tells tsrun's program from those that systemd and others attach to the same cgroup. */
const PROGRAM_NAME = 'tsrun_devices';

/**
 * Puts a program in force in a cgroup directory, in place of tsrun's earlier one. A device must pass all
 * programs of a cgroup, so none that was forbidden is allowed for a moment in between.
 */
export function replaceDeviceProgram(directory: string, instructions: Uint8Array): void {
  closing(openDirectory(directory), (cgroup) =>
    closing(loadDeviceProgram(instructions, PROGRAM_NAME), (program) => {
      const old = attachedDevicePrograms(cgroup, PROGRAM_NAME);
      try {
        const [first, ...rest] = old;
        if (first === undefined) attachDeviceProgram(cgroup, program);
        else replace(cgroup, program, first);
        for (const other of rest) detachDeviceProgram(cgroup, other);
      } finally {
        for (const fd of old) close(fd);
      }
    }),
  );
}

function replace(cgroup: Fd, program: Fd, old: Fd): void {
  try {
    attachDeviceProgram(cgroup, program, old);
  } catch (thrown) {
    if (!failedWith(thrown, 'EINVAL')) throw thrown;
    // Before Linux 5.6: both, then the new one.
    attachDeviceProgram(cgroup, program);
    detachDeviceProgram(cgroup, old);
  }
}
