/**
 * process.terminal: standard streams are a terminal of the container's own devpts. process.consoleSize:
 * its size, in characters. config.md "Process"; pty(7).
 */

import type { Spec } from '../../generated/spec.ts';
import type { PlanContext } from '../../plan/context.ts';
import { type Slot, type Step, step } from '../../plan/step.ts';
import { error, type Problem } from '../../spec/problem.ts';
import { hasNamespace, mountsOnHost } from '../linux/namespaces.ts';
import { ROOT } from '../mounts/entry.ts';

const ORIGIN = '/process/terminal';

/** The terminal's master. */
const CONSOLE: Slot = 'console';

/** The kernel's winsize counts in unsigned short. */
const MAX_SIZE = 0xffff;

export function checkTerminal(spec: Spec): readonly Problem[] {
  const { terminal, consoleSize } = spec.process ?? {};
  if (!terminal || consoleSize === undefined) return [];
  return (['height', 'width'] as const)
    .filter((side) => consoleSize[side] > MAX_SIZE)
    .map((side) =>
      error(`/process/consoleSize/${side}`, `must be at most ${MAX_SIZE}`, consoleSize[side]),
    );
}

/** Who waits for the master at the other end of the socket reads the payload as the terminal's name. */
export const planConsole = ({ spec }: PlanContext): readonly Step[] =>
  planTerminal(spec, hasNamespace(spec, 'mount') || mountsOnHost(spec));

/** `exec`: one terminal more; /dev/console stays the container's first. */
export const planJoinedConsole = ({ spec }: PlanContext): readonly Step[] =>
  planTerminal(spec, false);

function planTerminal(spec: Spec, isConsole: boolean): readonly Step[] {
  const { terminal, consoleSize } = spec.process ?? {};
  if (!terminal) return [];
  return [
    step('init', ORIGIN, {
      call: 'console',
      root: ROOT,
      rows: consoleSize?.height ?? 0,
      columns: consoleSize?.width ?? 0,
      mount: isConsole ? 1 : 0,
      out: CONSOLE,
    }),
    step('init', ORIGIN, {
      call: 'send_fd',
      socket: 'console-socket',
      fd: CONSOLE,
      payload: '/dev/ptmx',
    }),
    step('init', ORIGIN, { call: 'close', fd: CONSOLE }),
  ];
}
